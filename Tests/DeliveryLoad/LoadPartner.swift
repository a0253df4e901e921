import HTTPServer
import Logging
import Synchronization

/// One partner: takes everything, after a while, and notes what it got.
final class LoadPartner: Sendable {
    private struct State {
        var delay = Duration.milliseconds(20)
        var server: HTTPServer?
    }

    let port: UInt16
    private let number: Int
    private let reception: Reception
    private let state = Mutex(State())

    init(_ number: Int, _ reception: Reception) throws {
        self.number = number
        self.reception = reception
        let socket = try ListeningSocket.bind(host: "127.0.0.1", port: 0)
        port = socket.port
        try serve(on: socket)
    }

    func setDelay(_ delay: Duration) {
        state.withLock { $0.delay = delay }
    }

    /// Closes its port.
    func goDown() async {
        let server = state.withLock { $0.server.take() }
        await server?.stop(deadline: .milliseconds(500))
    }

    /// Listens again.
    func comeUp() throws {
        try serve(on: try ListeningSocket.bind(host: "127.0.0.1", port: port))
    }

    private func serve(on socket: consuming ListeningSocket) throws {
        var configuration = HTTPServerConfiguration()
        configuration.workerThreads = 1
        configuration.handlerDeadline = .seconds(60)
        let server = HTTPServer(
            configuration: configuration,
            logger: Logger(label: "load", logLevel: .error),
        ) { [weak self] request in
            await self?.answer(request) ?? HTTPResponse(status: 500)
        }
        try server.start(on: socket)
        state.withLock { $0.server = server }
    }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        // What is of an agreement has no comment.
        if let message = MessageName(in: request.body), message.partner == number { reception.received(message) }
        let delay = state.withLock { $0.delay }
        // Cut short when the partner goes away.
        try? await Task.sleep(for: delay)
        return HTTPResponse(status: request.method == "POST" ? 201 : 200)
    }
}
