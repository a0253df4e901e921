import Cryptography
import Delivery
import JSON
import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TicketSharing

/// Begins a new epoch of a ledger that was just read, in the same transaction, and commits.
///
/// Its first event names the old origin with its size and root, so that an older copy, which goes on under the old origin,
/// is told from this one by every leaf. Then all that would send by itself is held back.
struct EpochOpening {
    private let `operator`: String
    private let now: Timestamp
    private let keys: KeyRing

    /// - Parameter keys: What is recorded here needs none.
    init(operator: String, now: Timestamp, keys: KeyRing?) {
        self.operator = `operator`
        self.now = now
        self.keys = keys ?? KeyRing(master: Randomness.system.bytes(KeyRing.masterByteCount))
    }

    func run(after report: inout LedgerImport.Report, in session: inout PostgresSession) throws {
        guard let saved = try SavedSettings.load(in: &session) else {
            throw TransferFault(.file, "it lacks the settings that the service last ran with")
        }
        let deliveries = try RecoveredDeliveries(in: &session)
        // One that is still being enqueued is sent by nobody, and given up by the service as its operator is gone.
        let replays = try session.query(
            """
            SELECT replay_id
            FROM delivery.replay
            WHERE finished_at IS NULL
                AND cancelled_at IS NULL
                AND NOT paused
                AND prepared_until IS NULL
            """
        ).decode((Position).self)
        var needs = deliveries.keys
        needs.replays = Set(replays)
        var writer = try TransactionWriter(in: &session)
        var loader = StateLoader()
        let loaded = try loader.begin(needs, isBegun: true, in: &session)
        guard let old = loaded.origin, let head = loaded.head,
            let origin = Origin(name: old.name, epoch: old.epoch + 1)
        else { throw TransferFault(.file, "it opens no epoch") }
        let settings = try saved.sharingSettings()
        var transaction = SharingTransaction(
            settings: settings,
            keys: keys,
            now: now,
            sequencer: EventSequencer(
                origin: origin,
                after: head,
                streams: loaded.streams,
                shares: loaded.shares,
            ),
            state: loaded.state,
        )
        open(origin, after: old, report, settings, &transaction)
        let reason = "the ledger was read from an export of \(old) and may be older than what was sent"
        var statements = deliveries.hold(because: reason, in: &transaction)
        var paused: [String] = []
        for partner in transaction.partners.all where partner.state == .active && !partner.isPaused {
            _ = try transaction.setPaused(true, partner: partner.name, operator: self.operator, reason: reason)
            paused.append(partner.name)
        }
        statements += try ReplayControl.pause(replays, operator: self.operator, reason: reason, in: &transaction)
        statements.append(
            "UPDATE projection.follower SET next_position = \(transaction.sequencer.next) WHERE name = 'ticket'"
        )
        try writer.commit(transaction, additional: statements, in: &session)
        report.oldOrigin = old
        report.origin = origin
        report.pausedPartners = paused
        report.pausedReplays = replays
        report.heldDeskCount = deliveries.deskCount
    }

    private func open(
        _ origin: Origin,
        after old: Origin,
        _ report: LedgerImport.Report,
        _ settings: SharingSettings,
        _ transaction: inout SharingTransaction,
    ) {
        let facts = Facts.object { facts in
            facts.member("origin", "\(origin)")
            facts.member("size", report.eventCount)
            facts.member("old_origin", "\(old)")
            facts.member("root", "\(report.root)")
        }
        let detail = Facts.detail([
            "operator": self.operator,
            "public_url": settings.publicURL.text,
            "reason": "read from an export of \(old) with \(report.eventCount) events",
        ])
        let parts = [transaction.part(.facts, facts), transaction.part(.detail, detail)]
        let receipt = transaction.append(EventDraft(.epochOpened, stream: .system, parts: parts))
        transaction.opened(origin, first: receipt)
    }
}
