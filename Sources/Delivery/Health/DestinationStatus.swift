package import Ledger
import LedgerStore
package import Postgres
package import Sharing

/// What is on its way to a destination, and how it has answered of late.
package struct DestinationStatus: Sendable {
    package let destination: Destination

    /// The partner's short name; `our desk`, which cannot name a partner, for that.
    package let name: String

    package let isPaused: Bool
    package let health: DestinationRecord

    package private(set) var queue = Queue()
    package private(set) var recent = Recent()

    /// What is in the queue for it.
    package struct Queue: Sendable, Equatable {
        /// Deliveries that nobody works on, also behind those that are parked.
        package var waiting = 0
        package var inFlight = 0

        /// Those that should have gone a minute ago, as ``OverdueDeliveries`` says.
        package var pastDue = 0

        /// Lanes that an operator has to decide about.
        package var parkedLanes = 0

        /// When the oldest of all that is not acknowledged came.
        package var oldest: Timestamp?
    }

    /// What came of the attempts of the last hour, or of the last ``attemptLimit`` if there were more.
    package struct Recent: Sendable, Equatable {
        package var succeeded = 0
        package var failed = 0
        package var unknown = 0

        /// How long a request took, in milliseconds: half, and all but one in a hundred, of those that were answered.
        package var median: Double?
        package var slowest: Double?

        /// Also where it was longer ago, as far as the last ``eventLimit`` events tell.
        package var lastSuccess: Timestamp?
    }

    /// How far back attempts are looked for, whatever the ledger's size.
    package static let eventLimit: Int64 = 100_000
    package static let attemptLimit: Int64 = 10_000

    /// All partners that were accepted, in the order in which they came, and the desk where there is one.
    package static func all(now: Timestamp, in session: inout PostgresSession) throws -> [DestinationStatus] {
        try session.transaction(.snapshot) { session in
            let partners = try PartnerReader.all(in: &session).filter { $0.state == .active }
            let hasDesk = try session.query(
                """
                SELECT EXISTS (SELECT FROM delivery.setting WHERE desk_url IS NOT NULL)
                    OR EXISTS (SELECT FROM delivery.queue WHERE partner_id = 0)
                """
            ).onlyRow()[0, as: Bool.self]
            let named =
                partners.map { (Destination.partner($0.id), $0.name, $0.isPaused) }
                + (hasDesk ? [(.desk, "our desk", false)] : [])
            let health = try DestinationRow.records(
                try session.query(DestinationRow.read(Set(named.map(\.0))))
            )
            let queues = try queues(now: now, in: &session)
            let recent = try recent(now: now, in: &session)
            return named.map { destination, name, isPaused in
                var status = DestinationStatus(
                    destination: destination,
                    name: name,
                    isPaused: isPaused,
                    health: health.first { $0.destination == destination } ?? DestinationRecord(destination),
                )
                status.queue = queues[destination] ?? Queue()
                status.recent = recent[destination] ?? Recent()
                return status
            }
        }
    }

    private init(destination: Destination, name: String, isPaused: Bool, health: DestinationRecord) {
        self.destination = destination
        self.name = name
        self.isPaused = isPaused
        self.health = health
    }
}

// MARK: - Reading

extension DestinationStatus {
    private static func queues(now: Timestamp, in session: inout PostgresSession) throws -> [Destination: Queue] {
        let rows = try session.query(
            """
            SELECT q.partner_id,
                count(*) FILTER (WHERE q.state = 'waiting' AND q.claim IS NULL),
                count(*) FILTER (WHERE q.claim IS NOT NULL),
                count(*) FILTER (WHERE \(OverdueDeliveries.condition(before: now.advanced(by: .seconds(-60))))),
                count(*) FILTER (WHERE q.state = 'parked'),
                min(q.enqueued_at)
            FROM \(OverdueDeliveries.tables)
            GROUP BY q.partner_id
            """
        )
        var queues: [Destination: Queue] = [:]
        for row in rows {
            queues[Destination(rawValue: try row[0, as: Int64.self])] = Queue(
                waiting: Int(try row[1, as: Int64.self]),
                inFlight: Int(try row[2, as: Int64.self]),
                pastDue: Int(try row[3, as: Int64.self]),
                parkedLanes: Int(try row[4, as: Int64.self]),
                oldest: try row[5, as: Timestamp?.self],
            )
        }
        return queues
    }

    private static func recent(now: Timestamp, in session: inout PostgresSession) throws -> [Destination: Recent] {
        let hour = now.advanced(by: .seconds(-3_600))
        let rows = try session.query(
            """
            SELECT CASE a.destination WHEN 'desk' THEN 0 ELSE g.partner_id END,
                count(*) FILTER (WHERE a.recorded_at > \(hour) AND a.type = 'attempt.succeeded'),
                count(*) FILTER (WHERE a.recorded_at > \(hour) AND a.type = 'attempt.failed'),
                count(*) FILTER (WHERE a.recorded_at > \(hour) AND a.type = 'attempt.unknown'),
                percentile_disc(0.5) WITHIN GROUP (ORDER BY a.total)
                    FILTER (WHERE a.recorded_at > \(hour) AND a.status IS NOT NULL),
                percentile_disc(0.99) WITHIN GROUP (ORDER BY a.total)
                    FILTER (WHERE a.recorded_at > \(hour) AND a.status IS NOT NULL),
                max(a.recorded_at) FILTER (WHERE a.type = 'attempt.succeeded')
            FROM (
                SELECT e.stream_id, e.type, e.status, e.recorded_at,
                    (
                        SELECT ledger.json(f.content) ->> 'destination'
                        FROM ledger.payload AS f
                        WHERE f.position = e.position
                            AND f.part = 'facts'
                    ) AS destination,
                    (
                        SELECT substring(ledger.json(f.content) ->> 'total_ms' FROM '^[0-9]{1,12}(?:[.][0-9]{1,9})?$')
                            ::double precision
                        FROM ledger.payload AS f
                        WHERE f.position = e.position
                            AND f.part = 'detail'
                    ) AS total
                FROM ledger.event AS e
                WHERE e.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
                    AND e.direction IS NOT NULL
                    AND e.position > (
                        SELECT l.position - \(eventLimit)
                        FROM ledger.event AS l
                        ORDER BY l.position DESC
                        LIMIT 1
                    )
                ORDER BY e.position DESC
                LIMIT \(attemptLimit)
            ) AS a
            JOIN projection.agreement AS g ON g.stream_id = a.stream_id
            GROUP BY 1
            """
        )
        var recent: [Destination: Recent] = [:]
        for row in rows {
            recent[Destination(rawValue: try row[0, as: Int64.self])] = Recent(
                succeeded: Int(try row[1, as: Int64.self]),
                failed: Int(try row[2, as: Int64.self]),
                unknown: Int(try row[3, as: Int64.self]),
                median: try row[4, as: Double?.self],
                slowest: try row[5, as: Double?.self],
                lastSuccess: try row[6, as: Timestamp?.self],
            )
        }
        return recent
    }
}
