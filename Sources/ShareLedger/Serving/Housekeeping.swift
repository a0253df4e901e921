import Gateway
import Ledger
import LedgerStore
import Logging
import Postgres
import Sharing

/// What has to be done now and then: counts of refusals go into the ledger, old idempotency keys go away.
struct Housekeeping: Sendable {
    let store: Store
    let budgets: Budgets
    let knownKeys: KnownKeys
    let logger: Logger

    /// How long the first answer to an `Idempotency-Key` is kept.
    private static let keyLifetime = Duration.seconds(7 * 86_400)

    /// Works once a minute until cancelled.
    func run() async {
        while !Task.isCancelled {
            // Cancellation ends the loop.
            try? await Task.sleep(for: .seconds(60))
            guard !Task.isCancelled else { return }
            await recordCounts()
            await forgetOldKeys()
            await learnKeys()
        }
    }

    /// Learns of the access keys that other processes have stored: commands, or a second service.
    func learnKeys() async {
        do {
            knownKeys.insert(try await store.read { session in try AgreementReader.keyFingerprints(in: &session) })
        } catch {
            logger.warning("new access keys are not known", metadata: ["error": "\(error)"])
        }
    }

    /// Says how much of the last minute was not recorded one by one: refusals in the ledger, strangers in the log.
    func recordCounts() async {
        if let turnedAway = budgets.strangers.takeTurnedAway() {
            logger.warning(
                "strangers have used up what is recorded of them today; the rest is answered with 503",
                metadata: [
                    "messages": "\(turnedAway.count)", "since": "\(turnedAway.since)",
                    "sources": "\(turnedAway.sources.joined(separator: ", "))",
                ]
            )
        }
        for uncounted in budgets.refusals.takeUncounted() {
            do {
                try await store.appender.append(StateKeys(), byteCount: 512) { transaction in
                    transaction.recordRefusals(uncounted.count, from: uncounted.source, since: uncounted.since)
                }
            } catch {
                let lost = "\(uncounted.count) of \(uncounted.source)"
                logger.warning("a count of refusals is lost", metadata: ["refusals": "\(lost)", "error": "\(error)"])
            }
        }
    }

    private func forgetOldKeys() async {
        let oldest = Timestamp.now().advanced(by: .zero - Self.keyLifetime)
        do {
            _ = try await store.read { session in
                try session.execute("DELETE FROM ledger.idempotency_key WHERE recorded_at < \(oldest)")
            }
        } catch {
            logger.warning("old idempotency keys stay", metadata: ["error": "\(error)"])
        }
    }
}
