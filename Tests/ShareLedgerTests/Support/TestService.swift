import Foundation
import Linux
import Synchronization
import TestPeers
import TestSupport
import Testing

/// `shareledger serve` on a data directory and ports of its own, and the commands beside it.
///
/// Service and PostgreSQL end with this value, and with the process that holds it.
actor TestService {
    nonisolated let directory: TemporaryDirectory
    nonisolated let data: String
    nonisolated let publicPort: UInt16
    nonisolated let privatePort: UInt16
    private let options: [String]
    private let program: ShareLedgerProgram
    private let watchdog: Watchdog
    private var service: ChildProcess?
    private let executor = BlockingExecutor(label: "shareledger.test-service")

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.unowned
    }

    /// - Parameters:
    ///   - options: Of `serve`, beside data directory and ports.
    ///   - environment: Of the service and of all commands.
    ///   - other: Whose data directory it uses as well.
    init(_ options: [String] = [], environment: [String: String] = [:], beside other: TestService? = nil) throws {
        // The watchdog removes it, once it has read there whom it has to end.
        directory = try TemporaryDirectory(isRemoved: false)
        data = other?.data ?? directory.path(of: "data")
        publicPort = try Self.freePort()
        privatePort = try Self.freePort()
        self.options = options
        program = ShareLedgerProgram(environment: environment)
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        watchdog = try Watchdog(script: Self.cleanUp, [directory.path], user: user)
    }

    /// Starts a service and returns once it takes messages.
    static func started(_ options: [String] = [], environment: [String: String] = [:]) async throws -> TestService {
        let service = try TestService(options, environment: environment)
        try await service.start()
        return service
    }

    private static let takenPorts = Mutex<Set<UInt16>>([])

    /// A service must not choose a port by itself, as it has to come back on the same one.
    private static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let port = UInt16.random(in: 20_000..<32_000)
            guard takenPorts.withLock({ $0.insert(port).inserted }) else { continue }
            do { try PortProbe.connect("127.0.0.1", port: port) } catch { return port }
        }
        throw Failure(description: "no free port was found")
    }

    private static let cleanUp = """
        id=$(cat "$0/service.pid" 2>/dev/null) && kill -KILL "$id" 2>/dev/null
        id=$(head -n 1 "$0/data/pgdata/postmaster.pid" 2>/dev/null) && kill -QUIT "$id" 2>/dev/null
        for _ in $(seq 200); do [ -e "$0/data/pgdata/postmaster.pid" ] || break; sleep 0.05; done
        rm -rf "$0"
        """

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}

// MARK: - Where things are

extension TestService {
    nonisolated var publicURL: String { "http://127.0.0.1:\(publicPort)/sharing" }

    nonisolated var privateURL: String { "http://127.0.0.1:\(privatePort)" }

    /// All that the service has said.
    nonisolated var log: String {
        get throws { String(decoding: try Data(contentsOf: URL(filePath: directory.path(of: "log"))), as: UTF8.self) }
    }

    /// The process number of the running private PostgreSQL.
    nonisolated var postmaster: Int32 {
        get throws { try #require(currentPostmaster) }
    }

    /// The same; `nil` where none runs, or where one has not written it yet.
    nonisolated var currentPostmaster: Int32? {
        // No file says that there is none.
        let file = try? String(contentsOfFile: "\(data)/pgdata/postmaster.pid", encoding: .utf8)
        return file?.split(separator: "\n").first.flatMap { Int32($0) }
    }
}

// MARK: - The process

extension TestService {
    /// Starts the service and returns once it takes messages.
    func start() async throws {
        try launch()
        try await waitUntilReady()
    }

    /// Starts the service and returns at once.
    func launch() throws {
        precondition(service == nil, "the service runs")
        let words =
            [
                "serve", "--data", data, "--public-listen", "127.0.0.1:\(publicPort)", "--private-listen",
                "127.0.0.1:\(privatePort)",
            ] + options
        service = try program.start(words, log: directory.path(of: "log"), identity: directory.path(of: "service.pid"))
    }

    /// Returns once `/readyz` says so; throws where the service ends or a minute passes before.
    func waitUntilReady() async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while true {
            if try await ask("GET", "/readyz", at: privatePort)?.status == 200 { return }
            if let exit = try service?.exitStatus(slicedBy: Patience(.milliseconds(20), endsWithTask: false)) {
                service = nil
                throw Failure(description: "the service ended with \(exit): \(try log.suffix(2000))")
            }
            guard .now < deadline else { throw Failure(description: "not ready in a minute: \(try log.suffix(2000))") }
        }
    }

    /// Asks the service to stop, and waits for its end.
    @discardableResult
    func stop() throws -> ProcessExit {
        try end(with: SIGTERM)
    }

    /// Leaves the service no time for anything, and waits for its end.
    func killHard() throws {
        try end(with: SIGKILL)
    }

    /// Sends a signal without waiting.
    func send(_ signal: Int32) throws {
        try service?.send(signal)
    }

