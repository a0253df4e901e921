package import HTTPServer
import Logging
import Synchronization

/// A help desk at the other end: answers as it is told, and keeps what it was sent.
package final class FakePartner: Sendable {
    /// What is answered; `number` counts requests from 0.
    package typealias Script = @Sendable (_ number: Int, _ request: HTTPRequest) async -> HTTPResponse

    private struct State {
        var requests: [HTTPRequest] = []
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var script: Script
        var active = 0
        var mostActive = 0
    }

    /// Where it listens.
    package let port: UInt16
    private let host: String
    private let server: HTTPServer
    private let state: Mutex<State>

    /// Answers 200 to everything unless told otherwise.
    ///
    /// - Parameters:
    ///   - host: An address of this machine, such as 127.0.0.2.
    ///   - port: Where another one was, to come back in its place; 0 for any.
    package init(
        host: String = "127.0.0.1",
        port: UInt16 = 0,
        _ script: @escaping Script = { _, _ in HTTPResponse(status: 200) },
    ) throws {
        let socket = try ListeningSocket.bind(host: host, port: port)
        self.host = host
        self.port = socket.port
        let box = Box()
        state = Mutex(State(script: script))
        server = HTTPServer(
            configuration: HTTPServerConfiguration(),
            logger: Logger(label: "test.partner", logLevel: .error),
        ) { request in
            guard let partner = box.partner else { return HTTPResponse(status: 500) }
            return await partner.answer(request)
        }
        box.partner = self
        try server.start(on: socket)
    }

    private final class Box: Sendable {
        private let storage = Mutex<FakePartner?>(nil)
        var partner: FakePartner? {
            get { storage.withLock { $0 } }
            set { storage.withLock { $0 = newValue } }
        }
    }

    /// Its base URL.
    package var url: String { "http://\(host):\(port)/sharing" }

    /// What it was sent, in order of receipt.
    package var requests: [HTTPRequest] { state.withLock(\.requests) }

    /// Method and last part of the path of every request, in order of receipt.
    package var received: [String] {
        requests.map { "\($0.method) \($0.target.split(separator: "/").last ?? "")" }
    }

    /// The most requests that were under way at once.
    package var mostActive: Int { state.withLock(\.mostActive) }

    /// Answers otherwise from now on.
    package func setScript(_ script: @escaping Script) {
        state.withLock { $0.script = script }
    }

    /// Waits until so many requests have come; the test's time limit bounds it.
    package func waitForRequests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count < count { state.waiters.append((count, continuation)) }
                return state.requests.count >= count
            }
            if isThere { continuation.resume() }
        }
    }

    /// Goes away; what it does not answer until the deadline it answers with 503.
    package func stop(deadline: Duration = .seconds(1)) async {
        await server.stop(deadline: deadline)
    }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let (number, script, ready) = state.withLock { state in
            state.requests.append(request)
            state.active += 1
            state.mostActive = max(state.mostActive, state.active)
            let ready = state.waiters.filter { $0.count <= state.requests.count }.map(\.continuation)
            state.waiters.removeAll { $0.count <= state.requests.count }
            return (state.requests.count - 1, state.script, ready)
        }
        for continuation in ready { continuation.resume() }
        let response = await script(number, request)
        state.withLock { $0.active -= 1 }
        return response
    }
}

/// Lets something happen once, and whoever waits for it go on.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether everybody is let through.
    package var isOpen: Bool { state.withLock(\.isOpen) }

    /// Lets everybody through from now on.
    package func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until it is open.
    package func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Counts from 0.
package final class Attempts: Sendable {
    private let count = Mutex(0)

    package init() {}

    /// The next number.
    package func next() -> Int {
        count.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}
