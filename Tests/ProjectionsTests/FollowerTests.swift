import Ledger
import LedgerStore
import Logging
import Postgres
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger, .tags(.concurrency))
struct FollowerTests {
    @Test func `rows follow the messages while they come, and a reader can wait for one`() async throws {
        let ledger = try await LedgerFixture()
        let follower = Follower(
            configuration: ledger.database.configuration(),
            commits: ledger.store.commits,
            logger: .silent
        )
        try await ledger.addPartner("lens", GeneratedLedger.partnerURL)
        let token = try await ledger.agree("a", with: "lens", at: GeneratedLedger.partnerURL, weSend: false)
        try await withThrowingTaskGroup { group in
            group.addTask { await follower.run() }
            for number in 0..<20 {
                let method = number == 0 ? "POST" : "PUT"
                let body = #"{"uuid":"t","subject":"\#(number)","comments":[{"uuid":"c\#(number)","body":"x"}]}"#
                let receipt = try #require(try await ledger.send(method, "tickets/t", body, token: token).receipt)
                #expect(await follower.waitUntil(receipt.position, within: .seconds(20)))
                let row = try await ledger.database.execute(
                    "SELECT subject, comment_count, last_position FROM projection.ticket"
                )
                #expect(row == "\(number)|\(number + 1)|\(receipt.position)\n")
            }
            group.cancelAll()
        }
        #expect(follower.progress.lag == 0)
    }

    @Test func `a key in a text is a placeholder in the rows as well, and what is not allowed is not taken`()
        async throws
    {
        let ledger = try await LedgerFixture()
        let follower = Follower(
            configuration: ledger.database.configuration(),
            commits: ledger.store.commits,
            logger: .silent
        )
        try await ledger.addPartner("lens", GeneratedLedger.partnerURL)
        let token = try await ledger.agree(
            "a",
            with: "lens",
            at: GeneratedLedger.partnerURL,
            weSend: true,
            #","sync_tags":false,"allows_public_comments":false"#
        )
        let key = try #require(token.split(separator: ":").last)
        try await withThrowingTaskGroup { group in
            group.addTask { await follower.run() }
            let share = #"{"uuid":"t","status":"open"}"#
            _ = try await ledger.send("POST", "tickets/t", share, token: token, to: "lens")
            // One after the other, so that all but a few come from memory.
            for number in 0..<10 {
                let comment = #"{"uuid":"\#(number)","body":"it is \#(key)","public":true}"#
                let body = #"{"status":"solved","tags":["x"],"comments":[\#(comment)]}"#
                let receipt = try #require(try await ledger.send("PUT", "tickets/t", body, token: token).receipt)
                #expect(await follower.waitUntil(receipt.position, within: .seconds(20)))
            }
            group.cancelAll()
        }
        let row = try await ledger.database.execute(
            """
            SELECT t.status, t.tags, c.body, c.public, count(*)
            FROM projection.ticket AS t
            JOIN projection.comment AS c ON c.share_id = t.share_id
            GROUP BY t.status, t.tags, c.body, c.public
            """
        )
        #expect(row == "open||it is [secret]|f|10\n")
        #expect(try await ledger.verify().differences.first == [])
    }

    @Test func `waiting for what does not come ends in time`() async throws {
        let ledger = try await LedgerFixture()
        let follower = Follower(configuration: ledger.database.configuration(), commits: nil, logger: .silent)
        await withTaskGroup { group in
            group.addTask { await follower.run() }
            #expect(await !follower.waitUntil(Position(rawValue: 1_000_000), within: .milliseconds(50)))
            group.cancelAll()
        }
    }

