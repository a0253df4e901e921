import Cryptography
import Foundation
import Ledger
import Testing

@Suite struct LeafTests {
    private let first = EventID(at: Timestamp(microseconds: 1_769_860_800_123_456), random: [1, 2, 3, 4, 5, 6, 7, 8])
    private let second = EventID(at: Timestamp(microseconds: 1_769_860_800_123_457), random: [8, 7, 6, 5, 4, 3, 2, 1])

    @Test func `the leaf of a shared ticket is frozen`() throws {
        var sha256 = SHA256()
        let body = Array(#"{"uuid":"t1","comments":[{"uuid":"c1"},{"uuid":"c2"}],"status":"open"}"#.utf8)
        let chunks = ChunkBoundaries(marking: [1..<12, 25..<38, 39..<52, 54..<69])
        let parts = [
            Part(.requestLine, Array("POST /sharing/tickets/t1 HTTP/1.1".utf8), salt: salt(1), with: &sha256),
            Part(.headers, Array("Host: desk.example\n".utf8), salt: salt(2), with: &sha256),
            Part(.body, body, chunks: chunks, salt: salt(3), with: &sha256),
            Part(.facts, Array("{}".utf8), salt: salt(4), with: &sha256),
        ]
        let leaf = Leaf(
            origin: try #require(Origin(name: "desk.example/sharing", epoch: 1)),
            event: first,
            type: .ticketShared,
            direction: .inbound,
            stream: .agreement("a1"),
            streamLink: ChainLink(sequence: 1, previous: SHA256.hash([1])),
            ticket: "t1",
            shareLink: .first,
            about: nil,
            exchange: second,
            attempt: nil,
            recorded: Timestamp(microseconds: 1_769_860_800_123_456),
            status: 201,
            parts: parts.map(\.line),
        )
        try expectGolden(leaf, "ticket.shared")
    }

    @Test func `the leaf of an event without share, message and answer is frozen`() throws {
        var sha256 = SHA256()
        let leaf = Leaf(
            origin: try #require(Origin(name: "desk.example/sharing", epoch: 2)),
            event: second,
            type: .epochOpened,
            direction: nil,
            stream: .system,
            streamLink: .first,
            ticket: nil,
            shareLink: nil,
            about: nil,
            exchange: nil,
            attempt: nil,
            recorded: Timestamp(microseconds: -1),
            status: nil,
            parts: [Part(.facts, [], salt: salt(5), with: &sha256).line],
        )
        try expectGolden(leaf, "epoch.opened")
    }

    @Test func `the leaf of a failed attempt is frozen`() throws {
        var sha256 = SHA256()
        let leaf = Leaf(
            origin: try #require(Origin(name: "x", epoch: 1)),
            event: second,
            type: .attemptFailed,
            direction: .outbound,
            stream: .agreement("a1"),
            streamLink: ChainLink(sequence: 42, previous: SHA256.hash([2])),
            ticket: "t1",
            shareLink: ChainLink(sequence: 7, previous: SHA256.hash([3])),
            about: first,
            exchange: second,
            attempt: 3,
            recorded: Timestamp(microseconds: 253_402_300_799_999_999),
            status: 503,
            parts: [
                Part(.facts, Array("{}".utf8), salt: salt(6), with: &sha256).line,
                Part(.answerBody, [0xFF, 0x00], salt: salt(7), with: &sha256).line,
                Part(.answerHeaders, [], salt: salt(8), with: &sha256).line,
            ],
        )
        try expectGolden(leaf, "attempt.failed")
    }

    private func salt(_ byte: UInt8) -> [UInt8] {
        [UInt8](repeating: byte, count: Part.saltByteCount)
    }

    /// Compares with a fixture that `Fixtures/leaf/make.py` made without any of this code; its last line is the hash.
    private func expectGolden(_ leaf: Leaf, _ name: String) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/leaf/\(name).leaf")
        let golden = try String(contentsOf: file, encoding: .utf8)
        var sha256 = SHA256()
        let text = String(decoding: leaf.bytes, as: UTF8.self)
        #expect(text + "= \(leaf.hash(with: &sha256))\n" == golden)
    }
}
