import HTTPServer
import JSON
import Logging
import Synchronization
import Testing
import TicketSharing

/// A partner's help desk: holds tickets as the protocol asks, may lose them, and keeps what it was sent.
final class FakeDesk: Sendable {
    private struct State {
        var requests: [HTTPRequest] = []
        var tickets: [String: Ticket] = [:]
        var refusal: Int?
    }

    let port: UInt16
    private let server: HTTPServer
    private let state: StateBox

    private final class StateBox: Sendable {
        let value = Mutex(State())
    }

    init() throws {
        let socket = try ListeningSocket.bind(host: "127.0.0.1", port: 0)
        port = socket.port
        let state = StateBox()
        self.state = state
        server = HTTPServer(
            configuration: HTTPServerConfiguration(),
            logger: Logger(label: "test.desk", logLevel: .error),
        ) { request in
            HTTPResponse(status: state.value.withLock { Self.answer(request, &$0) })
        }
        try server.start(on: socket)
    }

    var url: String { "http://127.0.0.1:\(port)/sharing" }

    /// What it was sent since the last time.
    func takeRequests() -> [HTTPRequest] {
        state.value.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    func ticket(_ id: String) -> Ticket? {
        state.value.withLock { $0.tickets[id] }
    }

    /// Forgets all tickets, as a help desk does that was restored from an old backup.
    func loseTickets() {
        state.value.withLock { $0.tickets = [:] }
    }

    /// Knows tickets from elsewhere, as our own desk does those that it shares.
    func hold(_ tickets: [String]) {
        state.value.withLock { state in
            for ticket in tickets { state.tickets[ticket] = TicketID(ticket).map { Ticket(id: $0) } }
        }
    }

    /// Answers everything with one status; `nil` for what the protocol asks.
    func refuse(with status: Int?) {
        state.value.withLock { $0.refusal = status }
    }

    func stop() async {
        await server.stop(deadline: .seconds(1))
    }

    private static func answer(_ request: HTTPRequest, _ state: inout State) -> Int {
        state.requests.append(request)
        if let refusal = state.refusal { return refusal }
        let path = request.target.split(separator: "/").map(String.init)
        guard path.count == 3, path[1] == "tickets", let id = TicketID(path[2]) else { return 200 }
        let held = state.tickets[id.text]
        guard request.method != "DELETE" else {
            state.tickets[id.text] = nil
            return held == nil ? 404 : 200
        }
        let isShare = request.method == "POST"
        guard isShare == (held == nil) else { return isShare ? 422 : 404 }
        guard let document = try? JSONDocument(parsing: request.body),
            let message = try? TicketMessage(document, isShare: isShare, id: id)
        else { return 422 }
        state.tickets[id.text, default: Ticket(id: id)]
            .apply(isShare ? .share(message) : .update(message), by: .sender, under: .all)
        return isShare ? 201 : 200
    }
}
