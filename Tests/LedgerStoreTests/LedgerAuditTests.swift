import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import Synchronization
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct LedgerAuditTests {
    private let database = TestDatabase.current

    @Test func `a generated ledger is found right, in whatever stretches and by however many it is read`() async throws
    {
        let size = try await fill(requestCount: 120)
        let reached = Mutex<[AuditProgress]>([])
        for (workers, length) in [(1, Int64(10_000)), (2, 7), (3, 1)] {
            reached.withLock { $0 = [] }
            let report = try await LedgerAudit.run(
                database.configuration(),
                keys: MemoryLedger.keys,
                workers: workers,
                stretchCount: length,
                progress: { progress in reached.withLock { $0.append(progress) } },
            )
            #expect(report.faults == [] && report.faultCount == 0)
            #expect(report.end == size && report.eventCount == Int(size.rawValue) && report.erasedCount == 0)
            let steps = reached.withLock { $0 }
            #expect(
                steps.map(\.done).max() == Int(size.rawValue) && steps.allSatisfy { $0.total == Int(size.rawValue) }
            )
        }
        let parts = try await database.execute("SELECT count(*) FROM ledger.payload")
        #expect(try await audit().partCount == Int(parts.dropLast()))
    }

    @Test func `an erased part is no fault, and one that is gone is`() async throws {
        try await fill(requestCount: 20)
        let (message, other) = (try await lastMessage(), try await lastMessage(before: 1))
        _ = try await database.withStore { store in try await store.erase([(message, "body"), (message, "headers")]) }
        let erased = try await audit()
        #expect(erased.faults == [] && erased.erasedCount == 2)
        try await meddle("DELETE FROM ledger.payload WHERE position = \(other) AND part = 'body'")
        let gone = try await audit()
        #expect(
            gone.faults.map(\.description) == [
                "the part body of event \(other) is missing, and no payload.erased event names it"
            ]
        )
        #expect(gone.faults.map(\.part) == [.body] && gone.erasedCount == 2)
    }

    @Test func `an erasure that was made to name a part afterwards accounts for nothing`() async throws {
        try await fill(requestCount: 20)
        let (message, other) = (try await lastMessage(), try await lastMessage(before: 1))
        let erasure = try await database.withStore { store in try await store.erase([(message, "body")]) }
        try await meddle(
            """
            DELETE FROM ledger.payload WHERE position = \(other) AND part = 'body';
            UPDATE ledger.payload
            SET content = replace(convert_from(content, 'UTF8'), '}]', '},{"position":\(other),"part":"body"}]')::bytea
            WHERE position = \(erasure) AND part = 'facts'
            """
        )
        var session = try database.session()
        let places = [message, other].map { PartPlace($0, .body) }
        #expect(try Erasures.accounting(for: Set(places), in: &session) == [])
        #expect(Set(try await audit().faults.map(\.position)) == [message, other, erasure])
    }

    /// What nobody but a superuser without guards can do, and how it is put; `$1` is the position of a message.
    static let crimes: [(sql: String, faults: [String])] = [
        (
            "UPDATE ledger.payload SET content = set_byte(content, 3, 88) WHERE position = $1 AND part = 'body'",
            ["the part body of event $1 is not what its leaf commits to"]
        ),
        (
            "UPDATE ledger.payload SET content = content || ' '::bytea WHERE position = $1 AND part = 'detail'",
            ["the part detail of event $1 is not what its leaf commits to"]
        ),
        (
            "UPDATE ledger.payload SET salt = set_byte(salt, 0, 255 - get_byte(salt, 0)) WHERE position = $1 AND part = 'facts'",
            ["the part facts of event $1 is not what its leaf commits to"]
        ),
        (
            "UPDATE ledger.payload SET chunk_lengths = chunk_lengths || 7 WHERE position = $1 AND part = 'body'",
            ["the part body of event $1 is not what its leaf commits to"]
        ),
        (
            "DELETE FROM ledger.payload WHERE position = $1 AND part = 'facts'",
            ["the part facts of event $1 is missing, and no payload.erased event names it"]
        ),
        (
            "INSERT INTO ledger.payload (position, part, salt, content) SELECT position, 'answer-body', salt, content FROM ledger.payload WHERE position = $1 AND part = 'facts'",
            ["event $1 has bytes for a part that its leaf does not name"]
        ),
        (
            "INSERT INTO ledger.payload (position, part, salt, content) SELECT 999999, part, salt, content FROM ledger.payload WHERE position = $1",
            ["there are bytes at position 999999, but no event that can be read"]
        ),
        (
            "UPDATE ledger.event SET status = 299 WHERE position = $1",
            ["the leaf of event $1 is not the one that was hashed"]
        ),
        (
            "UPDATE ledger.event SET event_id = gen_random_uuid() WHERE position = $1",
            ["the leaf of event $1 is not the one that was hashed"]
        ),
        (
            "UPDATE ledger.event SET recorded_at = recorded_at - interval '1 day' WHERE position = $1",
            [
                "event $1 was recorded no later than the one before it",
                "the leaf of event $1 is not the one that was hashed",
            ]
        ),
        (
            "UPDATE ledger.event SET leaf_hash = set_byte(leaf_hash, 0, 255 - get_byte(leaf_hash, 0)) WHERE position = $1",
            [
                "event $next does not follow the one before it in its share",
                "event $next does not follow the one before it in its stream",
                "the leaf of event $1 is not the one that was hashed",
            ]
        ),
        (
            "UPDATE ledger.event SET stream_prev = set_byte(stream_prev, 0, 255 - get_byte(stream_prev, 0)) WHERE position = $1",
            [
                "event $1 does not follow the one before it in its stream",
                "the leaf of event $1 is not the one that was hashed",
            ]
        ),
        (
            "UPDATE ledger.event SET stream_seq = stream_seq + 100 WHERE position = $1",
            [
                "event $1 does not follow the one before it in its stream",
                "event $next does not follow the one before it in its stream",
                "the leaf of event $1 is not the one that was hashed",
            ]
        ),
        ("UPDATE ledger.event SET format = 7 WHERE position = $1", ["event $1 is of the unknown format 7"]),
        (
            "UPDATE ledger.payload SET castable = NOT castable WHERE position = $1",
            ["of the part body of event $1 it is not said rightly whether it can be cast"]
        ),
        (
            "UPDATE ledger.payload SET castable = NULL WHERE position = $1",
            ["of the part body of event $1 it is not said rightly whether it can be cast"]
        ),
        (
            "UPDATE ledger.payload SET castable = true WHERE position = $1 AND part = 'headers'",
            ["of the part headers of event $1 it is not said rightly whether it can be cast"]
        ),
        (
            "UPDATE ledger.payload SET splices = content WHERE position = $1 AND part = 'body'",
            ["what was cut out of the part body of event $1 cannot be put back"]
        ),
        (
            "UPDATE ledger.payload SET chunk_lengths = ARRAY[length(content)] WHERE position = $1 AND part = 'facts'",
            ["the part facts of event $1 has chunks, and its leaf commits to it as a whole"]
        ),
        ("UPDATE ledger.event SET type = 'ticket.stolen' WHERE position = $1", ["event $1 cannot be read: "]),
        (
            "UPDATE ledger.event SET epoch = 7 WHERE position = $1",
            ["event $1 is of a stream or an epoch that is not there"]
        ),
    ]

    @Test func `what was changed is named, and nothing else, whether a stretch begins there or not`() async throws {
        try await fill(requestCount: 0)
        // Two messages of one share, one after the other.
        let (first, next) = try await pair()
        try await database.execute(
            "CREATE SCHEMA saved; \(Self.tables.map { "CREATE TABLE saved.\($0) AS TABLE ledger.\($0)" }.joined(separator: ";"))"
        )
        for crime in Self.crimes {
            try await meddle(crime.sql.replacing("$1", with: "\(first)"))
            let expected = crime.faults.map { fault in
                fault.replacing("$1", with: "\(first)").replacing("$next", with: "\(next)")
            }
            .sorted()
            for length in [10_000, 1, next.rawValue] {
                let faults = try await audit(stretchCount: length).faults
                let told = faults.map(\.description).sorted()
                #expect(told.count == expected.count, "\(crime.sql): \(told)")
                #expect(zip(told, expected).allSatisfy { $0.hasPrefix($1) }, "\(crime.sql): \(told)")
            }
            try await meddle(
                Self.tables.map { "DELETE FROM ledger.\($0); INSERT INTO ledger.\($0) TABLE saved.\($0)" }
                    .joined(separator: ";")
            )
        }
        #expect(try await audit().faults == [])
    }

    private static let tables = ["event", "payload"]

    @Test func `what was cut out of a message must be there, open and fit`() async throws {
        try await fill(requestCount: 0)
        let cut = "SELECT min(position) FROM ledger.payload WHERE splices IS NOT NULL AND part = 'body'"
        let position = try await database.execute(cut).dropLast()
        let place = "position = \(position) AND part = 'body'"
        let other = """
            (SELECT splices FROM ledger.payload WHERE splices IS NOT NULL ORDER BY position DESC LIMIT 1)
            """
        for (value, fault) in [
            ("NULL", "not all of what was cut out of the part body of event \(position) is still there"),
            (other, "what was cut out of the part body of event \(position) cannot be put back"),
            ("''", "what was cut out of the part body of event \(position) cannot be put back"),
        ] {
            try await database.execute("CREATE TABLE saved AS SELECT splices FROM ledger.payload WHERE \(place)")
            try await meddle("UPDATE ledger.payload SET splices = \(value) WHERE \(place)")
            #expect(try await audit().faults.map(\.description) == [fault])
            try await meddle("UPDATE ledger.payload SET splices = (TABLE saved) WHERE \(place); DROP TABLE saved")
        }
        // Sealed for its place, but cut out of other bytes.
        let number = try #require(Int64(position))
        try await splice([Splice(offset: 3, original: [1])], into: Position(rawValue: number))
        let faults = try await audit().faults
        #expect(faults.map(\.position) == [Position(rawValue: number)] && faults.map(\.part) == [.body])
    }

    @Test func `of what was cut out of a ticket's texts all must be there, as many as the facts say`() async throws {
        try await fill(requestCount: 0)
        let text = #"{"subject":"\#(TestRequest.key) and \#(TestRequest.key), [secret]"}"#
        let position = try await database.withStore { store in
            try #require(await store.answer(.update("pair", under: "in-1", text)).receipt).position
        }
        #expect(try await audit().faults == [])
        let fault = "not all of what was cut out of the part body of event \(position) is still there"
        let one = Splice(offset: #"{"subject":""#.utf8.count, original: Array(TestRequest.key.utf8))
        try await splice([one], into: position)
        #expect(try await audit().faults.map(\.description) == [fault])
        try await meddle("UPDATE ledger.payload SET splices = NULL WHERE position = \(position)")
        #expect(try await audit().faults.map(\.description) == [fault])
        #expect(
            try await LedgerAudit.run(database.configuration(), keys: nil).faults.map(\.description) == [fault]
        )
        var session = try database.session()
        let event = try #require(try LedgerReader.event(at: position, in: &session))
        let checked = try CheckedParts(of: [event], in: &session)
        #expect(checked.faults == [PartPlace(position, .body): .incomplete])
        #expect(try checked.sound(at: position)[.body] != nil)
    }

    @Test func `events that are gone are named as what they leave: positions without an event, and bytes`() async throws
    {
        let size = try await fill(requestCount: 20)
        try await meddle("DELETE FROM ledger.event WHERE position IN (3, 4, 9)")
        for length in [Int64(10_000), 4] {
            let found = try await audit(stretchCount: length)
            let texts = found.faults.map(\.description)
            #expect(
                texts.contains(
                    length == 4 ? "there is no event at position 4" : "there are no events at positions 3 to 4"
                )
            )
            #expect(texts.contains("there is no event at position 9"))
            #expect(texts.contains("there are bytes at position 9, but no event that can be read"))
            #expect(found.eventCount == Int(size.rawValue) - 3)
        }
    }

    @Test func `names of streams and shares that were moved are found`() async throws {
        try await fill(requestCount: 0)
        let (first, _) = try await pair()
        let share = try await database.execute("SELECT share_id FROM ledger.event WHERE position = \(first)").dropLast()
        try await meddle("UPDATE ledger.share SET stream_id = 0 WHERE share_id = \(share)")
        #expect(
            try await audit().faults.map(\.description) == [
                "the share that begins at position \(share) has no such first event"
            ]
        )
    }

    @Test func `each event of a share that is gone is named once`() async throws {
        try await fill(requestCount: 0)
        let (first, next) = try await pair()
        let id = try await database.execute("SELECT share_id FROM ledger.event WHERE position = \(first)").dropLast()
        let events = "SELECT position FROM ledger.event WHERE share_id = \(id) ORDER BY position"
        let positions = try await database.execute(events).split(separator: "\n").map { Position(rawValue: Int64($0)!) }
        #expect(positions.contains(first) && positions.contains(next))
        try await meddle("DELETE FROM ledger.share WHERE share_id = \(id)")
        for length in [Int64(10_000), 1] {
            let faults = try await audit(stretchCount: length).faults
            #expect(faults.map(\.position).sorted() == positions, "\(faults)")
        }
    }

    @Test func `of many faults the first are kept and all are counted`() async throws {
        try await fill(requestCount: 40)
        try await meddle("UPDATE ledger.payload SET salt = decode(repeat('00', 32), 'hex')")
        let parts = try await database.execute("SELECT count(*) FROM ledger.payload")
        let report = try await audit()
        #expect(report.faultCount == Int(parts.dropLast()) && report.faultCount == report.partCount)
        #expect(report.faults.count == min(report.faultCount, AuditReport.keptCount))
    }

    @Test func `it ends when its task is cancelled`() async throws {
        try await fill(requestCount: 20)
        let configuration = database.configuration()
        let (steps, step) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await LedgerAudit.run(configuration, keys: nil, workers: 1, stretchCount: 1) { _ in
                step.yield()
                // Waits for the cancellation, which it must be the first to see.
                while !Task.isCancelled {}
            }
        }
        for await _ in steps { break }
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
    }
}

