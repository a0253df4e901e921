import TestPeers
import Testing
import TicketSharing

/// The two ways into a service: partners come by one, our own desk by the other.
enum Door: String, CaseIterable, Sendable {
    case partner
    case desk

    /// The target of a path below the base URL; our desk's has the partner's name in it.
    func target(_ path: String, partner: String = "lenswerk") -> String {
        self == .partner ? "/sharing\(path)" : "/to/\(partner)\(path)"
    }
}

extension TestService {
    nonisolated func port(of door: Door) -> UInt16 {
        door == .partner ? publicPort : privatePort
    }

    /// Sends exactly these bytes on a connection of their own; `nil` where it ends without an answer.
    nonisolated func exchange(_ bytes: [UInt8], at door: Door) async throws -> RawClient.Answer? {
        let client = try RawClient(port: port(of: door))
        await client.send(bytes)
        return await client.receive()
    }

    /// A request of the protocol whose body need be neither JSON nor UTF-8.
    nonisolated func ask(
        _ door: Door,
        _ method: String,
        _ path: String,
        token: String?,
        fields: [String] = [],
        body: [UInt8]? = nil,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> RawClient.Answer {
        var lines = ["\(method) \(door.target(path)) HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        if let token { lines.append("X-Ticket-Sharing-Token: \(token)") }
        if let body { lines.append("Content-Length: \(body.count)") }
        let head = (lines + fields).joined(separator: "\r\n") + "\r\n\r\n"
        let answer = try await exchange(Array(head.utf8) + (body ?? []), at: door)
        return try #require(answer, "\(method) \(path)", sourceLocation: sourceLocation)
    }

    /// The same with a body of text.
    nonisolated func ask(
        _ door: Door,
        _ method: String,
        _ path: String,
        token: String?,
        fields: [String] = [],
        _ body: String,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> RawClient.Answer {
        try await ask(
            door,
            method,
            path,
            token: token,
            fields: fields,
            body: Array(body.utf8),
            sourceLocation: sourceLocation,
        )
    }
}
