import Ledger
import LedgerStore
import Postgres
import Sharing

/// A change of one row of `delivery.queue` that an attempt leads to, made in the transaction that records the attempt.
struct QueueChange: Sendable {
    let delivery: DeliveryID

    /// The row is left alone unless it has this claim; `nil` for an operator's act, on a row that nobody has claimed.
    let claim: EventID?

    let kind: Kind

    enum Kind: Sendable {
        /// An attempt is about to be made.
        case begun(exchange: EventID, countsAsTry: Bool)
        /// The attempt is over, and the next one of the same delivery follows at once.
        case continued
        /// The row goes, and the next one of its lane becomes its head.
        case delivered
        /// The same without anything having been delivered: nothing is left to send.
        case abandoned
        /// The same, by an operator's order.
        case skipped
        /// The claim is given back; where an interruption was no fault of the destination's, so is the try.
        case released(due: Timestamp?, returnsTry: Bool)
        case parked(reason: String)
        /// Tried again from then on, as if for the first time.
        case resumed(due: Timestamp)
    }

    /// One statement a kind of change, however many there are.
    ///
    /// - Parameter now: When what ends has ended.
    static func statements(for changes: [QueueChange], at now: Timestamp) -> [SQL] {
        var begun: [(change: QueueChange, exchange: EventID, tries: Int32)] = []
        var continued: [QueueChange] = []
        var gone: [(change: QueueChange, outcome: String)] = []
        var released: [(change: QueueChange, due: Timestamp?, tries: Int32)] = []
        var parked: [(change: QueueChange, reason: String)] = []
        var resumed: [(change: QueueChange, due: Timestamp)] = []
        for change in changes {
            switch change.kind {
            case .begun(let exchange, let countsAsTry): begun.append((change, exchange, countsAsTry ? 1 : 0))
            case .continued: continued.append(change)
            case .delivered: gone.append((change, "delivered"))
            case .abandoned: gone.append((change, "abandoned"))
            case .skipped: gone.append((change, "skipped"))
            case .released(let due, let returnsTry): released.append((change, due, returnsTry ? 1 : 0))
            case .parked(let reason): parked.append((change, reason))
            case .resumed(let due): resumed.append((change, due))
            }
        }
        var statements: [SQL] = []
        if !begun.isEmpty {
            let changes = begun.map(\.change)
            statements.append(begin(changes.ids, changes.claims, begun.map(\.exchange), begun.map(\.tries)))
        }
        if !continued.isEmpty { statements.append(proceed(continued.ids, continued.claims)) }
        if !gone.isEmpty {
            let changes = gone.map(\.change)
            statements.append(finish(changes.ids, changes.claims, gone.map(\.outcome), now))
        }
        if !released.isEmpty {
            let changes = released.map(\.change)
            statements.append(release(changes.ids, changes.claims, released.map(\.due), released.map(\.tries)))
        }
        if !parked.isEmpty {
            let changes = parked.map(\.change)
            statements.append(park(changes.ids, changes.claims, parked.map(\.reason)))
        }
        if !resumed.isEmpty {
            statements.append(resume(resumed.map(\.change).ids, resumed.map(\.due)))
        }
        return statements
    }

    /// Says that replays are finished, and forgets how their sandboxes have answered.
    static let finishReplays = Statement<[Position], Timestamp>(
        """
        WITH finished AS (
            UPDATE delivery.replay
            SET finished_at = $2
            WHERE replay_id = ANY ($1)
            RETURNING replay_id
        )
        DELETE FROM delivery.destination AS d
        USING finished AS f
        WHERE d.partner_id = -f.replay_id
        """
    )
}

extension [QueueChange] {
    fileprivate var ids: [Int64] { map(\.delivery.rawValue) }
    fileprivate var claims: [EventID?] { map(\.claim) }
}

// MARK: - Statements

// A claim is compared by IS NOT DISTINCT FROM, from which the planner does not conclude that the index of what is claimed would
// do: that has dead entries for all that was delivered while somebody holds a snapshot.
extension QueueChange {
    private static let begin = Statement<[Int64], [EventID?], [EventID], [Int32]>(
        """
        UPDATE delivery.queue AS q
        SET exchange = c.exchange,
            attempts = q.attempts + 1,
            tries = q.tries + c.tries
        FROM unnest($1, $2, $3, $4) AS c (delivery_id, claim, exchange, tries)
        WHERE q.delivery_id = c.delivery_id
            AND q.claim IS NOT DISTINCT FROM c.claim
        """
    )

