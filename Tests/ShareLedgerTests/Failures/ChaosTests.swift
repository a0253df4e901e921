import Foundation
import Glibc
import HTTPServer
import Linux
import Synchronization
import TestPeers
import TestRequests
import TestSupport
import Testing

/// Whatever happens in whatever order: two services on one ledger, two partners, and nobody who can be relied on.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct ChaosTests {
    /// What goes wrong.
    private enum Fault: CaseIterable {
        case killFirst
        case killSecond
        /// Stopped until its claims were taken over, and continued.
        case stopFirst
        case stopSecond
        case killPostgres
        /// Closes its port for a while.
        case partnerGoes
        case partnerAnswers503
        case partnerIsSlow
    }

    @Test func `through faults in any order everything arrives, in order, and nothing that is not explained`()
        async throws
    {
        var random = SeededGenerator(seed: SeededGenerator.seed)
        let partners = [try MoodyPartner(), try MoodyPartner()]
        let pauses = Array(repeating: "1s", count: 40).joined(separator: ",")
        let first = try await TestService.started(["--retry-schedule", pauses])
        let second = try TestService(["--retry-schedule", pauses, "--public-url", first.publicURL], beside: first)
        try await second.start()
        var agreed: [TestService.Agreed] = []
        for (number, partner) in partners.enumerated() {
            agreed.append(try await first.agreement(with: partner.present, named: "partner\(number)"))
        }
        let agreements = agreed
        try await withThrowingTaskGroup(of: Void.self) { group in
            let end = Gate()
            for speaker in 0..<4 {
                let services = speaker % 2 == 0 ? [first, second] : [second, first]
                group.addTask {
                    try await Self.speak(speaker, through: services, to: agreements, until: { end.isOpen })
                }
            }
            for fault in Fault.allCases.shuffled(using: &random) + [Fault.killFirst, .partnerAnswers503] {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &random)))
                try await Self.inflict(fault, first, second, partners, &random)
            }
            end.open()
            try await group.waitForAll()
        }
        for partner in partners { try partner.recover() }
        for number in partners.indices {
            // One that is out would be asked at growing intervals.
            _ = try await first.run("partner", "resume", "partner\(number)")
        }
        try await first.expireClaims()
        try await first.database("SELECT count(*) FROM delivery.queue", becomes: "0", within: .seconds(150))
        try await first.expectExplained(seenBy: partners.map(\.requests))
        try await first.command("doctor", "--all", "--private-listen", "127.0.0.1:\(first.privatePort)")
        #expect(try await first.stop() == .code(0))
        #expect(try await second.stop() == .code(0))
        for partner in partners { await partner.goAway() }
    }

    /// Says one thing after the other of tickets of its own, insisting on each.
    private static func speak(
        _ speaker: Int,
        through services: [TestService],
        to agreements: [TestService.Agreed],
        until isOver: @Sendable () -> Bool,
    ) async throws {
        var desks = services.map { InsistentClient(port: $0.privatePort) }
        var number = 0
        while !isOver() {
            for ticket in 0..<3 {
                let partner = (speaker + ticket) % agreements.count
                let name = "t\(speaker)-\(ticket)"
                let message = InsistentClient.message(
                    number == 0 ? "POST" : "PUT",
                    "/to/partner\(partner)/tickets/\(name)",
                    token: agreements[partner].token,
                    fields: ["Idempotency-Key: \(name)-\(number)"],
                    #"{"uuid":"\#(name)","subject":"\#(number)","status":"open"}"#,
                )
                // Whoever is killed or stopped keeps its desk waiting; the other one takes what that has to say.
                let answer = try await desks[number % 2].send(message)
                try #require([200, 201].contains(answer.status), "\(answer)")
            }
            number += 1
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private static func inflict(
        _ fault: Fault,
        _ first: TestService,
        _ second: TestService,
        _ partners: [MoodyPartner],
        _ random: inout SeededGenerator,
    ) async throws {
        let partner = partners[Int.random(in: 0..<partners.count, using: &random)]
        let duration = Duration.milliseconds(Int.random(in: 100...900, using: &random))
        switch fault {
        case .killFirst, .killSecond:
            let victim = fault == .killFirst ? first : second
            try await victim.killHard()
            try await first.expireClaims()
            try await victim.start()
        case .stopFirst, .stopSecond:
            let victim = fault == .stopFirst ? first : second
            try await victim.send(SIGSTOP)
            try await Task.sleep(for: duration)
            try await first.expireClaims()
            try await Task.sleep(for: duration)
            try await victim.send(SIGCONT)
        case .killPostgres:
            let old = try first.postmaster
            Glibc.kill(old, SIGKILL)
            // There may be no file, or an empty one, while one ends and another starts.
            while case let now = first.currentPostmaster, now == nil || now == old {
                try await Task.sleep(for: .milliseconds(20))
            }
            try await first.waitUntilReady()
        case .partnerGoes:
            await partner.goAway()
            try await Task.sleep(for: duration)
            try partner.recover()
        case .partnerAnswers503:
            partner.setMood(.overloaded)
            try await Task.sleep(for: duration)
            partner.setMood(.well)
        case .partnerIsSlow:
            partner.setMood(.slow)
            try await Task.sleep(for: duration)
            partner.setMood(.well)
        }
    }
}

/// A partner that comes and goes, and does not always answer well.
private final class MoodyPartner: Sendable {
    enum Mood {
        case well
        case overloaded
        case slow
    }

    private let port: UInt16

    /// One for each time that it came, the last one being here now.
    private let lives: Mutex<[FakePartner]>
    private let mood = Mutex(Mood.well)
    private let taken = Mutex<[HTTPRequest]>([])

    init() throws {
        let first = try FakePartner()
        port = first.port
        lives = Mutex([first])
        first.setScript { [weak self] _, request in await self?.answer(request) ?? HTTPResponse(status: 500) }
    }

    var present: FakePartner { lives.withLock { $0[$0.count - 1] } }

    /// All that it ever took, in order.
    var requests: [HTTPRequest] { taken.withLock { $0 } }

    func setMood(_ new: Mood) { mood.withLock { $0 = new } }

    /// Closes its port; what it has taken it answers.
    func goAway() async { await present.stop(deadline: .seconds(20)) }

    /// Is there again, if it was away, and well.
    func recover() throws {
        setMood(.well)
        guard let next = try? FakePartner(port: port) else { return }
        next.setScript { [weak self] _, request in await self?.answer(request) ?? HTTPResponse(status: 500) }
        lives.withLock { $0.append(next) }
    }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let mood = mood.withLock { $0 }
        if mood == .overloaded { return HTTPResponse(status: 503) }
        taken.withLock { $0.append(request) }
        if mood == .slow { try? await Task.sleep(for: .milliseconds(700)) }
        return HTTPResponse(status: request.method == "POST" ? 201 : 200)
    }
}
