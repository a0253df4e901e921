package import Cryptography
package import Foundation

/// A UUID version 7 (RFC 9562): made by us, in the order of the times it was made at.
///
/// The 12 bits after the version hold the fraction of the millisecond (RFC 9562, method 3), fine enough that ids
/// made from strictly increasing microseconds increase strictly as well.
package struct EventID: Sendable, Hashable, Comparable {
    private let high: UInt64
    private let low: UInt64

    /// An id for the moment `time`, with 62 random bits.
    package init(at time: Timestamp, randomness: Randomness) {
        self.init(at: time, random: randomness.bytes(8)[...])
    }

    /// An id for the moment `time` with 62 of the first 64 bits of `random`.
    package init(at time: Timestamp, random: ArraySlice<UInt8>) {
        precondition(random.count >= 8, "an id takes eight random bytes")
        let milliseconds = UInt64(bitPattern: time.milliseconds)
        let fraction = UInt64(bitPattern: time.microseconds - time.milliseconds * 1000) * 4096 / 1000
        high = milliseconds << 16 | 0x7000 | fraction
        low = random.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    /// Takes any UUID, as read back from the ledger.
    package init(_ uuid: UUID) {
        let bytes = uuid.uuid
        func word(_ bytes: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)) -> UInt64 {
            let upper = UInt64(bytes.0) << 56 | UInt64(bytes.1) << 48 | UInt64(bytes.2) << 40 | UInt64(bytes.3) << 32
            return upper | UInt64(bytes.4) << 24 | UInt64(bytes.5) << 16 | UInt64(bytes.6) << 8 | UInt64(bytes.7)
        }
        high = word((bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5, bytes.6, bytes.7))
        low = word((bytes.8, bytes.9, bytes.10, bytes.11, bytes.12, bytes.13, bytes.14, bytes.15))
    }

    /// Reads the usual form of 36 characters; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36, let uuid = UUID(uuidString: String(text)) else { return nil }
        self.init(uuid)
    }

    /// The 16 bytes in network order.
    package var bytes: [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Lends the 16 bytes in network order.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe Swift.withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { unsafe body($0) }
    }

    /// Appends the 16 bytes in network order.
    package func append(to buffer: inout [UInt8]) {
        unsafe withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    }

    package static func < (lhs: EventID, rhs: EventID) -> Bool {
        (lhs.high, lhs.low) < (rhs.high, rhs.low)
    }
}

extension EventID: CustomStringConvertible {
    /// The usual form: 36 characters, lower case.
    package var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(36)
        appendText(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends ``description`` in ASCII.
    func appendText(to text: inout [UInt8]) {
        unsafe withUnsafeBytes { bytes in
            for index in 0..<bytes.count {
                if index == 4 || index == 6 || index == 8 || index == 10 { text.append(UInt8(ascii: "-")) }
                appendHexadecimal(unsafe bytes[index], to: &text)
            }
        }
    }
}
