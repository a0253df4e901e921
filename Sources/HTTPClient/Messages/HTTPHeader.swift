/// One header line of a request or an answer, its value byte for byte.
package struct HTTPHeader: Hashable, Sendable {
    /// In the spelling in which it was given or came.
    package let name: String

    /// Without the blanks around it; not necessarily UTF-8 where it came from a partner.
    package let value: [UInt8]

    /// Takes any value; ``HTTPRequest`` checks what it sends.
    package init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }

    /// Takes a value as UTF-8.
    package init(_ name: String, _ value: String) {
        self.init(name: name, value: Array(value.utf8))
    }

    /// The value as text, with replacement characters where it is not UTF-8.
    package var text: String { String(decoding: value, as: UTF8.self) }

    /// Whether this is the header of that name, whose case does not matter.
    package func isNamed(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count
            && zip(name.utf8, other.utf8).allSatisfy { $0.lowercased == $1.lowercased }
    }
}

// MARK: - Syntax

extension HTTPHeader {
    /// Whether the byte may stand in a header's name: a token character of RFC 9110.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    /// Whether the value can be sent as it is: no control characters but tabs, no blanks at its ends.
    var isSendable: Bool {
        value.first?.isBlank != true && value.last?.isBlank != true
            && value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

extension [HTTPHeader] {
    /// The first header of that name.
    package func first(named name: String) -> HTTPHeader? {
        first { $0.isNamed(name) }
    }
}
