/// Lower-case hex digits of `bytes`, two a byte.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    var digits: [UInt8] = []
    digits.reserveCapacity(bytes.count * 2)
    appendHexadecimal(bytes, to: &digits)
    return String(decoding: digits, as: UTF8.self)
}

/// Appends lower-case hex digits of `bytes` to a buffer.
package func appendHexadecimal(_ bytes: [UInt8], to buffer: inout [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe appendHexadecimal($0, to: &buffer) }
}

/// Appends the 64 lower-case hex digits of a digest to a buffer.
package func appendHexadecimal(_ digest: Digest, to buffer: inout [UInt8]) {
    unsafe digest.withUnsafeBytes { unsafe appendHexadecimal($0, to: &buffer) }
}

/// Appends the two lower-case hex digits of a byte to a buffer.
package func appendHexadecimal(_ byte: UInt8, to buffer: inout [UInt8]) {
    buffer.append(hexadecimalDigit(byte >> 4))
    buffer.append(hexadecimalDigit(byte & 0xF))
}

private func appendHexadecimal(_ bytes: UnsafeRawBufferPointer, to buffer: inout [UInt8]) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count * 2) { digits in
        for index in 0..<bytes.count {
            unsafe digits[index * 2] = hexadecimalDigit(bytes[index] >> 4)
            unsafe digits[index * 2 + 1] = hexadecimalDigit(bytes[index] & 0xF)
        }
        unsafe buffer.append(contentsOf: digits)
    }
}

/// Reads hex digits of either case; `nil` for an odd number of them or anything else.
package func bytes(hexadecimal text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = hexadecimalValue(digits[index]), let low = hexadecimalValue(digits[index + 1]) else {
            return nil
        }
        bytes.append(high << 4 | low)
    }
    return bytes
}

private func hexadecimalDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

private func hexadecimalValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}
