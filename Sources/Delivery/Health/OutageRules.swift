/// When a destination counts as struggling or out, and how it comes back.
package struct OutageRules: Sendable, Equatable {
    /// Faults of the transport in a row after which nothing more is sent but canaries.
    package var faultTolerance = 5

    /// The same where the first of them is longer ago than ``patience``: little traffic must not hide an outage.
    package var patientFaultTolerance = 3
    package var patience = Duration.seconds(60)

    /// Failures in a row of any kind, answers such as 503 too, after which it is out.
    package var failureTolerance = 10

    /// Failures among the last ``window`` attempts from which on it struggles, or is out.
    package var strugglingCount = 5
    package var outCount = 15
    package static let window = 20

    /// Answers 401 or 403 in a row after which the partner is paused.
    package var refusalTolerance = 3

    /// The pause before the first canary; each that fails doubles it.
    package var firstInterval = Duration.seconds(5)
    package var longestInterval = Duration.seconds(60)

    package init() {}

    /// The pause before the next canary.
    ///
    /// - Parameter failed: Canaries that failed since the destination went out.
    func interval(afterCanaries failed: Int) -> Duration {
        min(firstInterval * (1 << min(failed, 16)), longestInterval)
    }
}
