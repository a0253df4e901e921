import Foundation
import HTTPServer
import Linux
import TestPeers
import TestSupport
import Testing

private let tools = ["/usr/bin/openssl", "/usr/bin/curl"]

/// TLS with a certificate made for the occasion, as an ordinary client sees it.
@Suite(.timeLimit(.minutes(1)), .enabled(if: tools.allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }))
struct TLSTests {
    private let folder: URL

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            "-out", folder.appending(path: "certificate.pem").path, "-keyout", folder.appending(path: "key.pem").path,
        ]
        _ = try await Self.run("/usr/bin/openssl", arguments)
    }

    private var identity: HTTPServerConfiguration.TLSIdentity {
        get throws {
            .init(
                certificate: Array(try Data(contentsOf: folder.appending(path: "certificate.pem"))),
                key: Array(try Data(contentsOf: folder.appending(path: "key.pem")))
            )
        }
    }

    private static func run(_ program: String, _ arguments: [String]) async throws -> String {
        // Apart from the tasks, among which the server's are.
        try await withCheckedThrowingContinuation { continuation in
            Thread { @Sendable in
                continuation.resume(with: Result { try SystemTool.run(program, arguments).output })
            }.start()
        }
    }

    @Test func `a request over TLS is served`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let identity = try identity
        try await withServer(limits: { $0.tls = identity }) { server in
            let arguments = [
                "-s", "--max-time", "20", "--cacert", folder.appending(path: "certificate.pem").path,
                "--data-binary", "hello", "https://127.0.0.1:\(server.port)/secret?x",
                "https://127.0.0.1:\(server.port)/2",
            ]
            let output = try await Self.run("/usr/bin/curl", arguments)
            #expect(output == "/secret?x/2")
            #expect(server.seen.all.map(\.body) == [Array("hello".utf8), Array("hello".utf8)])
        }
    }

    @Test func `plain text is not served where TLS is spoken`() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let identity = try identity
        try await withServer(limits: { $0.tls = identity }) { server in
            let client = try server.client()
            await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await !client.receiveAll().contains("HTTP/1.1"))
            #expect(server.seen.all.isEmpty)
        }
    }

    @Test func `an unusable key is an error that says so, and keeps the key to itself`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = Array(try Data(contentsOf: folder.appending(path: "certificate.pem")))
        let unusable = HTTPServerConfiguration.TLSIdentity(certificate: certificate, key: Array("secret".utf8))
        let error = try #require(throws: HTTPServerError.self) {
            _ = try TestServer({ $0.tls = unusable })
        }
        #expect(error.description.hasPrefix("the HTTP server did not start: "))
        #expect(!"\(error)\(unusable)".contains("secret"))
    }
}
