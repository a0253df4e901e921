import Foundation
import TestPeers
import TestSupport
import Testing

/// Options that say who may reach the private listener.
@Suite(.fewAtATime) struct ListenerOptionTests {
    @Test func `further values of Host are answered where an option names them`() async throws {
        let service = try await TestService.started(["--private-host", "desk.internal, other.internal"])
        for (host, status) in [
            ("desk.internal", 200), ("other.internal:80", 200), ("127.0.0.1", 200), ("evil.example", 403),
            ("desk.internal.", 403), ("x@desk.internal", 403),
        ] {
            let client = try RawClient(port: service.privatePort)
            await client.send("GET /healthz HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            #expect(await client.receive()?.status == status, "\(host)")
        }
    }

    @Test func `beyond loopback a token file is demanded, and a short token is refused`() async throws {
        let service = try TestService()
        let listen = [
            "serve", "--public-listen", "127.0.0.1:\(service.publicPort)", "--private-listen",
            "0.0.0.0:\(service.privatePort)",
        ]
        let without = try await service.run(listen)
        #expect(without.status == 64 && without.errors.contains("is not loopback; that needs a --token-file"))
        #expect(!FileManager.default.fileExists(atPath: service.data))
        let file = service.directory.path(of: "token-file")
        for (text, status, why) in [
            ("short\n", Int32(78), "fewer than 32 characters; 'openssl rand -hex 32' makes one"),
            (nil, 66, "token-file cannot be read"),
        ] {
            if let text {
                try Data(text.utf8).write(to: URL(filePath: file))
            } else {
                try FileManager.default.removeItem(atPath: file)
            }
            let run = try await service.run(listen + ["--token-file", file])
            #expect(run.status == status && run.errors.contains(why), "\(run.errors)")
        }
    }
}
