import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import Synchronization
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct ClockTests {
    private let database = TestDatabase.current

    @Test func `a clock that is set back is recorded once, and times go on increasing`() async throws {
        let start = Timestamp.now().advanced(by: .seconds(3600))
        let clock = TestClock(start)
        let appender = try database.appender(clock: { clock.time })
        try await appender.note(1)
        clock.time = start.advanced(by: .seconds(-600))
        for number in 2...4 { try await appender.note(number) }
        clock.time = start.advanced(by: .seconds(-1200))
        try await appender.note(5)
        clock.time = start.advanced(by: .seconds(60))
        try await appender.note(6)
        // Half a second is what clocks differ by.
        clock.time = start.advanced(by: .milliseconds(59_500))
        try await appender.note(7)
        clock.time = start.advanced(by: .seconds(10))
        try await appender.note(8)
        await appender.close()
        var session = try database.session()
        #expect(try ReferenceLedger(in: &session).faults == [])
        let steps = try steps(in: &session)
        #expect(
            steps == [
                Step(position: 2, from: start, to: start.advanced(by: .seconds(-600))),
                Step(position: 6, from: start.advanced(by: .microseconds(4)), to: start.advanced(by: .seconds(-1200))),
                Step(
                    position: 10,
                    from: start.advanced(by: .seconds(60)).advanced(by: .microseconds(1)),
                    to: start.advanced(by: .seconds(10))
                ),
            ]
        )
    }

    @Test func `a step is recorded even if the first batch that noticed it failed`() async throws {
        let start = Timestamp.now().advanced(by: .seconds(3600))
        let clock = TestClock(start)
        let appender = try database.appender(clock: { clock.time })
        try await appender.note(1)
        clock.time = start.advanced(by: .seconds(-60))
        await #expect(throws: AppendError.self) { try await appender.note(2) { _ in ["SELECT 1 / 0"] } }
        try await appender.note(3)
        await appender.close()
        var session = try database.session()
        #expect(try steps(in: &session).map(\.position) == [2])
    }

    private struct Step: Equatable {
        let position: Int64
        let from: Timestamp
        let to: Timestamp
    }

    private func steps(in session: inout PostgresSession) throws -> [Step] {
        let rows = try session.query(
            """
            SELECT e.position, (f.facts ->> 'from')::timestamptz, (f.facts ->> 'to')::timestamptz
            FROM ledger.event AS e
            JOIN ledger.stream AS s USING (stream_id)
            JOIN ledger.payload AS p ON p.position = e.position AND p.part = 'facts'
            CROSS JOIN LATERAL (SELECT convert_from(p.content, 'UTF8')::jsonb AS facts) AS f
            WHERE e.type = 'clock.stepped'
                AND s.name = 'system'
            ORDER BY e.position
            """
        )
        return try rows.map { row in
            Step(
                position: try row[0, as: Int64.self],
                from: try row[1, as: Timestamp.self],
                to: try row[2, as: Timestamp.self]
            )
        }
    }
}
