import Glibc

/// Bytes on their way to PostgreSQL, in network byte order.
///
/// An array that is longer than what is written: numbers are stored in place behind one check of the room left, which is
/// several times faster than appending their bytes. Emptied and filled again it allocates nothing.
package struct PostgresBuffer: Sendable {
    private var storage: [UInt8] = []

    /// Bytes written so far.
    package private(set) var count = 0

    /// Takes memory with the first byte.
    package init() {}

    /// Makes room for `byteCount` more bytes.
    @inline(__always)
    package mutating func reserve(_ byteCount: Int) {
        if storage.count - count < byteCount { grow(byteCount) }
    }

    @inline(never)
    private mutating func grow(_ byteCount: Int) {
        let size = max(64, storage.count * 2, count + byteCount)
        let count = count
        storage = unsafe [UInt8](unsafeUninitializedCapacity: size) { bytes, initializedCount in
            guard let start = bytes.baseAddress else { return }
            unsafe storage.withUnsafeBytes { written in
                guard let source = written.baseAddress else { return }
                unsafe UnsafeMutableRawPointer(start).copyMemory(from: source, byteCount: count)
            }
            // Never read before it is written, but an array holds no uninitialised elements.
            unsafe memset(start + count, 0, size - count)
            initializedCount = size
        }
    }

    /// Drops what was written from `count` on, keeping the memory.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= self.count, "a buffer is not longer after truncation")
        self.count = count
    }
}

// MARK: - Writing

extension PostgresBuffer {
    /// Any integer, most significant byte first.
    @inline(__always)
    package mutating func append<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer) {
        let size = MemoryLayout<Integer>.size
        reserve(size)
        let offset = count
        unsafe storage.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Integer.self)
        }
        count = offset + size
    }

    /// UTF-8, without a length before it.
    package mutating func append(utf8 string: String) {
        var string = string
        string.withUTF8 { text in
            unsafe append(raw: UnsafeRawBufferPointer(text))
        }
    }

    /// The bytes as they are.
    package mutating func append(bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe append(raw: bytes)
        }
    }

    /// The bytes as they are.
    package mutating func append(bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe append(raw: bytes)
        }
    }

    /// What another buffer holds.
    package mutating func append(contentsOf other: PostgresBuffer) {
        unsafe other.withUnsafeBytes { bytes in
            unsafe append(raw: bytes)
        }
    }

    /// The bytes as they are.
    package mutating func append(raw source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress else { return }
        reserve(source.count)
        let offset = count
        unsafe storage.withUnsafeMutableBytes { bytes in
            // The room was made above, so there is an address.
            unsafe bytes.baseAddress?.advanced(by: offset).copyMemory(from: start, byteCount: source.count)
        }
        count = offset + source.count
    }

    /// A 32-bit length, then the value, or the mark of NULL; returns whether it was a value.
    @discardableResult
    package mutating func appendField(_ value: some PostgresEncodable) -> Bool {
        guard !value.isNull else {
            append(Int32(-1))
            return false
        }
        let start = count
        append(Int32(0))
        value.encode(into: &self)
        // A parameter beyond 1 GiB is refused before it is sent, so no length that overflows ever leaves.
        overwrite(Int32(truncatingIfNeeded: count - start - 4), at: start)
        return true
    }

    /// Puts a number over four bytes that were written before.
    package mutating func overwrite(_ value: Int32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= count, "only what was written can be overwritten")
        unsafe storage.withUnsafeMutableBytes { bytes in
            unsafe bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self)
        }
    }

    /// A time as microseconds since 1970, in the form of `timestamptz`; see ``PostgresEpoch``.
    package mutating func append(microsecondsSince1970 microseconds: Int64) {
        append(PostgresEpoch.timestamp(microsecondsSince1970: microseconds))
    }
}

// MARK: - Reading

extension PostgresBuffer {
    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result,
    ) throws(Failure) -> Result {
        let written = storage.span.extracting(first: count)
        return try unsafe written.withUnsafeBytes(body)
    }

    /// A copy of what was written.
    package var bytes: [UInt8] {
        Array(storage.prefix(count))
    }
}
