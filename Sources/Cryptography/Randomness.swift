import CCrypto

/// Where random bytes come from: libcrypto in the program, a seed in tests.
package struct Randomness: Sendable {
    private let fill: @Sendable (Int) -> [UInt8]

    package init(fill: @escaping @Sendable (Int) -> [UInt8]) {
        self.fill = fill
    }

    /// `count` bytes.
    package func bytes(_ count: Int) -> [UInt8] {
        fill(count)
    }

    /// libcrypto's generator, seeded by the kernel.
    package static let system = Randomness { count in
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let done = unsafe RAND_bytes(buffer.baseAddress, Int32(count))
            precondition(done == 1, "the random number generator is not seeded")
            initialized = count
        }
    }
}

/// Random bytes drawn in advance, as each draw takes a lock and asks for the process: for one owner, many small takes.
package struct RandomPool: Sendable {
    private let randomness: Randomness
    private let drawnCount: Int
    private var bytes: ArraySlice<UInt8> = []

    /// - Parameter drawnCount: How many bytes are drawn at once.
    package init(_ randomness: Randomness, drawing drawnCount: Int = 512) {
        self.randomness = randomness
        self.drawnCount = drawnCount
    }

    /// `count` bytes that nobody else gets.
    package mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        if bytes.count < count { bytes = randomness.bytes(max(count, drawnCount))[...] }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count)
    }
}
