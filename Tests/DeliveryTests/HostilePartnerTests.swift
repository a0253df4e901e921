import Delivery
import Foundation
import HTTPClient
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// Partners that do to the first request whatever a server can do, and answer the next ones well; judged by what they saw.
@Suite(.schema, .timeLimit(.minutes(5)))
struct HostilePartnerTests {
    private struct Behaviour: Sendable {
        let name: String

        /// How the first attempt ends.
        let end: EventType
        let serve: @Sendable (RawConnection) throws -> Void
    }

    private static let behaviours = [
        Behaviour(name: "closes", end: .attemptUnknown) { _ in },
        Behaviour(name: "resets", end: .attemptUnknown) { $0.reset() },
        Behaviour(name: "stalls", end: .attemptUnknown) { connection in
            try connection.write("HTTP/1.1 2")
            try connection.waitForClose()
        },
        Behaviour(name: "silent", end: .attemptUnknown) { try $0.waitForClose() },
        Behaviour(name: "ancient", end: .attemptUnknown) { try $0.write("<html>Thank you</html>") },
        Behaviour(name: "continues", end: .attemptUnknown) { connection in
            while true { try connection.write("HTTP/1.1 100 Continue\r\n\r\n") }
        },
        // What follows a 2xx is of no interest.
        Behaviour(name: "heads", end: .attemptSucceeded) { connection in
            try connection.write("HTTP/1.1 200 OK\r\n")
            while true { try connection.write("X-More: \(String(repeating: "x", count: 1_000))\r\n") }
        },
        Behaviour(name: "floods", end: .attemptSucceeded) { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            let piece = [UInt8](repeating: 0x78, count: 1 << 16)
            for _ in 0..<(1 << 14) { try connection.write(piece) }
        },
        Behaviour(name: "trickles", end: .attemptSucceeded) { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
            try connection.waitForClose()
        },
        Behaviour(name: "fails", end: .attemptFailed) { connection in
            try connection.write("HTTP/1.1 500 Oops\r\nContent-Length: 1073741824\r\n\r\n")
            let piece = [UInt8](repeating: 0x78, count: 1 << 16)
            for _ in 0..<(1 << 14) { try connection.write(piece) }
        },
    ]

    @Test func `whatever a partner does, its message arrives, and it saw no more than the ledger tells`() async throws {
        let ledger = try await TestLedger { settings in
            settings.schedule = RetrySchedule(pauses: [.seconds(1), .seconds(1), .seconds(1)])
            settings.limits.total = .seconds(3)
        }
        var servers: [(behaviour: Behaviour, server: RawServer)] = []
        for behaviour in Self.behaviours {
            let serve = behaviour.serve
            let server = try RawServer { connection in
                guard try connection.readRequest() != nil else { return }
                guard connection.number > 0 else { return try serve(connection) }
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            servers.append((behaviour, server))
            let url = "http://127.0.0.1:\(server.port)/sharing"
            try await ledger.addPartner(behaviour.name, at: url)
            let agreement = try await ledger.agree(with: behaviour.name, at: url, id: behaviour.name)
            try await ledger.share("t-\(behaviour.name)", under: agreement)
        }
        let count = Int64(servers.count)
        try await ledger.withEngine { engine in
            try await ledger.until("an end of every first attempt") { session in
                try session.query(
                    """
                    SELECT count(*) FROM ledger.event
                    WHERE type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
                    """
                ).onlyRow()[0, as: Int64.self] == count
            }
            ledger.clock.advance(by: .seconds(2))
            engine.wake()
            try await ledger.untilDelivered()
        }
        let ends = try await ledger.events(.attemptSucceeded, .attemptFailed, .attemptUnknown)
        let begun = try await ledger.events(.attemptBegun)
        for (behaviour, server) in servers {
            let ticket = "t-\(behaviour.name)"
            let types = ends.filter { $0.event.ticket == ticket }.map(\.event.type)
            let expected = behaviour.end == .attemptSucceeded ? [behaviour.end] : [behaviour.end, .attemptSucceeded]
            #expect(types == expected, "\(behaviour.name)")
            #expect(begun.filter { $0.event.ticket == ticket }.count == expected.count, "\(behaviour.name)")
            #expect(server.requests.count == expected.count, "\(behaviour.name)")
            #expect(server.connectionCount == expected.count, "\(behaviour.name)")
        }
        await ledger.close()
    }

    @Test func `a redirect to a metadata address is followed nowhere and parks its lane`() async throws {
        let metadata = try RawServer { _ in }
        let port = metadata.port
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            let location = "Location: http://127.0.0.1:\(port)/latest/meta-data/\r\n"
            try connection.write("HTTP/1.1 307 Elsewhere\r\n\(location)Content-Length: 0\r\n\r\n")
        }
        let ledger = try await TestLedger()
        let url = "http://127.0.0.1:\(server.port)/sharing"
        try await ledger.addPartner("lens", at: url)
        let agreement = try await ledger.agree(with: "lens", at: url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            _ = try await ledger.events(.deliveryParked, count: 1)
        }
        #expect(server.requests.count == 1)
        #expect(metadata.connectionCount == 0)
        await ledger.close()
    }

    @Test func `after the clock went back an hour what is said then goes at once, and nothing goes twice`() async throws
    {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        let engine = ledger.makeEngine()
        try await ledger.withEngine(engine) { _ in
            try await ledger.untilDelivered()
            ledger.clock.advance(by: .seconds(-3_600))
            try await ledger.update("t1", under: agreement, subject: "later")
            try await ledger.share("t2", under: agreement)
            try await ledger.untilDelivered()
        }
        #expect(partner.received.sorted() == ["POST t1", "POST t2", "PUT t1"])
        #expect(try await ledger.events(.attemptBegun).count == 3)
        #expect(try await ledger.events(.attemptUnknown).isEmpty)
        await ledger.close()
        await partner.stop()
    }
}
