import Foundation
import HTTPServer
import TestRequests

/// The clients whose requests there are.
enum WireClient: String, CaseIterable, Sendable {
    case gem
    case rt

    /// Where its help desk is.
    var base: String {
        self == .gem ? "https://mondocam.example/sharing" : "https://rt.lenswerk.example/NoAuth/NHD/1.0"
    }

    var agreement: String {
        self == .gem ? "ae7dca370643456645e94b897f9da27dcd477281" : "fd9c89d161f1e378ae8f2fa0c2e48087bb6e5ca7"
    }

    var ticket: String {
        self == .gem ? "3a71416c8aa91d827b57b876abcbfa84e6036f0a" : "97a4bb7cd1da958a773954b447aee3b725115045"
    }

    var key: String {
        self == .gem ? "c8d952679994f2382579acbfc648989b4c318687" : "d7e884e79f9e1902f26c481253e8318506eff7c0"
    }

    var token: String { "\(agreement):\(key)" }

    /// Where its requests were caught.
    var port: Int { self == .gem ? 18_999 : 18_998 }

    /// Whether a request that we sent has the fields of this client's own requests, and no others of the protocol.
    func hasDialect(_ request: HTTPRequest, of number: Int) -> Bool {
        let fields = ["Content-Type", "Accept", "X-Ticket-Sharing-Token", "X-Ticket-Sharing-Version"].map {
            request.headers.first($0)
        }
        switch self {
        case .gem: return fields == ["application/json", "application/json", number == 0 ? nil : token, nil]
        case .rt: return fields == ["text/x-json; charset=\"UTF-8\"", nil, token, "1"]
        }
    }
}

extension WireFixture {
    /// The request as it was, but for the host, the length that depends on it and, for the desk, the base path.
    func bytes(to service: TestService, by door: Door) -> [UInt8] {
        let authority = "127.0.0.1:\(service.port(of: door))"
        let base = door.target("", partner: String(name.prefix { $0 != "/" }))
        let text = String(decoding: body, as: UTF8.self)
            .replacing("http://127.0.0.1:18999/sharing", with: "http://\(authority)\(base)")
            .replacing("http://127.0.0.1:18998/sharing", with: "http://\(authority)\(base)")
        var lines = head
        lines[0] = lines[0].replacing(" /sharing/", with: " \(base)/")
        for (index, line) in lines.enumerated() {
            if line.hasPrefix("Host: ") { lines[index] = "Host: \(authority)" }
            if line.hasPrefix("Content-Length: ") { lines[index] = "Content-Length: \(text.utf8.count)" }
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + text).utf8)
    }

    /// Method and last part of the path.
    var nameOnTheWire: String {
        let line = head[0].split(separator: " ")
        return "\(line[0]) \(line[1].split(separator: "/").last ?? "")"
    }
}

/// What a ticket is after it was shared and updated, worked out on plain JSON objects.
struct WireTicket {
    private var members: [String: Any]

    init(shared: [UInt8], updated: [UInt8]) throws {
        members = try Self.said(shared)
        for (name, value) in try Self.said(updated) where name != "comments" { members[name] = value }
        let comments = try [shared, updated].flatMap { try Self.said($0)["comments"] as? [[String: Any]] ?? [] }
        members["comments"] = comments.map { comment in comment.merging(["public": true]) { said, _ in said } }
    }

    /// Its JSON with members in order, so that texts are compared byte for byte.
    var canonical: String {
        get throws {
            let bytes = try JSONSerialization.data(withJSONObject: members, options: [.sortedKeys, .prettyPrinted])
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The same of any JSON text.
    static func canonical(_ json: String) throws -> String {
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
        let bytes = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The members of an object that say something, at every level.
    private static func said(_ json: [UInt8]) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
        return (object ?? [:]).compactMapValues(said)
    }

    private static func said(_ value: Any) -> Any? {
        switch value {
        case is NSNull: nil
        case let object as [String: Any]: object.compactMapValues(said)
        case let array as [Any]: array.compactMap(said)
        default: value
        }
    }
}
