import Foundation
import Synchronization
import TestPeers
import Testing

/// What a client was told about one message.
struct Acknowledgement: Codable, Hashable, Sendable {
    let position: Int
    let event: String
    let ticket: String

    /// The one comment of the message, which no other message has.
    let comment: String

    /// `in` from the partner, `out` from our desk.
    let direction: String

    /// Reads the answer to a message; it has to be one of success.
    init(_ answer: RawClient.Answer, ticket: String, comment: String, direction: String) throws {
        try #require([200, 201].contains(answer.status), "\(answer)")
        position = try #require(answer.header("ShareLedger-Position").flatMap { Int($0) })
        event = try #require(answer.header("ShareLedger-Event-Id"))
        self.ticket = ticket
        self.comment = comment
        self.direction = direction
    }

    /// As the auditor's view shows the message; see ``TestService/recordedMessages()``.
    var line: String { "\(position)|\(event)|\(direction)|\(ticket)|\(comment)" }
}

/// The oracle: what was acknowledged, on disk before anybody goes on.
final class AcknowledgementFile: Sendable {
    private let path: String
    private let file: Mutex<FileHandle>

    init(path: String) throws {
        self.path = path
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        file = Mutex(try FileHandle(forWritingTo: URL(filePath: path)))
    }

    func append(_ acknowledgement: Acknowledgement) throws {
        let line = try JSONEncoder().encode(acknowledgement) + [UInt8(ascii: "\n")]
        try file.withLock { file in
            try file.write(contentsOf: line)
            try file.synchronize()
        }
    }

    /// All of it, as it stands in the file.
    var contents: [Acknowledgement] {
        get throws {
            try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
                .map { try JSONDecoder().decode(Acknowledgement.self, from: Data($0.utf8)) }
        }
    }
}
