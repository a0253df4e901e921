import Foundation
package import Logging
import Synchronization

/// Serves HTTP/1.0 and 1.1 on one listening socket, with one task for each request.
///
/// Made, started, stopped, once each. A request reaches the handler when it is complete, within its limits and open to one
/// reading only; its answer goes out in the order of the requests of its connection. A client that goes away is noticed
/// only when its answer is sent, so the handler's work is always finished. For the same reason a client that closes its
/// sending side before the answer may get none: libmicrohttpd takes that for a hang-up.
///
/// Nobody can see a `Content-Length` that is too short: what follows is a request of its own, and is treated as one. The
/// requests of one connection must therefore not trust each other; each is authenticated by itself.
package final class HTTPServer: Sendable {
    /// Answers one request; it should end soon after its task is cancelled, which happens at the deadline.
    package typealias Handler = @Sendable (HTTPRequest) async -> HTTPResponse

    let configuration: HTTPServerConfiguration
    let logger: Logger
    let handler: Handler
    let load: ServerLoad
    private let lifecycle = Mutex(Lifecycle())

    private struct Lifecycle: ~Copyable {
        var phase = Phase.new
        var socket: ListeningSocket?
        var loops: [EventLoop] = []
        var acceptingCount = 0
        var runningCount = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private enum Phase {
        case new
        case running
        case stopping
        case stopped
    }

    /// A server that does nothing yet; limits must be positive.
    package init(configuration: HTTPServerConfiguration, logger: Logger, handler: @escaping Handler) {
        precondition(configuration.connectionLimit > 0 && configuration.maximumActiveRequests > 0)
        precondition(configuration.workerThreads > 0)
        self.configuration = configuration
        self.logger = logger
        self.handler = handler
        load = ServerLoad(
            maximumActiveRequests: configuration.maximumActiveRequests,
            bufferedBodyByteLimit: configuration.bufferedBodyByteLimit
        )
    }
}

// MARK: - Starting

extension HTTPServer {
    /// Begins to serve on a socket, which the server owns from now on; once only.
    package func start(on socket: consuming ListeningSocket) throws(HTTPServerError) {
        var starting: [StartingLoop] = []
        for _ in 0..<configuration.workerThreads {
            starting.append(try StartingLoop(for: self, on: socket))
        }
        var owned: ListeningSocket? = consume socket
        lifecycle.withLock { state in
            guard case .new = state.phase else { preconditionFailure("a server is started once") }
            state.phase = .running
            state.socket = owned.take()
            state.loops = starting.map(\.loop)
            state.acceptingCount = starting.count
            state.runningCount = starting.count
        }
        for loop in starting {
            let thread = Thread { @Sendable [self] in
                loop.run()
                loopEnded()
            }
            thread.name = "http-server"
            thread.start()
        }
    }

    /// A loop on its way to its thread, with the daemon that only this thread may use from then on.
    private final class StartingLoop: Sendable {
        let loop: EventLoop
        private let daemon: Mutex<Daemon?>

        init(for server: HTTPServer, on socket: borrowing ListeningSocket) throws(HTTPServerError) {
            loop = try EventLoop(for: server)
            daemon = Mutex(try Daemon(callingBack: loop, on: socket, server.configuration))
        }

        func run() {
            if let daemon = daemon.withLock({ $0.take() }) { loop.run(daemon) }
        }
    }
}

// MARK: - Stopping

extension HTTPServer {
    /// Accepts nothing more, answers what was taken, closes idle connections, and returns when all threads have ended.
    ///
    /// A request whose handler has begun is answered: by the handler, or after the deadline with the timeout response.
    /// Every answer closes its connection. If the caller is cancelled, the deadline is now.
    package func stop(deadline: Duration) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(with: continuation, drainingUntil: .now.advanced(by: deadline))
            }
        } onCancel: {
            for loop in lifecycle.withLock({ $0.loops }) {
                loop.drain(until: .now)
            }
        }
    }

    private func wait(
        with continuation: CheckedContinuation<Void, Never>,
        drainingUntil deadline: ContinuousClock.Instant
    ) {
        let (isStopped, drained) = lifecycle.withLock { state -> (Bool, [EventLoop]) in
            switch state.phase {
            case .new, .stopped:
                state.phase = .stopped
                return (true, [])
            case .running:
                state.phase = .stopping
                state.waiters.append(continuation)
                return (false, state.loops)
            case .stopping:
                state.waiters.append(continuation)
                return (false, [])
            }
        }
        if isStopped { continuation.resume() }
        for loop in drained {
            // A caller that is cancelled already has said so before there was anything to hurry.
            loop.drain(until: Task.isCancelled ? .now : deadline)
        }
    }

    /// Refuses new connections once no loop accepts them any more.
    func loopQuiesced() {
        lifecycle.withLock { state in
            state.acceptingCount -= 1
            if state.acceptingCount == 0 { state.socket?.refuseConnections() }
        }
    }

    /// Wakes those who wait for the stop once the last thread is done.
    private func loopEnded() {
        let waiters = lifecycle.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.runningCount -= 1
            guard state.runningCount == 0 else { return [] }
            state.phase = .stopped
            state.loops = []
            _ = state.socket.take()
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters {
            waiter.resume()
        }
    }
}

// MARK: - Metrics

extension HTTPServer {
    /// What the server is doing and has done, as of now.
    package var counts: HTTPServerCounts {
        var counts = load.counts
        counts.connections = connectionCount
        return counts
    }

    /// Requests inside the handler now.
    package var activeRequests: Int { load.counts.activeRequests }

    /// Open connections now.
    package var connectionCount: Int {
        lifecycle.withLock { $0.loops }.reduce(0) { $0 + $1.connectionCount }
    }

    /// Requests that libmicrohttpd has refused by itself since the start.
    package var refusedByLibrary: Int { load.counts.refusedByLibrary }

    /// Open connections of one address, or of one network of IPv6.
    func connectionCount(of network: String) -> Int {
        lifecycle.withLock { $0.loops }.reduce(0) { count, loop in
            count + loop.advance { $0.connections.values.count { $0.peer.network == network } }
        }
    }
}
