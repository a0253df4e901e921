import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// The statements on `delivery.queue` that need no lock of the ledger: claiming, renewing and looking.
///
/// Claims live by the database's clock, which all processes share; when a delivery is due is a matter of ours.
enum DeliveryQueue {
    /// What to claim.
    struct ClaimRequest: Sendable {
        let claim: EventID
        let lifetime: Duration
        let due: Timestamp
        let count: Int
        let byteCount: Int

        /// How many requests to our own desk may be under way; 0 if there is none.
        let deskConcurrency: Int

        /// Where the turn of partners ended the last time.
        let after: Destination

        /// Who claims; of its own claims it says itself how many are under way.
        let worker: EventID
        let underWay: [Destination: Workload.Share]

        /// What lies before them is not looked at.
        let floors: ClaimFloors.Floors
    }

    /// Claims what is due, as `schema/functions/delivery.claim.sql` says.
    static func claim(
        _ request: ClaimRequest,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [ClaimedDelivery] {
        let rows = try session.query(
            claimStatement(
                request.claim,
                Int32(clamping: request.lifetime.components.seconds),
                request.due,
                Int32(clamping: request.count),
                Int64(request.byteCount),
                Int32(clamping: request.deskConcurrency),
                request.after.rawValue,
                request.worker,
                request.underWay.map(\.key.rawValue),
                request.underWay.map { Int32($0.value.count) },
                request.underWay.map { Int32($0.value.repeatedCount) },
                request.floors.map(\.key.destination),
                request.floors.map(\.key.source),
                request.floors.map(\.value),
            ),
        )
        var claimed: [ClaimedDelivery] = []
        claimed.reserveCapacity(rows.count)
        for row in rows {
            claimed.append(try ClaimedDelivery(row, claim: request.claim))
        }
        let missing = Set(claimed.flatMap(\.missingParts))
        guard !missing.isEmpty else { return claimed }
        let erased = try Erasures.accounting(for: missing, in: &session)
        for index in claimed.indices { claimed[index].note(erased: erased) }
        return claimed
    }

    /// Where what could be claimed begins, for each destination and source.
    ///
    /// - Parameters:
    ///   - due: Of the claim that was made before: nothing that is due before it has been left where nothing is found.
    ///   - floors: What was found before.
    static func floors(
        after due: Timestamp,
        from floors: ClaimFloors.Floors,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> ClaimFloors.Floors {
        let rows = try session.query(
            floorsStatement(floors.map(\.key.destination), floors.map(\.key.source), floors.map(\.value)),
        )
        var found: ClaimFloors.Floors = [:]
        // Whoever enqueues has read the clock before it commits.
        let latest = due.advanced(by: .zero - ClaimFloors.longestCommit)
        for row in rows {
            let key = ClaimFloors.Key(
                destination: try row[0, as: Int64.self],
                source: try row[1, as: Int64.self],
            )
            found[key] = min(try row[2, as: Timestamp?.self] ?? latest, latest)
        }
        return found
    }

    /// Says that a worker claims no more, so that another one may be alone.
    static func leave(_ worker: EventID, in session: inout PostgresSession) throws(PostgresError) {
        try session.execute("DELETE FROM delivery.worker WHERE worker = \(worker)")
    }

    /// Renews claims; rows that somebody is changing at this moment can wait until the next time.
    static func renew(
        _ claims: [EventID],
        for lifetime: Duration,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        try session.execute(renewStatement(claims, Int32(clamping: lifetime.components.seconds)))
    }

    /// When the next head may be claimed after `now`, as far as it is a matter of time.
    static func nextDue(after now: Timestamp, in session: inout PostgresSession) throws(PostgresError) -> Timestamp? {
        try session.query(nextDueStatement(now)).onlyRow()[0, as: Timestamp?.self]
    }

    /// Deliveries whose claims have run out, or are of `abandoned`; those of `active` are ours and alive.
    ///
    /// A claim that holds for longer than any claim can was made before the database's clock was set back.
    static func expired(
        abandoned: [EventID],
        active: [EventID],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [AttemptSubject] {
        try subjects(try session.query(expiredStatement(abandoned, active)))
    }

    /// Deliveries that have a claim, whoever made it and however long it holds.
    static func claimed(in session: inout PostgresSession) throws(PostgresError) -> [AttemptSubject] {
        try subjects(try session.query("\(unescaped: subjectColumns) WHERE q.claim IS NOT NULL ORDER BY q.delivery_id"))
    }

    private static func subjects(_ rows: Rows) throws(PostgresError) -> [AttemptSubject] {
        var subjects: [AttemptSubject] = []
        for row in rows {
            let text = (try row[2, as: String.self], try row[9, as: String.self])
            guard let agreement = AgreementID(text.0), let direction = Direction(rawValue: text.1) else {
                throw PostgresError(.decoding, "a delivery is of a message that cannot be")
            }
            subjects.append(
                AttemptSubject(
                    delivery: DeliveryID(rawValue: try row[0, as: Int64.self]),
                    claim: try row[1, as: EventID.self],
                    agreement: agreement,
                    ticket: try row[3, as: String?.self],
                    destination: Destination(rawValue: try row[4, as: Int64.self]),
                    partner: try row[5, as: Position.self],
                    partnerName: try row[6, as: String.self],
                    message: try row[7, as: Position.self],
                    messageID: try row[8, as: EventID.self],
                    direction: direction,
                    replay: try row[10, as: Position?.self],
                ),
            )
        }
        return subjects
    }

    /// Replays of which nothing is left and nobody has said so.
    static func finishedReplays(in session: inout PostgresSession) throws(PostgresError) -> [Position] {
        try session.query(finishedReplaysStatement).decode((Position).self)
    }
}

// MARK: - Statements

extension DeliveryQueue {
    private static let claimStatement =
        Statement<
            EventID, Int32, Timestamp, Int32, Int64, Int32, Int64, EventID, [Int64], [Int32], [Int32], [Int64], [Int64],
            [Timestamp]
        >(
            "SELECT * FROM delivery.claim($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        )

    private static let floorsStatement = Statement<[Int64], [Int64], [Timestamp]>(
        "SELECT partner_id, source, due_at FROM delivery.claim_floors($1, $2, $3)"
    )

    private static let renewStatement = Statement<[EventID], Int32>(
        """
        UPDATE delivery.queue
        SET claimed_until = clock_timestamp() + make_interval(secs => $2)
        WHERE delivery_id IN (
            SELECT delivery_id
            FROM delivery.queue
            WHERE claim IS NOT NULL
                AND claim = ANY ($1)
            ORDER BY delivery_id
            FOR UPDATE SKIP LOCKED
        )
        """
    )

    /// What is due already may wait for a canary of its destination, or for its turn where partner or replay have a rate.
    private static let nextDueStatement = Statement<Timestamp>(
        """
        SELECT min(greatest(next.due_at, h.canary_at, s.next_at, t.next_at))
        FROM (
            SELECT 0, NULL
            UNION ALL
            SELECT partner_id, rate
            FROM projection.partner
            UNION ALL
            SELECT -replay_id, NULL
            FROM delivery.replay
            WHERE finished_at IS NULL
                AND destination = 'sandbox'
        ) AS destination (partner_id, rate)
        LEFT JOIN delivery.destination AS h ON h.partner_id = destination.partner_id
        LEFT JOIN delivery.pace AS t ON t.position = destination.partner_id AND destination.rate IS NOT NULL
        CROSS JOIN (
            SELECT -2, NULL::timestamptz
            UNION ALL
            SELECT -1, NULL
            UNION ALL
            SELECT r.replay_id, p.next_at
            FROM delivery.replay AS r
            LEFT JOIN delivery.pace AS p ON p.position = r.replay_id AND r.rate IS NOT NULL
            WHERE r.finished_at IS NULL
                AND r.cancelled_at IS NULL
                AND r.prepared_until IS NULL
                AND NOT r.paused
        ) AS s (source, next_at)
        CROSS JOIN LATERAL (
            SELECT q.due_at
            FROM delivery.queue AS q
            WHERE q.partner_id = destination.partner_id
                AND q.source = s.source
                AND q.is_head
                AND q.state = 'waiting'
                AND q.claim IS NULL
                AND q.due_at > CASE
                    WHEN greatest(h.canary_at, s.next_at, t.next_at) > $1 THEN '-infinity'::timestamptz
                    ELSE $1
                END
            ORDER BY q.due_at
            LIMIT 1
        ) AS next
        """
    )

    private static let subjectColumns = """
        SELECT q.delivery_id, q.claim, a.agreement, sh.ticket, q.partner_id, p.partner_id, p.name,
            q.message_position, q.message_id, e.direction, q.replay_id
        FROM delivery.queue AS q
        JOIN ledger.event AS e ON e.position = q.message_position
        JOIN projection.agreement AS a ON a.stream_id = q.stream_id
        JOIN projection.partner AS p ON p.partner_id = CASE WHEN q.partner_id > 0 THEN q.partner_id ELSE a.partner_id END
        LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
        """

    private static func expiredStatement(_ abandoned: [EventID], _ active: [EventID]) -> SQL {
        """
        \(unescaped: subjectColumns)
        WHERE q.claim IS NOT NULL
            AND (
                q.claimed_until < clock_timestamp()
                OR q.claimed_until > clock_timestamp() + interval '1 hour'
                OR q.claim = ANY (\(abandoned))
            )
            AND q.claim <> ALL (\(active))
        LIMIT 200
        """
    }

    private static let finishedReplaysStatement: SQL = """
        SELECT r.replay_id
        FROM delivery.replay AS r
        WHERE r.finished_at IS NULL
            AND (r.prepared_until IS NULL OR r.cancelled_at IS NOT NULL)
            AND NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.replay_id = r.replay_id
            )
        ORDER BY r.replay_id
        LIMIT 100
        """
}
