/// A statement with its values, which are never part of its text.
///
/// ```swift
/// let sql: SQL = "SELECT name FROM partner WHERE id = \(id) AND state = ANY(\(states))"
/// ```
/// has the text `… id = $1 AND state = ANY($2)`. Values are bound in binary form under the type of the Swift value, so where
/// the server needs another one a cast says so: `\(json)::jsonb`. What runs thousands of times a second is better built once
/// as a ``Statement``.
package struct SQL: Sendable {
    /// What the server reads, with `$1`, `$2` … for the values.
    package private(set) var text: String

    /// The values.
    package private(set) var parameters: PostgresParameters

    /// Where in the text's UTF-8 placeholders that were interpolated begin, so that a fragment's can be numbered anew.
    private var placeholders: [Int]

    /// False for statements that are not worth a prepared statement, or would break as one.
    package var isPreparable = true

    /// Trusted text that is not a literal, with nothing to bind.
    package init(unescaped text: String) {
        self.init(text: text, parameters: PostgresParameters())
    }

    init(text: String, parameters: PostgresParameters) {
        self.text = text
        self.parameters = parameters
        placeholders = []
    }

    /// Adds a fragment; its placeholders are numbered after those that are there.
    package static func += (sql: inout SQL, fragment: SQL) {
        sql.append(fragment)
    }
}

// MARK: - Building

extension SQL: ExpressibleByStringInterpolation {
    package init(stringLiteral value: String) {
        self.init(unescaped: value)
    }

    package init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    /// Tells values, identifiers and trusted text apart while a literal is put together.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var sql: SQL

        package init(literalCapacity: Int, interpolationCount: Int) {
            sql = SQL(unescaped: "")
            sql.text.reserveCapacity(literalCapacity + interpolationCount * 3)
        }

        package mutating func appendLiteral(_ literal: String) {
            sql.text += literal
        }

        /// Binds a value as the next parameter.
        package mutating func appendInterpolation(_ value: some PostgresEncodable) {
            sql.appendPlaceholder()
            value.bind(to: &sql.parameters)
        }

        /// Adds a fragment with its own values.
        package mutating func appendInterpolation(_ fragment: SQL) {
            sql.append(fragment)
        }

        /// Splices text as it is: for constants of the program, never for what came from outside.
        package mutating func appendInterpolation(unescaped text: String) {
            sql.text += text
        }

        /// Quotes a name, or the parts of a qualified one, whatever characters it has.
        package mutating func appendInterpolation(identifier parts: String...) {
            sql.text += parts.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ".")
        }
    }

    private mutating func appendPlaceholder() {
        placeholders.append(text.utf8.count)
        text += "$\(parameters.count + 1)"
    }

    private mutating func append(_ fragment: SQL) {
        precondition(
            fragment.placeholders.count == fragment.parameters.count,
            "only interpolated statements can be fragments: written placeholders cannot be numbered anew"
        )
        let source = fragment.text.utf8
        var copied = source.startIndex
        for (index, offset) in fragment.placeholders.enumerated() {
            let start = source.index(source.startIndex, offsetBy: offset)
            text += fragment.text[copied..<start]
            placeholders.append(text.utf8.count)
            text += "$\(parameters.count + index + 1)"
            copied = source.index(start, offsetBy: "$\(index + 1)".utf8.count)
        }
        text += fragment.text[copied...]
        parameters.append(contentsOf: fragment.parameters)
        isPreparable = isPreparable && fragment.isPreparable
    }
}

// MARK: - What it does

extension SQL {
    /// True for a statement that can end the transaction block it runs in.
    var mayEndTransaction: Bool {
        // What begins with a comment is not looked into, but taken for the worst.
        let word = firstWord
        return word.isEmpty
            || ["commit", "end", "rollback", "abort", "prepare"].contains { Self.isKeyword(word, $0) }
    }

    /// True for one after which nothing is committed without another word.
    var opensTransaction: Bool {
        let word = firstWord
        return Self.isKeyword(word, "begin") || Self.isKeyword(word, "start")
    }

    private var firstWord: Substring.UTF8View {
        text.utf8.drop { $0 <= UInt8(ascii: " ") || $0 == UInt8(ascii: ";") }
            .prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
    }

    /// Whether a word of letters is `keyword`, in upper or lower case.
    private static func isKeyword(_ word: Substring.UTF8View, _ keyword: String) -> Bool {
        word.elementsEqual(keyword.utf8) { $0 | 0x20 == $1 }
    }
}
