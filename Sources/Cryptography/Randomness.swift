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
