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
    package mutating func append(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        appendCleaned(name)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
        appendCleaned(value)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Adds a field of text.
    package mutating func append(_ name: String, _ value: String) {
        append(name: Array(name.utf8)[...], value: Array(value.utf8)[...])
    }

    private mutating func appendCleaned(_ text: ArraySlice<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        for index in start..<bytes.count where bytes[index] == UInt8(ascii: "\n") || bytes[index] == UInt8(ascii: "\r")
        {
            bytes[index] = UInt8(ascii: " ")
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
