/// Appends JSON to bytes; commas are its business, names and order the caller's.
///
///     var writer = JSONWriter()
///     writer.object {
///         $0.member("uuid", "4c1f")
///         $0.member("public", true)
///     }
package struct JSONWriter: Sendable {
    /// What was written so far.
    package private(set) var bytes: [UInt8] = []

    private var needsComma = false

    /// Makes a writer with room for so many bytes; it grows where they are not enough.
    package init(capacity: Int = 512) {
        bytes.reserveCapacity(capacity)
    }
}

// MARK: - Values

extension JSONWriter {
    /// Writes an object with the members that `content` writes.
    package mutating func object<Failure: Error>(
        _ content: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        try container(UInt8(ascii: "{"), UInt8(ascii: "}"), content)
    }

    /// Writes an array with the values that `content` writes.
    package mutating func array<Failure: Error>(
        _ content: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        try container(UInt8(ascii: "["), UInt8(ascii: "]"), content)
    }

    /// Writes a string, escaping only what JSON demands: quotes, backslashes and control characters.
    package mutating func string(_ text: String) {
        separate()
        quote(text)
    }

    /// Writes a number without fraction.
    package mutating func integer(_ number: some FixedWidthInteger & Sendable) {
        separate()
        append(digitsOf: number)
    }

    /// Writes `true` or `false`.
    package mutating func bool(_ value: Bool) {
        separate()
        bytes += value ? Self.trueBytes : Self.falseBytes
    }

    /// Writes `null`.
    package mutating func null() {
        separate()
        bytes += Self.nullBytes
    }

    /// Splices one value that is JSON already, byte for byte.
    package mutating func raw(_ json: some Collection<UInt8>) {
        separate()
        bytes += json
    }
}

// MARK: - Members

extension JSONWriter {
    /// Writes a member's name; the next value written is the member's.
    package mutating func name(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Splices a member's name that is JSON already, quotes included; the next value written is the member's.
    package mutating func rawName(_ json: some Collection<UInt8>) {
        separate()
        bytes += json
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member whose value is a string.
    package mutating func member(_ name: String, _ text: String) {
        self.name(name)
        string(text)
    }

    /// Writes a member whose value is a number without fraction.
    package mutating func member(_ name: String, _ number: some FixedWidthInteger & Sendable) {
        self.name(name)
        integer(number)
    }

    /// Writes a member whose value is `true` or `false`.
    package mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        bool(value)
    }
}

// MARK: - Bytes

extension JSONWriter {
    private static let trueBytes = Array("true".utf8)
    private static let falseBytes = Array("false".utf8)
    private static let nullBytes = Array("null".utf8)
    private static let hexDigits = Array("0123456789abcdef".utf8)

    private mutating func container<Failure: Error>(
        _ opening: UInt8,
        _ closing: UInt8,
        _ content: (inout JSONWriter) throws(Failure) -> Void,
    ) throws(Failure) {
        separate()
        bytes.append(opening)
        needsComma = false
        try content(&self)
        bytes.append(closing)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            guard unsafe !utf8.contains(where: Self.needsEscape) else { return false }
            unsafe bytes += utf8
            return true
        }
        if !isPlain {
            for byte in text.utf8 { escape(byte) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        guard Self.needsEscape(byte) else { return bytes.append(byte) }
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case ..<0x20:
            bytes += [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
            bytes.append(Self.hexDigits[Int(byte >> 4)])
            bytes.append(Self.hexDigits[Int(byte & 0xF)])
        default: bytes.append(byte)
        }
    }

    private mutating func append(digitsOf number: some FixedWidthInteger) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = bytes.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest != 0
        bytes[start...].reverse()
    }
}
