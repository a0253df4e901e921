package import HTTPClient

/// How deliveries are made, beside what partners and the ledger say.
package struct DeliverySettings: Sendable {
    /// What our requests name as their sender: `ShareLedger/<version>`.
    package var userAgent: String

    /// Pauses between the tries of one delivery.
    package var schedule = RetrySchedule.standard

    /// When a destination counts as struggling or out.
    package var outage = OutageRules()

    /// Requests that may be under way to our own desk at once, over all processes.
    package var deskConcurrency = 4

    /// What we listen on ourselves: never a target, whoever names it.
    package var listeners: Set<Endpoint> = []

    /// Bounds of one request.
    package var limits = HTTPLimits()

    /// How long finding the addresses of a name may take.
    package var resolveLimit = Duration.seconds(5)

    /// Deliveries that this process works on at once.
    package var maximumInFlight = 128

    /// Bytes of messages that this process works on at once; a single larger one is worked on alone.
    package var maximumInFlightByteCount = 16 << 20

    /// How long a claim holds without a heartbeat; whole seconds. With ``upkeepInterval`` less than a minute.
    package var claimLifetime = Duration.seconds(45)

    /// How often claims are renewed.
    package var heartbeatInterval = Duration.seconds(15)

    /// How soon the queue is looked at again without a reason, right after there was work.
    package var shortestPoll = Duration.milliseconds(100)

    /// How soon the queue is looked at again without a reason, when there is nothing to do for long.
    package var longestPoll = Duration.seconds(2)

    /// How often claims of processes that died, and replays that are done, are looked for.
    package var upkeepInterval = Duration.seconds(5)

    /// How long the first attempt to be recorded waits for others, to share a commit with them.
    package var gatherTime = Duration.milliseconds(3)

    package init(version: String) {
        userAgent = "ShareLedger/\(version)"
    }

    /// How long to leave the queue alone after a claim: several times as long as it took, so that claims take no more than a
    /// quarter of the time, and many deliveries share one where there are many.
    func pause(afterClaimOf duration: Duration) -> Duration {
        min(max(duration * 3, .milliseconds(2)), .milliseconds(100))
    }
}
