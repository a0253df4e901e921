/// Values bound to a statement, already in binary form: one buffer for all of them.
package struct PostgresParameters: Sendable {
    private enum Slot {
        case null
        case inline(start: Int, count: Int)
        case shared(index: Int)
    }

    /// The types that the server is told, `$1` first.
    package private(set) var types: [PostgresType] = []

    private var slots: [Slot] = []
    private var buffer = PostgresBuffer()
    private var shared: [PostgresBuffer] = []

    /// None.
    package init() {}

    /// How many there are.
    package var count: Int { types.count }

    /// Copies a value into the buffer.
    package mutating func append<Value: PostgresEncodable>(_ value: Value) {
        types.append(Value.postgresType)
        guard !value.isNull else {
            slots.append(.null)
            return
        }
        let start = buffer.count
        value.encode(into: &buffer)
        slots.append(.inline(start: start, count: buffer.count - start))
    }

    /// Takes a large value over without copying it.
    package mutating func append(_ value: PostgresBuffer, type: PostgresType) {
        types.append(type)
        slots.append(.shared(index: shared.count))
        shared.append(value)
    }

    /// Adds all of another statement's.
    package mutating func append(contentsOf other: PostgresParameters) {
        types += other.types
        let offset = buffer.count
        let firstShared = shared.count
        buffer.append(contentsOf: other.buffer)
        shared += other.shared
        for slot in other.slots {
            switch slot {
            case .null: slots.append(.null)
            case .inline(let start, let count): slots.append(.inline(start: start + offset, count: count))
            case .shared(let index): slots.append(.shared(index: index + firstShared))
            }
        }
    }

    /// The longest value, in bytes; the server takes no field of 1 GiB.
    var largestByteCount: Int {
        slots.lazy.map(byteCount(of:)).max() ?? 0
    }

    private func byteCount(of slot: Slot) -> Int {
        switch slot {
        case .null: 0
        case .inline(_, let count): count
        case .shared(let index): shared[index].count
        }
    }
}

// MARK: - Sending

extension PostgresParameters {
    /// The four arrays that libpq wants, valid inside ``withBindings(_:)`` only.
    @unsafe struct Bindings {
        let count: Int32
        let types: UnsafePointer<UInt32>?
        let values: UnsafePointer<UnsafePointer<CChar>?>?
        let lengths: UnsafePointer<Int32>?
        let formats: UnsafePointer<Int32>?
    }

    func withBindings<Result>(_ body: (Bindings) -> Result) -> Result {
        var values: [UnsafePointer<CChar>?] = unsafe []
        unsafe values.reserveCapacity(count)
        let lengths = slots.map { Int32(truncatingIfNeeded: byteCount(of: $0)) }
        let formats = [Int32](repeating: 1, count: count)
        let types = types.map(\.rawValue)
        return unsafe withAddresses(from: 0) { inline, large in
            for slot in slots {
                switch slot {
                case .null: unsafe values.append(nil)
                case .inline(let start, _): unsafe values.append((inline + start).assumingMemoryBound(to: CChar.self))
                case .shared(let index): unsafe values.append(large[index].assumingMemoryBound(to: CChar.self))
                }
            }
            return unsafe values.withUnsafeBufferPointer { values in
                unsafe lengths.withUnsafeBufferPointer { lengths in
                    unsafe formats.withUnsafeBufferPointer { formats in
                        unsafe types.withUnsafeBufferPointer { types in
                            unsafe body(
                                Bindings(
                                    count: Int32(truncatingIfNeeded: types.count),
                                    types: types.baseAddress,
                                    values: values.baseAddress,
                                    lengths: lengths.baseAddress,
                                    formats: formats.baseAddress,
                                )
                            )
                        }
                    }
                }
            }
        }
    }

    /// Lends the addresses of the buffer and, one closure deeper each, of the values that were taken over.
    private func withAddresses<Result>(
        from index: Int,
        _ large: [UnsafeRawPointer] = unsafe [],
        _ body: (UnsafeRawPointer, [UnsafeRawPointer]) -> Result,
    ) -> Result {
        let next = index < shared.count ? shared[index] : buffer
        return unsafe next.withUnsafeBytes { bytes in
            // libpq takes a nil address for NULL, so an empty value needs some address, which is not read.
            let address = unsafe bytes.baseAddress ?? Self.nowhere
            guard index < shared.count else { return unsafe body(address, large) }
            return unsafe withAddresses(from: index + 1, large + [address], body)
        }
    }

    private static var nowhere: UnsafeRawPointer {
        guard let address = unsafe UnsafeRawPointer(bitPattern: 16) else {
            preconditionFailure("16 is not the null address")
        }
        return unsafe address
    }
}

// MARK: - Keeping values out of messages

extension PostgresParameters {
    /// `message` with `…` for every bound text, or piece of one in quotes, that stands in it.
    ///
    /// Some messages outside the class for bad data quote a value, as `relation "secret" does not exist` does after a cast.
    /// Texts shorter than four bytes are replaced only between quotes, as they occur anywhere by chance; what the statement
    /// itself contains is no secret.
    func redacting(_ message: String, of statement: String) -> String {
        var message = message
        for text in texts {
            message =
                text.utf8.count < 4
                ? message.replacing("\"\(text)\"", with: "\"…\"")
                : message.replacing(text, with: "…")
        }
        if let start = message.firstIndex(of: "\""), let end = message.lastIndex(of: "\""), start < end {
            let quoted = message[message.index(after: start)..<end]
            if !quoted.isEmpty, !statement.contains(quoted), texts.contains(where: { $0.contains(quoted) }) {
                message = message.replacing(quoted, with: "…")
            }
        }
        return message
    }

    private var texts: [String] {
        let bytes = buffer.bytes
        return slots.compactMap { slot in
            guard case .inline(let start, let count) = slot, count > 0, count <= Self.longestRedacted else {
                return nil
            }
            let text = String(validating: bytes[start..<start + count], as: UTF8.self)
            return text.flatMap { $0.contains("\0") ? nil : $0 }
        }
    }

    /// No message quotes more.
    private static let longestRedacted = 65536
}
