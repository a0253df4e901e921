import HTTPServer
import Logging
import Synchronization
import TestPeers
import Testing

/// A server on a free port, with what its handler saw.
final class TestServer: Sendable {
    let server: HTTPServer
    let port: UInt16
    let log: WaitingLogHandler
    let seen: Seen

    /// The requests that reached the handler, in order.
    final class Seen: Sendable {
        private struct State {
            var requests: [HTTPRequest] = []
            var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        var all: [HTTPRequest] { state.withLock { $0.requests } }

        func append(_ request: HTTPRequest) {
            let due = state.withLock { state in
                state.requests.append(request)
                let count = state.requests.count
                defer { state.waiters.removeAll { $0.count <= count } }
                return state.waiters.filter { $0.count <= count }.map(\.continuation)
            }
            for continuation in due { continuation.resume() }
        }

        /// Waits until so many requests have reached the handler in all.
        func wait(for count: Int) async {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    guard state.requests.count < count else { return true }
                    state.waiters.append((count, continuation))
                    return false
                }
                if isDue { continuation.resume() }
            }
        }
    }

    init(
        host: String = "127.0.0.1",
        _ configure: (inout HTTPServerConfiguration) -> Void = { _ in },
        handler: @escaping HTTPServer.Handler = TestServer.echo,
    ) throws {
        var configuration = HTTPServerConfiguration()
        configure(&configuration)
        log = WaitingLogHandler()
        seen = Seen()
        let socket = try ListeningSocket.bind(host: host, port: 0)
        port = socket.port
        server = HTTPServer(
            configuration: configuration,
            logger: Logger(label: "http", logLevel: .debug, handler: log)
        ) { [seen] request in
            seen.append(request)
            return await handler(request)
        }
        try server.start(on: socket)
    }

    /// Answers with the target.
    static let echo: HTTPServer.Handler = { HTTPResponse(status: 200, contentType: "text/plain", text: $0.target) }

    func client() throws -> RawClient {
        try RawClient(port: port)
    }

    /// Waits until a stop has closed the door; each attempt that still gets in waits until it is shown out.
    func untilRefused() async -> Bool {
        while let client = try? client() {
            guard await client.receiveAll() == "" else { return false }
        }
        return true
    }

    func stop(deadline: Duration = .seconds(5)) async {
        await server.stop(deadline: deadline)
    }
}

/// Runs a test against a server and stops that afterwards, whatever happens.
func withServer(
    limits configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    answering handler: @escaping HTTPServer.Handler = TestServer.echo,
    _ body: (TestServer) async throws -> Void,
) async throws {
    let server = try TestServer(configure, handler: handler)
    do {
        try await body(server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// Keeps what is logged, and lets a test wait for it.
final class WaitingLogHandler: LogHandler {
    private struct State {
        var lines: [LogLine] = []
        var waiters: [(message: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var lines: [LogLine] { state.withLock { $0.lines } }

    func write(_ line: LogLine) {
        let due = state.withLock { state in
            state.lines.append(line)
            defer { state.waiters.removeAll { $0.message == line.message } }
            return state.waiters.filter { $0.message == line.message }.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until this message has been logged.
    func wait(for message: String) async {
        await withCheckedContinuation { continuation in
            let isDue = state.withLock { state in
                if state.lines.contains(where: { $0.message == message }) { return true }
                state.waiters.append((message, continuation))
                return false
            }
            if isDue { continuation.resume() }
        }
    }
}

/// Lets something happen once, and whoever waits for it go on.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }

    func change(_ change: (inout Value) -> Void) { state.withLock { change(&$0) } }
}

extension Tag {
    @Tag static var concurrency: Self
}