extension LedgerAuditTests {
    private func audit(stretchCount: Int64 = 10_000) async throws -> AuditReport {
        try await LedgerAudit.run(database.configuration(), keys: MemoryLedger.keys, stretchCount: stretchCount)
    }

    /// Agreements, a share with two messages, and generated traffic; returns the ledger's size.
    @discardableResult
    private func fill(requestCount: Int) async throws -> Position {
        try await database.withStore(deskURL: "https://help.example/sharing") { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            for request in GeneratedTraffic.preparation { #expect(try await store.answer(request).status < 300) }
            #expect(try await store.answer(.share("pair", under: "in-1")).status == 201)
            #expect(try await store.answer(.update("pair", under: "in-1", #"{"status":"solved"}"#)).status == 200)
            var traffic = GeneratedTraffic(seed: SeededGenerator.seed, label: "audit")
            for _ in 0..<requestCount { _ = try await store.answer(traffic.next()) }
        }
        var session = try database.session()
        return try LedgerReader.size(in: &session)
    }

    /// The two messages of the ticket `pair`.
    private func pair() async throws -> (Position, Position) {
        var session = try database.session()
        let events = try LedgerReader.events(where: "sh.ticket = 'pair'", in: &session)
        try #require(events.count == 2 && events[1].position == events[0].position.next)
        return (events[0].position, events[1].position)
    }

    /// The position of the last ticket message with a body, or of one before it.
    private func lastMessage(before count: Int = 0) async throws -> Position {
        var session = try database.session()
        let events = try LedgerReader.events(
            where: "e.type IN ('ticket.shared', 'ticket.updated')",
            isDescending: true,
            in: &session,
        )
        return try #require(events.dropFirst(count).first).position
    }

    /// Puts other splices, sealed for their place, in the place of those of a body.
    private func splice(_ splices: [Splice], into position: Position) async throws {
        let exchange = try await database.execute("SELECT exchange FROM ledger.event WHERE position = \(position)")
        let context = Splice.context(exchange: try #require(EventID(String(exchange.dropLast()))), part: .body)
        let sealed = MemoryLedger.keys.seal(splices.encoded, context: context)
        let hex = sealed.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        try await meddle(
            "UPDATE ledger.payload SET splices = decode('\(hex)', 'hex') WHERE position = \(position) AND part = 'body'"
        )
    }

    private func meddle(_ change: String) async throws {
        let tables = ["event", "payload", "share"].map { "ALTER TABLE ledger.\($0) DISABLE TRIGGER refuse_change;" }
        try await database.execute("BEGIN; \(tables.joined(separator: " ")) \(change); COMMIT;")
    }
}
