import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import Synchronization
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct AppenderTests {
    private let database = TestDatabase.current

    // MARK: Batches

    @Test func `what comes while a batch is under way shares the next one, and everybody gets its own result`()
        async throws
    {
        let reports = Mutex<[BatchReport]>([])
        let appender = try database.appender(onCommit: { report in reports.withLock { $0.append(report) } })
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let others = withThrowingTaskGroup(of: Receipt.self) { group in
            for number in 1...20 { group.addTask { try await appender.note(number) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        while appender.waitingCount < 20 { await Task.yield() }
        try hold.release()
        let receipts = try await [first] + others
        #expect(Set(receipts.map(\.position)) == Set((1...21).map { Position(rawValue: $0) }))
        #expect(reports.withLock { $0.map(\.requestCount) } == [1, 20])
        #expect(reports.withLock { $0.map(\.events.count) } == [1, 20])
        #expect(reports.withLock { $0.last?.next } == Position(rawValue: 22))
        await appender.close()
        var session = try database.session()
        #expect(try ReferenceLedger(in: &session).faults == [])
    }

    @Test func `a batch has a bound in bytes, and one that is larger alone goes through alone`() async throws {
        let reports = Mutex<[BatchReport]>([])
        var limits = Appender.Limits()
        limits.batchByteCount = 1_000
        let appender = try database.appender(
            limits: limits,
            onCommit: { report in reports.withLock { $0.append(report) } }
        )
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let rest = withThrowingTaskGroup(of: Void.self) { group in
            for (number, byteCount) in [400, 400, 400, 5_000, 100].enumerated() {
                group.addTask { _ = try await appender.note(number, byteCount: byteCount) }
                while appender.waitingCount <= number { await Task.yield() }
            }
            try await group.waitForAll()
        }
        while appender.waitingCount < 5 { await Task.yield() }
        try hold.release()
        _ = try await (first, rest)
        #expect(reports.withLock { $0.map(\.requestCount) } == [1, 2, 1, 1, 1])
        await appender.close()
    }

    @Test func `of a batch in which some rows fail only those are refused`() async throws {
        let appender = try database.appender()
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let others = withTaskGroup(of: (Int, Result<Receipt, AppendError>).self) { group in
            for number in 1...30 {
                group.addTask {
                    do throws(AppendError) {
                        let receipt = try await appender.note(number) { _ in
                            number % 10 == 7 ? ["SELECT 1 / (\(Int64(number)) - \(Int64(number)))"] : []
                        }
                        return (number, .success(receipt))
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [Int: Result<Receipt, AppendError>]()) { $0[$1.0] = $1.1 }
        }
        while appender.waitingCount < 30 { await Task.yield() }
        try hold.release()
        _ = try await first
        for (number, result) in await others {
            switch result {
            case .success: #expect(number % 10 != 7)
            case .failure(let error):
                #expect(number % 10 == 7)
                #expect("\(error)".contains("division by zero"))
            }
        }
        await appender.close()
        var session = try database.session()
        let ledger = try ReferenceLedger(in: &session)
        #expect(ledger.faults == [])
        #expect(ledger.count == 1 + 1 + 27)
    }

    @Test func `a store of another process sees at once what this one has committed`() async throws {
        try await database.withStore { one in
            try await database.withStore { other in
                try await one.addPartner("partner", url: TestRequest.partnerURL)
                #expect(try await other.answer(.ownInvitation("a1", to: "partner")).status == 201)
                #expect(try await one.answer(.partnerSets("accepted", of: "a1")).status == 200)
                let body = #"{"uuid":"t1"}"#
                let token = "a1:\(TestRequest.key)"
                #expect(
                    try await other.answer(.outbound("POST", "/tickets/t1", to: "partner", token: token, body)).status
                        == 201
                )
                #expect(try await one.answer(.update("t1", under: "a1", #"{"status":"x"}"#)).status == 200)
                try await other.addPartner("second", url: "https://second.example/")
                #expect(
                    try await one.answer(.ownInvitation("a2", to: "second", at: "https://second.example")).status == 201
                )
            }
        }
    }

    // MARK: Bounds

    @Test func `more than may wait is turned away at once`() async throws {
        var limits = Appender.Limits()
        limits.queueCount = 2
        let appender = try database.appender(limits: limits)
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let second = appender.note(1)
        async let third = appender.note(2)
        while appender.waitingCount < 2 { await Task.yield() }
        await #expect(throws: AppendError.overloaded) { try await appender.note(3) }
        try hold.release()
        _ = try await (first, second, third)
        try await appender.note(4)
        await appender.close()
    }

    @Test func `more bytes than may wait are turned away at once`() async throws {
        var limits = Appender.Limits()
        limits.queueByteCount = 1_000
        let appender = try database.appender(limits: limits)
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let second = appender.note(1, byteCount: 900)
        while appender.waitingCount < 1 { await Task.yield() }
        await #expect(throws: AppendError.overloaded) { try await appender.note(2, byteCount: 101) }
        try hold.release()
        _ = try await (first, second)
        await appender.close()
    }

    @Test func `closing answers what waits and takes nothing more`() async throws {
        let appender = try database.appender()
        var hold = try LedgerHold(database)
        async let first = appender.note(0)
        try await hold.untilSomebodyWaits()
        async let second = appender.note(1)
        while appender.waitingCount < 1 { await Task.yield() }
        async let closed: Void = appender.close()
        while !appender.isClosed { await Task.yield() }
        await #expect(throws: AppendError.unavailable("the service is stopping")) { try await appender.note(2) }
        try hold.release()
        _ = try await (first, second)
        await closed
    }

    @Test func `as long as durability is not promised nothing is taken`() async throws {
        let appender = try database.appender()
        appender.setUnavailable("fsync is off")
        await #expect(throws: AppendError.unavailable("fsync is off")) { try await appender.note() }
        appender.setUnavailable(nil)
        try await appender.note()
        await appender.close()
    }

    @Test func `a session of the appender commits durably and cannot hold the ledger for ever`() async throws {
        let appender = try database.appender()
        try await appender.note { _ in
            [
                """
                SELECT 1 / (
                    current_setting('synchronous_commit') = 'on'
                    AND current_setting('idle_in_transaction_session_timeout') = '10s'
                    AND current_setting('jit') = 'off'
                )::integer
                """
            ]
        }
        await appender.close()
    }
}

@Suite(.schema) struct AppenderWithoutLedgerTests {
    @Test func `without a ledger nothing is appended, and the advice is to make one`() async throws {
        let appender = try TestDatabase.current.appender()
        await #expect(throws: AppendError.notInitialized) { try await appender.note() }
        #expect("\(AppendError.notInitialized)".contains("shareledger init"))
        await appender.close()
    }
}