    @Test func `a follower whose connection is cut goes on where it was`() async throws {
        var generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 20, messageCount: 20)
        let ledger = generated.ledger
        var rhythm = Follower.Rhythm()
        rhythm.shortestPause = .milliseconds(10)
        let follower = Follower(
            configuration: ledger.database.configuration(),
            commits: ledger.store.commits,
            logger: .silent,
            rhythm: rhythm,
        )
        try await withThrowingTaskGroup { group in
            group.addTask { await follower.run() }
            for _ in 0..<5 {
                try await ledger.database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'shareledger follower' AND datname = current_database()
                    """
                )
                try await generated.extend(by: 5)
                let last = Position(rawValue: try await ledger.size().rawValue - 1)
                #expect(await follower.waitUntil(last, within: .seconds(20)))
            }
            group.cancelAll()
        }
        #expect(try await ledger.verify().differences.first == [])
    }

    @Test func `two followers do not get in each other's way`() async throws {
        var generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 21, messageCount: 20)
        let ledger = generated.ledger
        let followers = (0..<2).map { _ in
            Follower(configuration: ledger.database.configuration(), commits: ledger.store.commits, logger: .silent)
        }
        try await withThrowingTaskGroup { group in
            for follower in followers { group.addTask { await follower.run() } }
            for _ in 0..<3 {
                try await generated.extend(by: 15)
                let last = Position(rawValue: try await ledger.size().rawValue - 1)
                for follower in followers { #expect(await follower.waitUntil(last, within: .seconds(20))) }
            }
            group.cancelAll()
        }
        #expect(try await ledger.verify().differences.first == [])
    }

    @Test func `a rebuild under way, messages and following go on, and all of it comes out right`() async throws {
        var generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 22, messageCount: 60)
        let ledger = generated.ledger
        let handler = CollectingLogHandler()
        let follower = Follower(
            configuration: ledger.database.configuration(),
            commits: ledger.store.commits,
            logger: Logger(label: "test", handler: handler)
        )
        try await ledger.addPartner("other", "https://other.example/sharing")
        let token = try await ledger.agree("other", with: "other", at: "https://other.example/sharing", weSend: false)
        @Sendable func changeAgreements() async throws {
            for number in 0..<40 {
                let status = number.isMultiple(of: 2) ? "inactive" : "accepted"
                let answer = try await ledger.send("PUT", "agreements/other", #"{"status":"\#(status)"}"#, token: token)
                #expect(answer.status == 200)
            }
        }
        try await withThrowingTaskGroup { group in
            group.addTask { await follower.run() }
            for _ in 0..<3 {
                async let rebuilt = ledger.rebuild()
                async let changed: Void = changeAgreements()
                try await generated.extend(by: 40)
                let report = try await rebuilt
                try await changed
                #expect(report.isSwapped)
                #expect(report.differences.first == [])
            }
            let last = Position(rawValue: try await ledger.size().rawValue - 1)
            #expect(await follower.waitUntil(last, within: .seconds(30)))
            group.cancelAll()
        }
        #expect(handler.lines.map(\.text) == [], "new tables are noticed without an error")
        #expect(try await ledger.verify().differences.first == [])
    }

    @Test func `a message that cannot be folded is reported and stops nothing`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 23, messageCount: 30)
        let ledger = generated.ledger
        let broken = try #require(generated.messages.dropFirst(10).first)
        try await ledger.removePart(.facts, of: broken.position)
        try await ledger.follow()
        let unfolded = try await ledger.database.execute("SELECT position, reason FROM projection.unfolded")
        #expect(
            unfolded == "\(broken.position)|its part facts is missing, and no payload.erased event names it\n"
        )
        let report = try await ledger.verify()
        #expect(report.differences.first.contains { "\($0)".contains("event \(broken.position) cannot be folded") })
        #expect(report.eventCount == generated.messages.count)
        let others = generated.shares.filter { $0 != broken.share }
        for share in others {
            let found = try await ledger.session { session in
                try Reconstructor.share(
                    agreement: AgreementID(share.agreement)!,
                    ticket: TicketID(share.ticket)!,
                    in: &session,
                )?.ticket.encoded()
            }
            #expect(try object(try #require(found)) == generated.ticket(share).object(share.ticket))
        }
        #expect(try await ledger.rebuild().faults.map(\.position) == [broken.position])
    }
}
