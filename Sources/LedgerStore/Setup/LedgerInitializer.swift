import JSON
package import Ledger
package import Postgres
package import Sharing
import TicketSharing

/// Opens the first epoch of a ledger: from then on it has an origin, and its leaves name it.
package enum LedgerInitializer {
    /// What was found or done.
    package enum Outcome: Sendable, Equatable {
        case opened(Origin)
        case exists(Origin)
    }

    /// Appends `epoch.opened` at position 0 unless there is a ledger already.
    package static func open(
        _ origin: Origin,
        settings: SharingSettings,
        keys: KeyRing,
        operator: String,
        at now: Timestamp,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Outcome {
        _ = try session.query("SELECT ledger.ensure_partitions(0)")
        var writer = try TransactionWriter(in: &session)
        var loader = StateLoader()
        let loaded = try loader.begin(StateKeys(), in: &session)
        if let existing = loaded.origin {
            _ = try session.execute("ROLLBACK")
            return .exists(existing)
        }
        var transaction = SharingTransaction(
            settings: settings,
            keys: keys,
            now: now,
            sequencer: EventSequencer(origin: origin, after: nil, streams: loaded.streams, shares: [:]),
            state: loaded.state,
        )
        let facts = Facts.object { facts in
            facts.member("origin", "\(origin)")
            facts.member("size", 0)
        }
        let detail = Facts.detail(["operator": `operator`, "public_url": settings.publicURL.text])
        let parts = [transaction.part(.facts, facts), transaction.part(.detail, detail)]
        let receipt = transaction.append(EventDraft(.epochOpened, stream: .system, parts: parts))
        transaction.opened(origin, first: receipt)
        try writer.commit(transaction, additional: [], in: &session)
        return .opened(origin)
    }
}
