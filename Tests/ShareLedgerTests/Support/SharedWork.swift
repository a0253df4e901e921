import Foundation
import Synchronization
import TestPeers
import TestRequests
import TestSupport
import Testing

/// A partner and our own desk at work on the same tickets, several people on each side, until they are told to stop.
///
/// Each pair has tickets of its own and changes them in turn. All of them also change one ticket that nobody owns, with
/// an `Idempotency-Key`, since there the last message may be another's when one has to repeat its own.
final class SharedWork: Sendable {
    private let service: TestService
    private let seed: UInt64
    private let files: [AcknowledgementFile]
    private let directory: TemporaryDirectory
    private let isStopped = Mutex(false)
    private let progress: AsyncStream<Void>
    private let reporter: AsyncStream<Void>.Continuation

    static let busyTicket = "busy"

    /// - Parameter pairs: How many people there are on each side, each with a connection.
    init(on service: TestService, pairs: Int, seed: UInt64) throws {
        self.service = service
        self.seed = seed
        let directory = try TemporaryDirectory()
        self.directory = directory
        files = try (0..<pairs).map { try AcknowledgementFile(path: directory.path(of: "acknowledged-\($0)")) }
        (progress, reporter) = AsyncStream.makeStream()
    }

    /// Works until ``stop()``; every message that was begun is acknowledged then.
    func run() async throws {
        defer { reporter.finish() }
        var opener = Pair(service: service, name: "b", file: files[0], reporter: reporter)
        try await opener.send("POST", Self.busyTicket, fromPartner: true)
        try await withThrowingDiscardingTaskGroup { group in
            for number in files.indices {
                group.addTask { try await self.work(number) }
            }
        }
    }

    func stop() { isStopped.withLock { $0 = true } }

    /// Waits until so many more messages were acknowledged; one task only may wait.
    func acknowledged(_ count: Int) async throws {
        var left = count
        for await _ in progress {
            left -= 1
            if left <= 0 { return }
        }
        throw CancellationError()
    }

    /// All that was acknowledged, in the order of the ledger.
    var acknowledgements: [Acknowledgement] {
        get throws { try files.flatMap { try $0.contents }.sorted { $0.position < $1.position } }
    }

    // MARK: One pair

    private func work(_ number: Int) async throws {
        var random = SeededGenerator(seed: seed &+ UInt64(number))
        var pair = Pair(service: service, name: "\(number)", file: files[number], reporter: reporter)
        var ticketNumber = 0
        while !isStopped.withLock({ $0 }) {
            let ticket = "t\(number)-\(ticketNumber)"
            ticketNumber += 1
            try await pair.send("POST", ticket, fromPartner: true)
            for _ in 0..<Int.random(in: 2...9, using: &random) where !isStopped.withLock({ $0 }) {
                let isBusy = Int.random(in: 0..<4, using: &random) == 0
                let fromPartner = Bool.random(using: &random)
                try await pair.send("PUT", isBusy ? Self.busyTicket : ticket, fromPartner: fromPartner)
            }
        }
    }
}

/// Somebody at the partner, somebody at our desk, and what both of them were told.
private struct Pair {
    private let name: String
    private let file: AcknowledgementFile
    private let reporter: AsyncStream<Void>.Continuation
    private var partner: InsistentClient
    private var desk: InsistentClient
    private var messageCount = 0

    init(
        service: TestService,
        name: String,
        file: AcknowledgementFile,
        reporter: AsyncStream<Void>.Continuation,
    ) {
        self.name = name
        self.file = file
        self.reporter = reporter
        partner = InsistentClient(port: service.publicPort)
        desk = InsistentClient(port: service.privatePort)
    }

    /// Sends a message with one comment, and returns once it is known to be acknowledged.
    mutating func send(_ method: String, _ ticket: String, fromPartner: Bool) async throws {
        messageCount += 1
        let comment = "c\(name)-\(messageCount)"
        let body = """
            {"uuid":"\(ticket)","subject":"Autofocus hunts","status":"open",\
            "comments":[{"uuid":"\(comment)","body":"Seen again, \(comment)."}]}
            """
        let message = InsistentClient.message(
            method,
            "\(fromPartner ? "/sharing" : "/to/lenswerk")/tickets/\(ticket)",
            token: TestService.token(),
            fields: ticket == SharedWork.busyTicket ? ["Idempotency-Key: \(comment)"] : [],
            body,
        )
        let answer = fromPartner ? try await partner.send(message) : try await desk.send(message)
        let direction = fromPartner ? "in" : "out"
        try file.append(Acknowledgement(answer, ticket: ticket, comment: comment, direction: direction))
        reporter.yield()
    }
}
