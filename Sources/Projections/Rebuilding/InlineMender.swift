import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Puts right what is written with every message: partners, agreements, ticket heads.
///
/// Rows that are right are not touched. Those that are not are deleted and made anew under the ledger's lock, a few at a
/// time, so that the appender never decides on half a state and never waits long. Where a message cannot be folded the row
/// is left as it is: it may be right, and what could be made in its place is not.
struct InlineMender: Sendable {
    /// What was found and done.
    struct Result: Sendable {
        var differences = DifferenceList()
        var mendedCount = 0
    }

    private let settings: SharingSettings
    private let keys: KeyRing
    private let end: Position

    /// Rows that are mended under one lock.
    private static let rowCount = 50

    /// - Parameter end: Where the folding of the heads in the rebuild's tables ended.
    init(settings: SharingSettings, keys: KeyRing, end: Position) {
        self.settings = settings
        self.keys = keys
        self.end = end
    }

    /// - Parameter isAllowed: Whether to mend what is found.
    func run(in session: inout PostgresSession, isAllowed: Bool) throws -> Result {
        var result = Result()
        // In one snapshot, as messages go on changing both what is folded and the rows.
        let (partners, agreements) = try session.transaction(.snapshot) { session in
            (
                try InlineComparison.partners(in: &session),
                try InlineComparison.agreements(keys: keys, in: &session)
            )
        }
        let heads = try headDifferences(in: &session)
        result.differences.add(partners)
        result.differences.add(agreements)
        result.differences.add(heads.first, count: heads.count)
        guard isAllowed else { return result }
        if partners.contains(where: \.isMendable) { result.mendedCount += try mendPartners(in: &session) }
        if agreements.contains(where: \.isMendable) { result.mendedCount += try mendAgreements(in: &session) }
        if heads.count > 0 { result.mendedCount += try mendHeads(in: &session) }
        return result
    }

    // MARK: Partners

