/// Header fields as one run of bytes: `name: value` lines in order, each LF-ended.
///
/// Neither a name nor a value can hold a line end, so the form is unambiguous and reads as what was on the wire.
package struct HeaderBlock: Sendable, Equatable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Takes a block that was stored.
    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Adds a field; line ends, which no HTTP reader lets through, would be written as spaces.
    package mutating func append(name: some Sequence<UInt8>, value: some Sequence<UInt8>) {
        appendCleaned(name)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
        appendCleaned(value)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Adds a field of text.
    package mutating func append(_ name: String, _ value: String) {
        append(name: name.utf8, value: value.utf8)
    }

    private mutating func appendCleaned(_ text: some Sequence<UInt8>) {
        for byte in text {
            bytes.append(byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") ? UInt8(ascii: " ") : byte)
        }
    }

    /// Names and values in order, as text; bytes that are not UTF-8 are shown as U+FFFD.
    package var fields: [(name: String, value: String)] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            let value = line.dropFirst(name.count + 2)
            return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
    }
}
