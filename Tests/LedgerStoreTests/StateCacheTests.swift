import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

/// What the appender keeps from one transaction to the next.
@Suite(.ledger) struct StateCacheTests {
    private let database = TestDatabase.current
    private static let token = "a1:\(TestRequest.key)"

    /// The statuses of the ticket that decisions see.
    private func status(in store: Store) async throws -> String? {
        let share = ShareName(stream: .agreement("a1"), ticket: "t1")
        var keys = StateKeys()
        keys.shares = [share]
        keys.streams = [share.stream]
        return try await store.appender.append(keys, byteCount: 100) { $0.ticket(share)?.status }
    }

    private func prepare(_ store: Store) async throws {
        try await store.addPartner("partner", url: TestRequest.partnerURL)
        #expect(try await store.answer(.ownInvitation("a1", to: "partner")).status == 201)
        #expect(try await store.answer(.partnerSets("accepted", of: "a1")).status == 200)
        #expect(try await send("POST", #"{"uuid":"t1","status":"new"}"#, store) == 201)
    }

    private func send(_ method: String, _ body: String, _ store: Store) async throws -> Int {
        try await store.answer(.outbound(method, "/tickets/t1", to: "partner", token: Self.token, body)).status
    }

    @Test func `a share is not read again until the ledger has moved, or a row was mended`() async throws {
        try await database.withStore { store in
            try await prepare(store)
            #expect(try await status(in: store) == "new")
            try await database.execute("UPDATE projection.ticket_head SET status = 'tampered'")
            #expect(try await status(in: store) == "new")
            try await database.execute("UPDATE projection.inline_version SET version = version + 1")
            #expect(try await status(in: store) == "tampered")
        }
    }

    @Test func `after a quiet the ledger is locked where it is expected to be, in the trip that writes`() async throws {
        let function = "FUNCTION ledger.lock_at(bigint, bigint, timestamptz, bigint)"
        try await database.withStore { store in
            try await prepare(store)
            for number in 0..<8 {
                #expect(try await send("PUT", #"{"status":"\#(number)"}"#, store) == 200)
            }
            try await database.execute("REVOKE EXECUTE ON \(function) FROM shareledger_service")
            await #expect(throws: AppendError.self) { try await send("PUT", #"{"status":"held"}"#, store) }
            // What failed is forgotten, so that the next one reads first.
            #expect(try await send("PUT", #"{"status":"read"}"#, store) == 200)
            try await database.execute("GRANT EXECUTE ON \(function) TO shareledger_service")
            #expect(try await status(in: store) == "read")
        }
    }

    @Test func `after a long quiet, too, what was appended or mended elsewhere is decided on`() async throws {
        try await database.withStore { one in
            try await database.withStore { other in
                try await prepare(one)
                for round in 0..<3 {
                    for number in 0..<8 {
                        #expect(try await send("PUT", #"{"status":"\#(round) \#(number)"}"#, one) == 200)
                    }
                    #expect(try await send("PUT", #"{"status":"elsewhere \#(round)"}"#, other) == 200)
                    #expect(try await status(in: one) == "elsewhere \(round)")
                }
                for number in 0..<8 {
                    #expect(try await send("PUT", #"{"status":"last \#(number)"}"#, one) == 200)
                }
                try await database.execute(
                    """
                    UPDATE projection.ticket_head SET status = 'mended';
                    UPDATE projection.inline_version SET version = version + 1
                    """
                )
                #expect(try await status(in: one) == "mended")
            }
        }
    }

    @Test func `what another process appends is seen, and goes on from`() async throws {
        try await database.withStore { one in
            try await database.withStore { other in
                try await prepare(one)
                for round in 0..<3 {
                    for (number, store) in [one, other, other, one].enumerated() {
                        let text = "round \(round), \(number)"
                        #expect(try await send("PUT", #"{"status":"\#(text)"}"#, store) == 200)
                        #expect(try await status(in: one) == text)
                        #expect(try await status(in: other) == text)
                    }
                }
            }
        }
        var session = try database.session()
        #expect(try ReferenceLedger(in: &session).faults == [])
    }

    @Test(arguments: [EventType.deliveryParked, .deliverySkipped, .deliveryAbandoned], [false, true])
    func `a message whose delivery was parked or given up is not taken for repeated any more`(
        _ type: EventType,
        isAnotherProcess: Bool,
    ) async throws {
        try await database.withStore { store in
            try await prepare(store)
            let body = #"{"status":"open"}"#
            #expect(try await send("PUT", body, store) == 200)
            let share = ShareName(stream: .agreement("a1"), ticket: "t1")
            var keys = StateKeys()
            keys.shares = [share]
            keys.streams = [share.stream]
            let ending: @Sendable (Receipt) -> [SQL] = { _ in
                type == .deliveryParked
                    ? ["UPDATE delivery.queue SET state = 'parked', reason = 'test' WHERE share_id IS NOT NULL"]
                    : ["DELETE FROM delivery.queue WHERE share_id IS NOT NULL"]
            }
            _ = try await store.appender.append(keys, byteCount: 100, additional: ending) { transaction in
                let facts = transaction.part(.facts, Facts.object { _ in })
                let last = transaction.ticket(share)?.last.receipt.event
                return transaction.append(
                    EventDraft(type, stream: share.stream, ticket: share.ticket, about: last, parts: [facts]),
                )
            }
            let again = TestRequest.outbound("PUT", "/tickets/t1", to: "partner", token: Self.token, body)
            let repeated =
                if isAnotherProcess {
                    try await database.withStore { other in try await other.answer(again) }
                } else {
                    try await store.answer(again)
                }
            #expect(repeated.status == 200 && !repeated.isRepeat)
        }
    }
}
