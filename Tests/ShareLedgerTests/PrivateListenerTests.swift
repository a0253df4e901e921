import TestSupport
import Foundation
import TestPeers
import Testing

/// Who may say what on the private listener.
struct PrivateListenerTests {
    @Test func `an unknown Host, a missing or wrong bearer token are turned away`() async throws {
        let service = try await TestService.started(["--private-host", "desk.internal, other.internal"])
        func status(_ target: String, host: String, _ fields: [String] = []) async throws -> Int? {
            let client = try RawClient(port: service.privatePort)
            let head = ["GET \(target) HTTP/1.1", "Host: \(host)", "Connection: close"] + fields
            await client.send(head.joined(separator: "\r\n") + "\r\n\r\n")
            return await client.receive()?.status
        }
        let port = service.privatePort
        for host in [
            "127.0.0.1", "127.0.0.1:\(port)", "localhost:\(port)", "LOCALHOST", "[::1]:\(port)", "desk.internal",
            "other.internal:80",
        ] {
            #expect(try await status("/healthz", host: host) == 200, "\(host)")
        }
        for host in [
            "evil.example", "127.0.0.1.evil.example", "evil.example:\(port)", "10.0.0.1", "desk.internal.",
            "x@127.0.0.1",
        ] {
            for target in ["/healthz", "/readyz", "/to/lenswerk/tickets/t1", "/metrics", "/api/v1/x"] {
                #expect(try await status(target, host: host) == 403, "\(host) \(target)")
            }
        }
        let token = try String(contentsOfFile: "\(service.data)/token", encoding: .utf8).trimmingCharacters(
            in: .newlines
        )
        #expect(token.utf8.count >= 32)
        for target in ["/metrics", "/api/v1/anything"] {
            for fields in [
                [], ["Authorization: Bearer x"], ["Authorization: Basic \(token)"], ["Authorization: \(token)"],
                ["Authorization: Bearer \(token)x"], ["Authorization: Bearer x", "Authorization: Bearer \(token)"],
            ] {
                let answer = try #require(try await service.ask("GET", target, fields: fields, at: port))
                #expect(answer.status == 401 && answer.header("WWW-Authenticate") == "Bearer", "\(fields)")
                #expect(!answer.body.contains(token))
            }
            #expect(try await status(target, host: "localhost", ["Authorization: Bearer \(token)"]) == 404)
        }
        // To the public listener they are paths like any other that it does not know.
        for target in ["/healthz", "/readyz", "/metrics", "/api/v1/x", "/to/lenswerk/tickets/t1"] {
            let fields = ["Authorization: Bearer \(token)"]
            let answer = try #require(try await service.ask("GET", target, fields: fields, at: service.publicPort))
            #expect([401, 404].contains(answer.status) && answer.header("WWW-Authenticate") != "Bearer", "\(answer)")
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
