import Ledger
package import Metrics

/// What the engine counts of its work.
package struct DeliveryMetrics: Sendable {
    /// How long claiming took.
    package let claimDuration = Histogram(Histogram.seconds)

    /// How attempts ended, by class as in their facts.
    package let attempts = Counter<String>()

    /// Attempts of which it is not known whether they arrived.
    package let unknown = Tally()

    /// Claims of workers that were gone, which were taken back.
    package let reclaimed = Tally()

    func count(_ verdict: AttemptVerdict) {
        attempts.count(verdict.finding.rawValue)
        if verdict.eventType == .attemptUnknown { unknown.count() }
    }
}