    private static let proceed = Statement<[Int64], [EventID?]>(
        """
        UPDATE delivery.queue AS q
        SET exchange = NULL
        FROM unnest($1, $2) AS c (delivery_id, claim)
        WHERE q.delivery_id = c.delivery_id
            AND q.claim IS NOT DISTINCT FROM c.claim
        """
    )

    /// The rest of a lane is found through the lanes' index; with and without a share apart, so that both can use it.
    ///
    /// What becomes a head is due from then on: lanes take turns, and nothing comes up before the ``ClaimFloors``.
    private static let finish = Statement<[Int64], [EventID?], [String], Timestamp>(
        """
        WITH gone AS (
            DELETE FROM delivery.queue AS q
            USING unnest($1, $2, $3) AS c (delivery_id, claim, outcome)
            WHERE q.delivery_id = c.delivery_id
                AND q.claim IS NOT DISTINCT FROM c.claim
            RETURNING q.partner_id, q.stream_id, q.share_id, q.queue_position, q.item, q.message_position, q.replay_id,
                q.attempts, c.outcome
        ),
        ended AS (
            INSERT INTO delivery.replay_outcome (replay_id, item, message_position, outcome, attempts, ended_at)
            SELECT replay_id, item, message_position, outcome, attempts, $4
            FROM gone
            WHERE replay_id IS NOT NULL
            ON CONFLICT DO NOTHING
        ),
        counted AS (
            UPDATE delivery.replay AS r
            SET delivered_count = r.delivered_count + g.count
            FROM (
                SELECT replay_id, count(*)::integer AS count
                FROM gone
                WHERE replay_id IS NOT NULL
                    AND outcome = 'delivered'
                GROUP BY replay_id
            ) AS g
            WHERE r.replay_id = g.replay_id
        )
        UPDATE delivery.queue AS q
        SET is_head = true,
            due_at = greatest(q.due_at, $4)
        FROM gone
        CROSS JOIN LATERAL (
            (
                SELECT n.delivery_id
                FROM delivery.queue AS n
                WHERE n.partner_id = gone.partner_id
                    AND n.stream_id = gone.stream_id
                    AND n.share_id = gone.share_id
                    AND (n.queue_position, n.item) > (gone.queue_position, gone.item)
                ORDER BY n.queue_position, n.item
                LIMIT 1
            )
            UNION ALL
            (
                SELECT n.delivery_id
                FROM delivery.queue AS n
                WHERE gone.share_id IS NULL
                    AND n.partner_id = gone.partner_id
                    AND n.stream_id = gone.stream_id
                    AND n.share_id IS NULL
                    AND (n.queue_position, n.item) > (gone.queue_position, gone.item)
                ORDER BY n.queue_position, n.item
                LIMIT 1
            )
        ) AS next
        WHERE q.delivery_id = next.delivery_id
        """
    )

    private static let release = Statement<[Int64], [EventID?], [Timestamp?], [Int32]>(
        """
        UPDATE delivery.queue AS q
        SET claim = NULL,
            claimed_until = NULL,
            exchange = NULL,
            due_at = coalesce(c.due_at, q.due_at),
            tries = greatest(q.tries - c.tries, 0)
        FROM unnest($1, $2, $3, $4) AS c (delivery_id, claim, due_at, tries)
        WHERE q.delivery_id = c.delivery_id
            AND q.claim IS NOT DISTINCT FROM c.claim
        """
    )

    private static let park = Statement<[Int64], [EventID?], [String]>(
        """
        UPDATE delivery.queue AS q
        SET state = 'parked',
            reason = c.reason,
            claim = NULL,
            claimed_until = NULL,
            exchange = NULL
        FROM unnest($1, $2, $3) AS c (delivery_id, claim, reason)
        WHERE q.delivery_id = c.delivery_id
            AND q.claim IS NOT DISTINCT FROM c.claim
        """
    )

    private static let resume = Statement<[Int64], [Timestamp]>(
        """
        UPDATE delivery.queue AS q
        SET state = 'waiting',
            reason = NULL,
            due_at = c.due_at,
            tries = 0
        FROM unnest($1, $2) AS c (delivery_id, due_at)
        WHERE q.delivery_id = c.delivery_id
            AND q.claim IS NULL
        """
    )
}
