import Foundation
import Glibc
import HTTPServer
import Linux
import TestPeers
import TestRequests
import TestSupport
import Testing

/// kill -9 of the service and of PostgreSQL under load, with an oracle outside of both.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct KillTests {
    /// Who is killed.
    enum Victim: CaseIterable {
        case service
        /// The service, and its successor again while it starts.
        case serviceTwice
        case postmaster
        /// One of the postmaster's children, after which PostgreSQL ends all the others and recovers.
        case backend
        case everybody
    }

    @Test func `whoever is killed under load, what was acknowledged is there once and is delivered`() async throws {
        try await kill([.service, .postmaster, .service, .backend], pairs: 3, waitsForClaims: false)
    }

    @Test(.long) func `the same through many kills of every kind`() async throws {
        let victims = (0..<6).flatMap { _ in Victim.allCases }
        var random = SeededGenerator(seed: SeededGenerator.seed)
        try await kill(victims.shuffled(using: &random), pairs: 6, waitsForClaims: true)
    }

    @Test func `an attempt that was under way when the service was killed becomes unknown and is made again`()
        async throws
    {
        let gate = Gate()
        let partner = try FakePartner { _, request in
            if request.target.hasSuffix("/t1") { await gate.wait() }
            return HTTPResponse(status: 200)
        }
        let service = try await TestService.started()
        try await service.agree(with: partner.url)
        let token = TestService.token()
        let shared = try await service.fromPartner("POST", "/tickets/t1", token: token, #"{"uuid":"t1"}"#)
        #expect(shared.status == 201)
        let updated = try await service.fromDesk("PUT", "/lenswerk/tickets/t1", token: token, #"{"status":"open"}"#)
        #expect(updated.status == 200)
        // The first was that we accept the agreement.
        await partner.waitForRequests(2)
        let postmaster = try service.postmaster
        try await service.killHard()
        try await service.start()
        #expect(try service.postmaster == postmaster)
        try await service.expireClaims()
        await partner.waitForRequests(3)
        gate.open()
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        let history = try await service.command("history", "a1/t1", "--type", "attempt", "--json").objects
        let types = history.compactMap { $0["type"] as? String }
        #expect(types == ["attempt.begun", "attempt.unknown", "attempt.begun", "attempt.succeeded"])
        #expect(try await service.stop() == .code(0))
        await partner.stop()
    }

    // MARK: Killing

    private func kill(_ victims: [Victim], pairs: Int, waitsForClaims: Bool) async throws {
        let partner = try FakePartner()
        let desk = try FakePartner()
        let pauses = Array(repeating: "1s", count: 30).joined(separator: ",")
        let service = try await TestService.started(["--desk-url", desk.url, "--retry-schedule", pauses])
        try await service.agree(with: partner.url)
        let work = try SharedWork(on: service, pairs: pairs, seed: SeededGenerator.seed)
        do {
            try await Self.kill(victims, of: service, during: work, waitsForClaims: waitsForClaims)
        } catch {
            Issue.record("the service said at the end: \(try service.log.suffix(8000))")
            throw error
        }
        let acknowledgements = try work.acknowledgements
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0", within: .seconds(150))
        try await service.expectLedger(of: acknowledgements)
        try await service.expectTickets(of: acknowledgements)
        try await service.expectDeliveries(of: acknowledgements, "out", to: partner)
        try await service.expectDeliveries(of: acknowledgements, "in", to: desk)
        try await service.command("projection", "verify")
        try await service.command("doctor", "--private-listen", "127.0.0.1:\(service.privatePort)")
        #expect(try await service.stop() == .code(0))
        #expect(!FileManager.default.fileExists(atPath: "\(service.data)/pgdata/postmaster.pid"))
        await partner.stop()
        await desk.stop()
    }

    /// Kills one after the other while everybody works.
    private static func kill(
        _ victims: [Victim],
        of service: TestService,
        during work: SharedWork,
        waitsForClaims: Bool,
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work.run() }
            group.addTask {
                var random = SeededGenerator(seed: SeededGenerator.seed)
                for victim in victims {
                    try await work.acknowledged(.random(in: 10...60, using: &random))
                    // Not only right after somebody was answered: the moment is part of the case.
                    try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000, using: &random)))
                    try await kill(victim, of: service, &random)
                    let hasLeftClaims = victim != .postmaster && victim != .backend
                    if hasLeftClaims, !waitsForClaims { try await service.expireClaims() }
                }
                try await work.acknowledged(20)
                work.stop()
            }
            try await group.waitForAll()
        }
    }

    private static func kill(_ victim: Victim, of service: TestService, _ random: inout SeededGenerator) async throws {
        let postmaster = try service.postmaster
        switch victim {
        case .service, .serviceTwice:
            try await service.killHard()
            if victim == .serviceTwice {
                try await service.launch()
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                try await service.killHard()
            }
            try await service.start()
            #expect(try service.postmaster == postmaster, "the surviving PostgreSQL was not adopted")
        case .postmaster:
            Glibc.kill(postmaster, SIGKILL)
        case .backend:
            let backend = try #require(try service.backends(of: postmaster).randomElement(using: &random))
            Glibc.kill(backend, SIGKILL)
        case .everybody:
            Glibc.kill(postmaster, SIGKILL)
            try await service.killHard()
            try await service.start()
        }
    }
}