    /// Waits for the end of a service that somebody else has ended or told to end.
    func waitForEnd() throws -> ProcessExit {
        guard let running = service.take() else { throw Failure(description: "no service runs") }
        return try running.wait(patience: Patience(.seconds(60), endsWithTask: false))
    }

    @discardableResult
    private func end(with signal: Int32) throws -> ProcessExit {
        try service?.send(signal)
        return try waitForEnd()
    }
}

// MARK: - Commands

extension TestService {
    /// Runs a command on the same data directory, whatever its exit status.
    nonisolated func run(_ words: String...) async throws -> ShareLedgerProgram.Finished {
        try await run(words)
    }

    /// Runs a command on the same data directory, whatever its exit status.
    nonisolated func run(_ words: [String]) async throws -> ShareLedgerProgram.Finished {
        try await program.run(words + ["--data", data])
    }

    /// Runs a command that has to succeed.
    @discardableResult
    nonisolated func command(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> ShareLedgerProgram.Finished
    {
        let finished = try await program.run(words + ["--data", data])
        try #require(finished.status == 0, "\(words): \(finished.errors)", sourceLocation: sourceLocation)
        return finished
    }

    /// Runs a script of the shell in which `$1` is the program, `$2` this data directory, and the words follow.
    nonisolated func run(shell script: String, _ words: String...) async throws -> ShareLedgerProgram.Finished {
        try await program.run(shell: script, [data] + words)
    }

    /// Runs `shareledger sql` with psql's own arguments, whatever its exit status.
    nonisolated func psql(_ words: [String], input: String = "") async throws -> ShareLedgerProgram.Finished {
        try await program.run(["sql", "--data", data, "--"] + words, input: input)
    }

    /// Asks a question as the auditor: rows one a line, columns separated by `|`.
    nonisolated func sql(_ question: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let words = ["sql", "--data", data, "--", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", question]
        let finished = try await program.run(words)
        try #require(finished.status == 0, "\(finished.errors)", sourceLocation: sourceLocation)
        return finished.output.trimmingCharacters(in: .newlines)
    }
}

// MARK: - Requests

extension TestService {
    /// One request on a connection of its own; `nil` where nobody listens or the connection ends without an answer.
    nonisolated func ask(
        _ method: String,
        _ target: String,
        token: String? = nil,
        fields: [String] = [],
        body: String? = nil,
        at port: UInt16,
    ) async throws -> RawClient.Answer? {
        let client: RawClient
        do { client = try RawClient(port: port) } catch is RawClient.ConnectError { return nil }
        var lines = ["\(method) \(target) HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: close"]
        if let token { lines.append("X-Ticket-Sharing-Token: \(token)") }
        if let body {
            lines.append("Content-Length: \(body.utf8.count)")
            if !fields.contains(where: { $0.lowercased().hasPrefix("content-type:") }) {
                lines.append("Content-Type: application/json")
            }
        }
        await client.send((lines + fields).joined(separator: "\r\n") + "\r\n\r\n" + (body ?? ""))
        return await client.receive()
    }

    /// A partner's request, to a path below our base URL such as `/tickets/t1`.
    nonisolated func fromPartner(
        _ method: String,
        _ path: String,
        token: String? = nil,
        fields: [String] = [],
        _ body: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> RawClient.Answer {
        let answer = try await ask(
            method,
            "/sharing\(path)",
            token: token,
            fields: fields,
            body: body,
            at: publicPort,
        )
        return try #require(answer, sourceLocation: sourceLocation)
    }

    /// Our own desk's request to a partner, to a path such as `/lenswerk/tickets/t1`.
    nonisolated func fromDesk(
        _ method: String,
        _ path: String,
        token: String? = nil,
        fields: [String] = [],
        _ body: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> RawClient.Answer {
        let answer = try await ask(method, "/to\(path)", token: token, fields: fields, body: body, at: privatePort)
        return try #require(answer, sourceLocation: sourceLocation)
    }

    /// Has a partner at `url` invite us, and accepts: it is the sender of an agreement with the access key ``key``.
    nonisolated func agree(
        _ agreement: String = "a1",
        with url: String = "http://127.0.0.1:9/sharing",
        named name: String = "lenswerk",
        members: String = "",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let invitation = """
            {"uuid":"\(agreement)","name":"Lenswerk","status":"pending","access_key":"\(Self.key)",\
            "sender_url":"\(url)","receiver_url":"\(publicURL)","sync_tags":true,"sync_custom_fields":true,\
            "allows_public_comments":true\(members)}
            """
        let answer = try await fromPartner("POST", "/agreements/\(agreement)", invitation)
        try #require(answer.status == 201, "\(answer.body)", sourceLocation: sourceLocation)
        try await command(
            "agreement",
            "accept",
            agreement,
            "--partner-name",
            name,
            "--allow-http",
            "--allow-private-address",
            sourceLocation: sourceLocation,
        )
    }

    /// The access key of agreements made by ``agree(_:with:named:members:sourceLocation:)``.
    static let key = "c8d952679994f2382579acbfc648989b4c318687"

    /// The token of such an agreement.
    nonisolated static func token(_ agreement: String = "a1") -> String { "\(agreement):\(key)" }
}
