import Foundation

import TicketSharing

/// One request as a real client put it on the wire.
package struct WireFixture: Sendable {
    /// Such as `gem/02`.
    package let name: String

    /// Its lines before the body.
    package let head: [String]

    /// Its body.
    package let body: [UInt8]

    /// All of one client's requests, in the order in which it made them.
    package static func all(of client: String) throws -> [WireFixture] {
        try (0...5).map { try WireFixture("\(client)/0\($0)") }
    }

    /// Reads one.
    package init(_ name: String) throws {
        self.name = name
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/wire/\(name).http")))
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        head = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        body = Array(bytes[(end + 4)...])
    }

    /// The key that the token holds.
    package var accessKey: String? {
        fields.first { $0.name == Token.headerName }.map { String($0.value.drop { $0 != ":" }.dropFirst()) }
    }

    /// The header fields.
    package var fields: [(name: String, value: String)] {
        head.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (String(line[..<colon]), String(line[colon...].dropFirst(2)))
        }
    }

    /// The request as a partner's, made to the help desk at `publicURL`.
    package func inbound(to publicURL: String) -> TestRequest {
        let line = head[0].split(separator: " ")
        let path = line[1].dropFirst("/sharing".count)
        let text = String(decoding: body, as: UTF8.self)
            .replacing("http://127.0.0.1:18999/sharing", with: publicURL)
            .replacing("http://127.0.0.1:18998/sharing", with: publicURL)
        var request = TestRequest.inbound(String(line[0]), String(path), text)
        request.fields = fields
        return request
    }
}
