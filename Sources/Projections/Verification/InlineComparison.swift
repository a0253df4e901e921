import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Compares partners and agreements with what their events make them; there are few, so it is done row by row here.
enum InlineComparison {
    /// Partners by the events of the stream `system`.
    static func foldPartners(
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (partners: [Position: PartnerState], faults: [FoldFault]) {
        var partners: [Position: PartnerState] = [:]
        var faults: [FoldFault] = []
        var next = Position.first
        while true {
            let events = try LedgerReader.events(
                where: """
                    s.name = 'system'
                    AND e.share_id IS NULL
                    AND e.position >= \(next)
                    AND e.type IN ('partner.added', 'partner.changed', 'partner.state_changed')
                    """,
                limit: pageCount,
                in: &session,
            )
            let checked = try CheckedParts(of: events, named: [.facts, .detail], in: &session)
            for event in events {
                do throws(FoldFault) {
                    try PartnerState.apply(event, try checked.foldable(at: event.position), to: &partners)
                } catch {
                    faults.append(error)
                }
            }
            guard events.count == pageCount, let last = events.last else { return (partners, faults) }
            next = last.position.next
        }
    }

    /// What is gone of the stream `system`.
    static func gaps(in session: inout PostgresSession) throws(PostgresError) -> [ChainGap] {
        guard let row = try session.query("SELECT stream_id FROM ledger.stream WHERE name = 'system'").first else {
            return []
        }
        return try ChainGap.all(inStream: row[0, as: Position.self], &session)
    }

    static func partners(in session: inout PostgresSession) throws(PostgresError) -> [Difference] {
        let (folded, faults) = try foldPartners(in: &session)
        let live = Dictionary(try PartnerReader.all(in: &session).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        var differences = faults.map { fault in
            let kind = Difference.Kind.unfoldable(reason: fault.reason)
            return Difference(table: .partner, row: "event \(fault.position)", kind: kind, since: fault.position)
        }
        differences += try gaps(in: &session).map { gap in
            let kind = Difference.Kind.unfoldable(reason: gap.reason)
            return Difference(table: .partner, row: "event \(gap.position)", kind: kind, since: gap.position)
        }
        for (id, partner) in folded {
            let row = "partner \(id)"
            guard let record = live[id] else {
                differences.append(Difference(table: .partner, row: row, kind: .missing, since: partner.last))
                continue
            }
            for column in partner.columns(differingFrom: record) {
                let kind = Difference.Kind.differs(column: column)
                differences.append(Difference(table: .partner, row: row, kind: kind, since: partner.last))
            }
        }
        for id in live.keys where folded[id] == nil {
            differences.append(Difference(table: .partner, row: "partner \(id)", kind: .unexpected, since: id))
        }
        return differences
    }

    static func agreements(keys: KeyRing?, in session: inout PostgresSession) throws(PostgresError) -> [Difference] {
        var differences: [Difference] = []
        for (stream, id) in try streams(in: &session) {
            differences += try compare(id, stream, keys, in: &session)
        }
        for row in try session.query(Statements.unexpected) {
            let (agreement, stream) = try row.decode((String, Position).self)
            differences.append(
                Difference(table: .agreement, row: "agreement \(agreement)", kind: .unexpected, since: stream)
            )
        }
        return differences
    }

    /// Agreements whose rows are not what their events make them.
    static func differingAgreements(
        keys: KeyRing?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [(stream: Position, id: AgreementID)] {
        var differing: [(stream: Position, id: AgreementID)] = []
        for (stream, id) in try streams(in: &session) where try !compare(id, stream, keys, in: &session).isEmpty {
            differing.append((stream, id))
        }
        return differing
    }

    /// The streams that are agreements'.
    private static func streams(
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [(stream: Position, id: AgreementID)] {
        var streams: [(stream: Position, id: AgreementID)] = []
        for row in try session.query(Statements.streams) {
            let (stream, name) = try row.decode((Position, String).self)
            guard let id = StreamName(name)?.agreement.flatMap({ AgreementID($0) }) else { continue }
            streams.append((stream, id))
        }
        return streams
    }

    private static func compare(
        _ id: AgreementID,
        _ stream: Position,
        _ keys: KeyRing?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Difference] {
        let row = "agreement \(id)"
        let (folded, faults) = try AgreementFold.read(stream, id, where: "true", keys: keys, in: &session)
        var differences = faults.map { fault in
            Difference(table: .agreement, row: row, kind: .unfoldable(reason: fault.reason), since: fault.position)
        }
        differences += try ChainGap.all(inStream: stream, &session).map { gap in
            Difference(table: .agreement, row: row, kind: .unfoldable(reason: "event \(gap)"), since: gap.position)
        }
        // A stream may begin with a refusal; then there is no agreement yet.
        guard let folded else { return differences }
        let fingerprints = try KeyFingerprints.read(stream, keys: keys, in: &session)
        guard let live = try AgreementReader.all(where: "a.stream_id = \(stream)", in: &session).first else {
            differences.append(Difference(table: .agreement, row: row, kind: .missing, since: folded.last.position))
            return differences
        }
        for column in folded.columns(differingFrom: live, fingerprints) {
            let kind = Difference.Kind.differs(column: column)
            differences.append(Difference(table: .agreement, row: row, kind: kind, since: folded.last.position))
        }
        return differences
    }

    private static let pageCount = 500

    private enum Statements {
        static let streams: SQL =
            """
            SELECT s.stream_id, s.name
            FROM ledger.stream AS s
            WHERE s.name LIKE 'agreement:%'
            ORDER BY s.stream_id
            """

        static let unexpected: SQL =
            """
            SELECT a.agreement, a.stream_id
            FROM projection.agreement AS a
            WHERE NOT EXISTS (
                SELECT
                FROM ledger.stream AS s
                WHERE s.stream_id = a.stream_id
                    AND s.name = 'agreement:' || a.agreement
            )
            """
    }
}

/// The fingerprints of an agreement's access keys, by version.
enum KeyFingerprints {
    /// Made again from the keys themselves, as nothing commits to them; without what `keys` do not open.
    static func read(
        _ stream: Position,
        keys: KeyRing?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Int: Digest] {
        let rows = try session.query(
            "SELECT version, fingerprint, sealed FROM ledger.access_key WHERE stream_id = \(stream)"
        )
        var fingerprints: [Int: Digest] = [:]
        for row in rows {
            let (version, fingerprint, sealed) = try row.decode((Int32, Digest, [UInt8]).self)
            guard let keys else {
                fingerprints[Int(version)] = fingerprint
                continue
            }
            fingerprints[Int(version)] = keys.fingerprint(ofSealedKey: sealed, version: version, stream: stream)
        }
        return fingerprints
    }
}
