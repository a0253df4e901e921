import Foundation
import Linux
import TestPeers
import Testing

/// `serve` on a ledger whose key file is gone, or another's: tokens would be refused, and new keys stored under the wrong one.
@Suite(.fewAtATime) struct LostKeyFileTests {
    @Test func `a ledger is served with its own key file, and never with a new one`() async throws {
        let service = try await TestService.started()
        try await service.agree()
        #expect(try await service.stop() == .code(0))
        let listen = [
            "--public-listen", "127.0.0.1:\(service.publicPort)", "--private-listen",
            "127.0.0.1:\(service.privatePort)",
        ]
        let key = URL(filePath: "\(service.data)/key")
        let right = try Data(contentsOf: key)
        let away = URL(filePath: "\(service.data)/key.away")

        try FileManager.default.moveItem(at: key, to: away)
        for words in [["serve"] + listen, ["init"] + listen] {
            let refused = try await service.run(words)
            #expect(refused.status == 78 && refused.errors.contains("restore it from its backup"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: key.path))
        }
        try FileManager.default.moveItem(at: away, to: key)

        // Written in place, the file keeps its owner and mode.
        try Data((String(repeating: "0f", count: 32) + "\n").utf8).write(to: key)
        for words in [["serve"] + listen, ["partner", "add", "x", "--url", "https://x.example"]] {
            let refused = try await service.run(words)
            #expect(refused.status == 78 && refused.errors.contains("it is another ledger's"), "\(refused.errors)")
        }
        try right.write(to: key)
        try await service.start()
        let answer = try await service.fromPartner("GET", "/agreements/a1", token: TestService.token())
        #expect(answer.status == 200)
        #expect(try await service.stop() == .code(0))
    }
}
