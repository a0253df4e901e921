/// RFC 8259 read the plainest way, to compare the real reader with: recursive, one byte at a time, no limits.
struct ReferenceReader {
    /// A value with the places of all that it holds.
    indirect enum Value: Equatable {
        case null(Range<Int>)
        case bool(Bool, Range<Int>)
        case number(Range<Int>)
        case string(Text)
        case array([Value], Range<Int>)
        case object([Member], Range<Int>)
    }

    struct Member: Equatable {
        let name: Text
        let value: Value
    }

    /// A string's UTF-16 units, lone surrogates included.
    struct Text: Equatable {
        let units: [UInt16]
        let range: Range<Int>
    }

    struct Refusal: Error {
        let offset: Int
    }

    private let bytes: [UInt8]
    private var position = 0

    static func read(_ bytes: [UInt8]) throws -> Value {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Refusal(offset: 0) }
        var reader = ReferenceReader(bytes: bytes)
        reader.skipSpace()
        let value = try reader.value()
        reader.skipSpace()
        guard reader.position == bytes.count else { throw Refusal(offset: reader.position) }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var current: Character? {
        position < bytes.count ? Character(UnicodeScalar(bytes[position])) : nil
    }

    private mutating func skipSpace() {
        while let character = current, " \t\n\r".unicodeScalars.contains(character.unicodeScalars.first!) {
            position += 1
        }
    }

    private mutating func take(_ expected: String) throws {
        for byte in expected.utf8 {
            guard position < bytes.count, bytes[position] == byte else { throw Refusal(offset: position) }
            position += 1
        }
    }

    private mutating func value() throws -> Value {
        let start = position
        switch current {
        case "n":
            try take("null")
            return .null(start..<position)
        case "t":
            try take("true")
            return .bool(true, start..<position)
        case "f":
            try take("false")
            return .bool(false, start..<position)
        case "\"":
            return .string(try text())
        case "[":
            return try array()
        case "{":
            return try object()
        default:
            try number()
            return .number(start..<position)
        }
    }

    private mutating func array() throws -> Value {
        let start = position
        var elements: [Value] = []
        try take("[")
        skipSpace()
        if current != "]" {
            while true {
                skipSpace()
                elements.append(try value())
                skipSpace()
                guard current == "," else { break }
                try take(",")
            }
        }
        try take("]")
        return .array(elements, start..<position)
    }

    private mutating func object() throws -> Value {
        let start = position
        var members: [Member] = []
        try take("{")
        skipSpace()
        if current != "}" {
            while true {
                skipSpace()
                let name = try text()
                skipSpace()
                try take(":")
                skipSpace()
                members.append(Member(name: name, value: try value()))
                skipSpace()
                guard current == "," else { break }
                try take(",")
            }
        }
        try take("}")
        return .object(members, start..<position)
    }

    private mutating func digits() throws {
        guard let first = current, first.isASCII, first.isNumber else { throw Refusal(offset: position) }
        while let digit = current, digit.isASCII, digit.isNumber { position += 1 }
    }

    private mutating func number() throws {
        if current == "-" { position += 1 }
        if current == "0" { position += 1 } else { try digits() }
        if current == "." {
            position += 1
            try digits()
        }
        if current == "e" || current == "E" {
            position += 1
            if current == "+" || current == "-" { position += 1 }
            try digits()
        }
    }

    private mutating func text() throws -> Text {
        let start = position
        var units: [UInt16] = []
        try take("\"")
        while current != "\"" {
            guard position < bytes.count, bytes[position] >= 0x20 else { throw Refusal(offset: position) }
            if current == "\\" {
                position += 1
                units.append(try escape())
            } else {
                let first = position
                position += 1
                while position < bytes.count, bytes[position] & 0xC0 == 0x80 { position += 1 }
                units += Array(String(decoding: bytes[first..<position], as: UTF8.self).utf16)
            }
        }
        try take("\"")
        return Text(units: units, range: start..<position)
    }

    private mutating func escape() throws -> UInt16 {
        let simple: [Character: UInt16] = [
            "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 0x08, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09,
        ]
        guard let letter = current else { throw Refusal(offset: position) }
        position += 1
        if let unit = simple[letter] { return unit }
        guard letter == "u", position + 4 <= bytes.count else { throw Refusal(offset: position) }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        guard digits.allSatisfy(\.isHexDigit), digits.utf8.count == 4, let unit = UInt16(digits, radix: 16) else {
            throw Refusal(offset: position)
        }
        position += 4
        return unit
    }
}
