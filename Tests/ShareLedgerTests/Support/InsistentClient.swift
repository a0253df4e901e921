import Foundation
import TestPeers
import Testing

/// A client on a keep-alive connection of its own that sends a message, byte for byte the same, until it is answered.
struct InsistentClient {
    private let port: UInt16
    private var connection: RawClient?

    /// How often a message was sent again.
    private(set) var repeatCount = 0

    init(port: UInt16) {
        self.port = port
    }

    /// A request of the protocol as bytes.
    static func message(_ method: String, _ target: String, token: String, fields: [String] = [], _ body: String)
        -> String
    {
        let lines =
            [
                "\(method) \(target) HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
                "Content-Length: \(body.utf8.count)", "X-Ticket-Sharing-Token: \(token)",
            ] + fields
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// The first answer that is not about the server's troubles; those have to say when to come again.
    mutating func send(_ message: String, patience: Duration = .seconds(90)) async throws -> RawClient.Answer {
        let deadline = ContinuousClock.now.advanced(by: patience)
        while true {
            if let answer = try await sendOnce(message) {
                guard answer.status == 503 else { return answer }
                try #require(answer.header("Retry-After").flatMap { Int($0) } != nil, "\(answer)")
            }
            try #require(.now < deadline, "nobody takes \(message)")
            repeatCount += 1
            // A client may come back sooner than it was told to; no longer than a service takes to come up.
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// One try; `nil` where the connection was not taken or ended without an answer.
    mutating func sendOnce(_ message: String) async throws -> RawClient.Answer? {
        do {
            let client = try connection ?? RawClient(port: port)
            connection = client
            await client.send(message)
            let answer = await client.receive()
            if answer == nil || answer?.header("Connection")?.lowercased() == "close" { connection = nil }
            return answer
        } catch is RawClient.ConnectError {
            return nil
        }
    }
}