    private func mendPartners(in session: inout PostgresSession) throws -> Int {
        try change(StateKeys(), in: &session) { session, transaction, _ in
            let (folded, faults) = try InlineComparison.foldPartners(in: &session)
            // A fold that leaves out what is damaged knows less than the live rows do.
            guard faults.isEmpty, try InlineComparison.gaps(in: &session).isEmpty else { return 0 }
            let live = Dictionary(try PartnerReader.all(in: &session).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            let wrong = folded.values.filter { partner in
                live[partner.id].map { !partner.columns(differingFrom: $0).isEmpty } ?? true
            }
            let unexpected = live.keys.filter { folded[$0] == nil }
            try session.execute(
                "DELETE FROM projection.partner WHERE partner_id = ANY (\(wrong.map(\.id) + unexpected))"
            )
            for partner in wrong {
                if let record = partner.record(insteadOf: live[partner.id]) { transaction.put(record) }
            }
            return wrong.count + unexpected.count
        }
    }

    // MARK: Agreements

    private func mendAgreements(in session: inout PostgresSession) throws -> Int {
        let unexpected = try session.execute(
            """
            DELETE FROM projection.agreement AS a
            WHERE NOT EXISTS (
                SELECT
                FROM ledger.stream AS s
                WHERE s.stream_id = a.stream_id
                    AND s.name = 'agreement:' || a.agreement
            )
            """
        )
        var count = unexpected
        let differing = try session.transaction(.snapshot) { session in
            try InlineComparison.differingAgreements(keys: keys, in: &session)
        }
        for (stream, id) in differing {
            count += try change(StateKeys(agreement: id), in: &session) { session, transaction, loaded in
                let (folded, faults) = try AgreementFold.read(stream, id, where: "true", keys: keys, in: &session)
                guard let folded, faults.isEmpty, try ChainGap.all(inStream: stream, &session).isEmpty else { return 0 }
                let live = loaded.state.agreements[id]
                let digest = try MessageDigest.read(of: folded.last.position, keys: keys, in: &session)
                let fingerprints = try KeyFingerprints.read(stream, keys: self.keys, in: &session)
                guard let record = folded.record(of: stream, insteadOf: live, fingerprints, digest) else { return 0 }
                try session.execute("DELETE FROM projection.agreement WHERE stream_id = \(stream)")
                transaction.put(record)
                return 1
            }
        }
        return count
    }

    // MARK: Heads

    /// Heads that are not what they were folded to, unless a newer message has written them since.
    private func headDifferences(in session: inout PostgresSession) throws(PostgresError) -> (
        first: [Difference], count: Int
    ) {
        try RowComparison.head.differences(
            from: ProjectionTables.shadow,
            where: isCurrent,
            unexpected: "t.share_id < \(end)",
            in: &session,
        )
    }

    private var isCurrent: SQL {
        """
        NOT EXISTS (
            SELECT
            FROM ledger.event AS e
            WHERE e.share_id = n.share_id
                AND e.position >= \(end)
                AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
        )
        """
    }

    private func mendHeads(in session: inout PostgresSession) throws -> Int {
        var count = try session.execute(
            """
            DELETE FROM projection.ticket_head AS h
            WHERE NOT EXISTS (SELECT FROM ledger.share AS sh WHERE sh.share_id = h.share_id)
            """
        )
        var after = Position(rawValue: .min)
        while true {
            let rows = try session.query(
                """
                SELECT n.share_id, sh.ticket, s.name
                FROM projection_new.ticket_head AS n
                JOIN ledger.share AS sh ON sh.share_id = n.share_id
                JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
                LEFT JOIN projection.ticket_head AS t ON t.share_id = n.share_id
                WHERE n.share_id > \(after)
                    AND (t.share_id IS NULL OR \(unescaped: RowComparison.head.differs))
                    AND \(isCurrent)
                ORDER BY n.share_id
                LIMIT \(Int64(Self.rowCount))
                """
            )
            var shares: [(id: Position, name: ShareName)] = []
            for row in rows {
                let (share, ticket, stream) = try row.decode((Position, String, String).self)
                after = share
                guard let stream = StreamName(stream) else { continue }
                shares.append((share, ShareName(stream: stream, ticket: ticket)))
            }
            guard !shares.isEmpty else { return count }
            count += try mendHeads(shares, in: &session)
        }
    }

    private func mendHeads(_ shares: [(id: Position, name: ShareName)], in session: inout PostgresSession) throws -> Int
    {
        // Folded before the lock is taken, as a share may be long, and checked under it.
        var heads: [(name: ShareName, fold: ShareFold)] = []
        for (id, name) in shares {
            guard let ticket = TicketID(name.ticket) else { continue }
            guard let fold = try Reconstructor.head(of: id, ticket: ticket, in: &session) else { continue }
            heads.append((name, fold))
        }
        var keys = StateKeys()
        keys.shares = Set(shares.map(\.name))
        return try change(keys, in: &session) { session, transaction, loaded in
            var count = 0
            for (name, fold) in heads {
                guard let last = fold.last, try Self.lastMessage(of: fold.share, in: &session) == last.position else {
                    continue
                }
                let live = loaded.state.tickets[name]?.last
                let kept = live?.receipt.position == last.position ? live?.digest : nil
                let digest =
                    try MessageDigest.read(of: last.position, keys: self.keys, in: &session) ?? kept ?? .unknown
                guard let head = fold.head(digest: digest) else { continue }
                try session.execute("DELETE FROM projection.ticket_head WHERE share_id = \(fold.share)")
                transaction.put(head, name)
                count += 1
            }
            return count
        }
    }

    private static func lastMessage(of share: Position, in session: inout PostgresSession) throws(PostgresError)
        -> Position?
    {
        let rows = try session.query(
            """
            SELECT e.position
            FROM ledger.event AS e
            WHERE e.share_id = \(share)
                AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
            ORDER BY e.share_seq DESC
            LIMIT 1
            """
        )
        return try rows.first.map { (row) throws(PostgresError) in try row[0, as: Position.self] }
    }

    // MARK: Under the lock

    /// One transaction under the ledger's lock, without an event: what `body` puts is written as the appender writes it.
    private func change(
        _ needs: StateKeys,
        in session: inout PostgresSession,
        _ body: (inout PostgresSession, inout SharingTransaction, StateLoader.Loaded) throws -> Int,
    ) throws -> Int {
        var writer = try TransactionWriter(in: &session)
        var loader = StateLoader()
        do {
            let loaded = try loader.begin(needs, in: &session)
            guard let origin = loaded.origin else { throw AppendError.notInitialized }
            var transaction = SharingTransaction(
                settings: settings,
                keys: keys,
                now: .now(),
                sequencer: EventSequencer(
                    origin: origin,
                    after: loaded.head,
                    streams: loaded.streams,
                    shares: loaded.shares,
                ),
                state: loaded.state,
            )
            let count = try body(&session, &transaction, loaded)
            if count > 0 { try session.execute("UPDATE projection.inline_version SET version = version + 1") }
            try writer.commit(transaction, additional: [], in: &session)
            return count
        } catch {
            if !session.isBroken, session.transactionState != .idle { try session.execute("ROLLBACK") }
            throw error
        }
    }
}

extension Difference {
    /// Whether the ledger says how the row should be.
    fileprivate var isMendable: Bool {
        if case .unfoldable = kind { return false }
        return true
    }
}
