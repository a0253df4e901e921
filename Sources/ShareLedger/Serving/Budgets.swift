import Gateway
import Ledger
import LedgerStore
import Postgres
import Sharing

/// What may be recorded today, less what is in the ledger already: a restart gives nobody a new budget.
struct Budgets: Sendable {
    let refusals: RefusalBudget
    let strangers: StrangerBudget

    /// Reads what was recorded since midnight UTC.
    static func load(_ settings: ServiceSettings, from store: Store) async throws -> Budgets {
        let (refused, bodies, strangers) = try await store.read { session in
            let refused = try session.query(refusals).onlyRow()[0, as: Int64.self]
            var bodies: [String: Int] = [:]
            for row in try session.query(wholeBodies(Int64(RequestReader.keptByteCount))) {
                let (source, bytes) = try row.decode((String, Int64).self)
                bodies[source] = Int(bytes)
            }
            var strangers: [String: StrangerBudget.Use] = [:]
            for row in try session.query(strangersUse) {
                let (source, count, bytes) = try row.decode((String, Int64, Int64).self)
                strangers[source] = StrangerBudget.Use(messages: Int(count), bytes: Int(bytes))
            }
            return (Int(refused), bodies, strangers)
        }
        return Budgets(
            refusals: RefusalBudget(
                bodyByteLimit: settings.refusedBytes,
                alreadyToday: refused,
                bodyBytesToday: RefusalBudget.BodyBytes(bodies),
            ),
            strangers: StrangerBudget(limits: settings.strangers, today: strangers),
        )
    }

    private static let refusals: SQL =
        """
        SELECT count(*)
        FROM ledger.event AS e
        WHERE e.type = 'message.refused'
            AND e.recorded_at >= date_trunc('day', now(), 'UTC')
        """

    private static func wholeBodies(_ limit: Int64) -> SQL {
        """
        SELECT coalesce(ledger.json(d.content) ->> 'source', ''), sum(b.length)::bigint
        FROM ledger.event AS e
        CROSS JOIN LATERAL (SELECT e.part_lengths[array_position(e.part_names, 'body')]) AS b (length)
        LEFT JOIN ledger.payload AS d ON d.position = e.position AND d.part = 'detail'
        WHERE e.type = 'message.refused'
            AND e.recorded_at >= date_trunc('day', now(), 'UTC')
            AND b.length > \(limit)
        GROUP BY 1
        """
    }

    /// What was taken under agreements that are not accepted to this moment; bytes as they were counted then.
    private static let strangersUse: SQL =
        """
        SELECT coalesce(ledger.json(d.content) ->> 'source', ''), count(*),
            sum(1024 + p.bytes)::bigint
        FROM ledger.event AS e
        JOIN projection.agreement AS a ON a.stream_id = e.stream_id
        CROSS JOIN LATERAL (SELECT sum(length + 128) FROM unnest(e.part_lengths) AS part (length)) AS p (bytes)
        LEFT JOIN ledger.payload AS d ON d.position = e.position AND d.part = 'detail'
        WHERE e.recorded_at >= date_trunc('day', now(), 'UTC')
            AND e.direction = 'in'
            AND e.type IN ('agreement.invited', 'agreement.updated', 'agreement.read', 'message.duplicated')
            AND a.our_role = 'receiver'
            AND a.status IN ('pending', 'declined')
        GROUP BY 1
        """
}
