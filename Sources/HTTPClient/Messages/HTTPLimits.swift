/// How long a request may take and how much of an answer is taken.
package struct HTTPLimits: Hashable, Sendable {
    /// From the start of the connection to the end of the TLS handshake, over all addresses tried.
    package var connect = Duration.seconds(10)

    /// From the call to the last byte of the answer, waiting for a free place included.
    package var total = Duration.seconds(30)

    /// Bytes a second below which a transfer is given up, once it has been that slow for ``lowSpeedTime``; 0 for never.
    ///
    /// The wait for an answer counts as slow, so the time is also how long a target may think.
    package var lowSpeedByteCount = 1

    /// How long a transfer may be slower than ``lowSpeedByteCount``; whole seconds.
    package var lowSpeedTime = Duration.seconds(20)

    /// Bytes of status lines, headers, interim answers and trailers together.
    package var maximumHeadByteCount = 64 << 10

    /// Bytes of the body that are kept.
    package var keptBodyByteCount = 64 << 10

    /// Bytes of the body that are read before the connection is cut.
    package var maximumBodyByteCount = 1 << 20

    /// Interim (1xx) answers before the final one.
    package var maximumInterimAnswers = 8

    /// Limits for messages to a partner; an answer there is small and its body of little interest.
    package init() {}
}
