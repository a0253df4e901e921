/// A named value of a command line, `--name VALUE`, declared once for the parser and the help text.
///
/// Every option can also be given as an environment variable, `SHARELEDGER_` and its name in capitals. One that is no
/// ``setting`` should not be taken from there without a word.
package struct Option<Value: Sendable>: OptionDeclaration {
    package let name: String
    package let help: String

    /// What help shows as the value that is taken when none is given.
    package let defaultText: String?

    package private(set) var isSetting = false

    private let placeholder: String
    private let parse: @Sendable (String) throws -> Value

    package var usage: String { "--\(name) \(placeholder)" }
    package var takesText: Bool { true }
    package var valueWithoutText: (any Sendable)? { nil }

    /// `parse` throws a ``UsageError`` that says what is accepted.
    package init(
        _ name: String,
        _ placeholder: String,
        help: String,
        defaultText: String? = nil,
        parse: @escaping @Sendable (String) throws -> Value,
    ) {
        self.name = name
        self.placeholder = placeholder
        self.help = help
        self.defaultText = defaultText
        self.parse = parse
    }

    package func value(_ text: String) throws -> any Sendable {
        try parse(text)
    }

    /// The same, as one that says where and how the program runs.
    package var setting: Self {
        var copy = self
        copy.isSetting = true
        return copy
    }
}

extension Option where Value == String {
    /// An option that takes any text but none.
    package init(_ name: String, _ placeholder: String, help: String, defaultText: String? = nil) {
        self.init(name, placeholder, help: help, defaultText: defaultText) { text in
            guard !text.isEmpty else { throw UsageError("--\(name) needs a value that is not empty") }
            return text
        }
    }
}

extension Option where Value == Int {
    /// An option that takes a whole number of `range`.
    package init(
        _ name: String,
        _ placeholder: String,
        in range: ClosedRange<Int>,
        help: String,
        defaultText: String? = nil,
    ) {
        self.init(name, placeholder, help: help, defaultText: defaultText) { text in
            guard let number = Int(text), range.contains(number) else {
                throw UsageError(
                    "--\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound), not \(text.debugDescription)",
                )
            }
            return number
        }
    }
}

extension Option where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// An option that takes one of the raw values of an enumeration.
    package init(choosing name: String, help: String, defaultText: String? = nil) {
        let choices = Value.allCases.map(\.rawValue)
        self.init(name, choices.joined(separator: "|"), help: help, defaultText: defaultText) { text in
            guard let value = Value(rawValue: text) else {
                throw UsageError("--\(name) takes \(choices.joined(separator: " or ")), not \(text.debugDescription)")
            }
            return value
        }
    }
}

/// A named switch of a command line, `--name`, off when not given.
package struct Flag: OptionDeclaration {
    package let name: String
    package let help: String

    package private(set) var isSetting = false

    package var usage: String { "--\(name)" }
    package var defaultText: String? { nil }
    package var takesText: Bool { false }
    package var valueWithoutText: (any Sendable)? { true }

    package init(_ name: String, help: String) {
        self.name = name
        self.help = help
    }

    /// The same, as one that says where and how the program runs.
    package var setting: Self {
        var copy = self
        copy.isSetting = true
        return copy
    }

    /// Reads the value of the switch's environment variable.
    package func value(_ text: String) throws -> any Sendable {
        guard let isOn = truth(text) else {
            throw UsageError("--\(name) is on with 1 and off with 0, not \(text.debugDescription)")
        }
        return isOn
    }
}

/// A setting that is switched on with `--name`, off with `--name=no`, and otherwise left as it is.
package struct Toggle: OptionDeclaration {
    package let name: String
    package let help: String

    package var isSetting: Bool { false }
    package var usage: String { "--\(name)[=no]" }
    package var defaultText: String? { nil }
    package var takesText: Bool { true }
    package var valueWithoutText: (any Sendable)? { true }

    package init(_ name: String, help: String) {
        self.name = name
        self.help = help
    }

    package func value(_ text: String) throws -> any Sendable {
        guard !text.isEmpty, let isOn = truth(text) else {
            throw UsageError("--\(name) takes yes or no, not \(text.debugDescription)")
        }
        return isOn
    }
}

/// What a word says of a switch; `nil` where it says nothing.
private func truth(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "1", "true", "yes", "on": true
    case "", "0", "false", "no", "off": false
    default: nil
    }
}

/// What parser and help text need to know of an option.
package protocol OptionDeclaration: Sendable {
    /// Without the dashes.
    var name: String { get }

    /// How it is written, with what stands for its value.
    var usage: String { get }

    /// Whether a text can be given with it.
    var takesText: Bool { get }

    /// What it means without one; `nil` where it needs one.
    var valueWithoutText: (any Sendable)? { get }

    var help: String { get }
    var defaultText: String? { get }

    /// Whether it says where and how the program runs, and neither what it looks at nor what it does.
    var isSetting: Bool { get }

    /// Reads a value as text, or throws a ``UsageError``.
    func value(_ text: String) throws -> any Sendable
}

extension OptionDeclaration {
    /// `SHARELEDGER_PUBLIC_URL` for `public-url`.
    package var environmentName: String {
        "SHARELEDGER_" + name.uppercased().replacing("-", with: "_")
    }
}
