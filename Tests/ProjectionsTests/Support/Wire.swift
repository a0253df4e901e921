import Foundation

/// One request as a real client put it on the wire, with our own URL in it.
struct WireRequest {
    let method: String
    let path: String
    let token: String?
    let body: [UInt8]

    /// - Parameter name: Such as `gem/02`.
    init(_ name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/wire/\(name).http")))
        let end = bytes.indices.first { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }!
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let request = lines[0].split(separator: " ")
        method = String(request[0])
        path = request[1].split(separator: "/").dropFirst().joined(separator: "/")
        token = lines.first { $0.hasPrefix("X-Ticket-Sharing-Token: ") }.map { String($0.dropFirst(24)) }
        let text = String(decoding: bytes[(end + 4)...], as: UTF8.self)
        let ours = LedgerFixture.publicURL
        body = Array(
            text.replacing("http://127.0.0.1:18999/sharing", with: ours)
                .replacing("http://127.0.0.1:18998/sharing", with: ours).utf8
        )
    }
}
