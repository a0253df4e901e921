import Testing
import TicketSharing

/// A body that is refused, and why.
struct BadBody: Sendable {
    let name: String
    let bytes: [UInt8]
    let code: ProtocolFault.Code

    init(_ name: String, _ bytes: [UInt8], _ code: ProtocolFault.Code) {
        self.name = name
        self.bytes = bytes
        self.code = code
    }

    init(_ name: String, _ text: String, _ code: ProtocolFault.Code) {
        self.init(name, Array(text.utf8), code)
    }

    private init(_ text: String, _ code: ProtocolFault.Code) {
        self.init(text, Array(text.utf8), code)
    }
}

// MARK: - Whatever the resource is

extension BadBody {
    /// No JSON, or JSON that two readers could read differently.
    static let malformed: [BadBody] =
        [
            BadBody("empty", "", .malformedJSON),
            BadBody("truncated in a string", #"{"uuid":"x1","subject":"Auto"#, .malformedJSON),
            BadBody("truncated in an object", #"{"uuid":"x1""#, .malformedJSON),
            BadBody("truncated in an escape", #"{"uuid":"x1","subject":"\u00"#, .malformedJSON),
            BadBody("a single quote", "{'uuid':'x1'}", .malformedJSON),
            BadBody("a comma too many", #"{"uuid":"x1",}"#, .malformedJSON),
            BadBody("no colon", #"{"uuid" "x1"}"#, .malformedJSON),
            BadBody("a comment", #"{"uuid":"x1"/* */}"#, .malformedJSON),
            BadBody("two texts", #"{"uuid":"x1"}{"uuid":"x2"}"#, .malformedJSON),
            BadBody("NaN", #"{"uuid":"x1","a":NaN}"#, .malformedJSON),
            BadBody("a leading zero", #"{"uuid":"x1","a":01}"#, .malformedJSON),
            BadBody("a leading plus", #"{"uuid":"x1","a":+1}"#, .malformedJSON),
            BadBody("an unknown escape", #"{"uuid":"x1","a":"\x41"}"#, .malformedJSON),
            BadBody("a raw line feed in a string", "{\"uuid\":\"x1\",\"a\":\"b\nc\"}", .malformedJSON),
            BadBody("a form", "uuid=x1&subject=Autofocus", .malformedJSON),
            BadBody("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8), .malformedJSON),
            BadBody(
                "UTF-16",
                "{\"uuid\":\"x1\"}".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
                .malformedJSON
            ),
            BadBody("an array", "[]", .wrongType),
            BadBody("a text", #""x1""#, .wrongType),
            BadBody("a number", "1", .wrongType),
            BadBody("null", "null", .wrongType),
            BadBody("the same member twice", #"{"uuid":"x1","uuid":"x1"}"#, .duplicateMember),
            BadBody("the same member, once escaped", #"{"uuid":"x1","\u0075uid":"x1"}"#, .duplicateMember),
            BadBody("an unknown member twice", #"{"uuid":"x1","a":1,"a":1}"#, .duplicateMember),
            BadBody("a member twice, once null", #"{"uuid":"x1","status":null,"status":"pending"}"#, .duplicateMember),
            BadBody("another uuid than in the path", #"{"uuid":"x2"}"#, .identifierMismatch),
            BadBody("the uuid in capitals", #"{"uuid":"X1"}"#, .identifierMismatch),
            BadBody("a uuid with a slash", #"{"uuid":"x1/../x2"}"#, .invalidValue),
            BadBody("a uuid of dots", #"{"uuid":".."}"#, .invalidValue),
            BadBody("an empty uuid", #"{"uuid":""}"#, .invalidValue),
            BadBody("a long uuid", #"{"uuid":"\#(String(repeating: "x", count: 300))"}"#, .invalidValue),
            BadBody("nesting in what is not interpreted", nested(64), .overLimit),
            BadBody("nesting without end", String(repeating: "[", count: 100_000), .overLimit),
        ]
        + notText.map {
            BadBody("\($0.name) in a name", [0x7B, 0x22] + $0.bytes + Array(#"":1}"#.utf8), .malformedJSON)
        }
        + notText.map {
            BadBody("\($0.name) in a value", Array(#"{"a":""#.utf8) + $0.bytes + [0x22, 0x7D], .malformedJSON)
        }
        + notText.map { BadBody("\($0.name) outside", Array("{} ".utf8) + $0.bytes, .malformedJSON) }

    /// Bytes that no JSON text holds.
    private static let notText: [(name: String, bytes: [UInt8])] = [
        ("a raw NUL", [0x00]), ("half a character", [0xC3]), ("a lone continuation", [0x80]),
        ("an overlong slash", [0xC0, 0xAF]), ("a surrogate", [0xED, 0xA0, 0x80]),
        ("beyond Unicode", [0xF4, 0x90, 0x80, 0x80]), ("Latin-1", [0xE9, 0x20]), ("0xFF", [0xFF]),
    ]

    /// A body whose innermost array is this deep below the body itself.
    static func nested(_ depth: Int) -> String {
        #"{"uuid":"x1","custom_fields":"# + String(repeating: #"{"a":"#, count: depth - 1) + "[]"
            + String(repeating: "}", count: depth - 1) + "}"
    }
}

// MARK: - Types and texts of members

extension BadBody {
    /// The bodies in which one member of a kind is not what it must be; `wrap` makes a body of the members.
    static func members(_ names: [String: Kind], _ wrap: (String) -> String) -> [BadBody] {
        names.sorted { $0.key < $1.key }.flatMap { name, kind in
            kind.wrongTypes.map { BadBody(wrap(#""\#(name)":\#($0)"#), .wrongType) }
                + kind.wrongValues.map { BadBody(wrap(#""\#(name)":\#($0.json)"#), $0.code) }
        }
    }

    /// What a member may hold.
    enum Kind {
        case text
        case identifier
        case time
        case truth
        case object
        case array
        case textOrNumber
        case url
        case key
        case choice

        var wrongTypes: [String] {
            let all = ["\"x\"", "1", "true", "[]", "{}"]
            return switch self {
            case .text, .identifier, .time, .url, .key, .choice: Array(all[1...])
            case .truth: [all[0], all[1], all[3], all[4], "\"true\"", "0"]
            case .object: Array(all[..<4])
            case .array: Array(all[..<3] + all[4...])
            case .textOrNumber: Array(all[2...])
            }
        }

        var wrongValues: [(json: String, code: ProtocolFault.Code)] {
            let notStorable = [#""a\u0000b""#, #""\ud800""#, #""\udc00\ud800""#].map {
                (json: $0, code: ProtocolFault.Code.invalidText)
            }
            return switch self {
            case .text: notStorable
            case .textOrNumber: notStorable
            case .identifier:
                [
                    #""""#, #"".""#, #""a/b""#, #""a b""#, #""a\u0000b""#, #""\ud800""#, #""é""#, #""a%2Fb""#,
                    #""\#(String(repeating: "a", count: 256))""#,
                ].map { ($0, .invalidValue) }
            case .time:
                [
                    #""""#, #""yesterday""#, #""2011-02-30""#, #""2011-06-07 25:00:00""#,
                    #""2011-06-07 09:12:44 -0700x""#,
                    #""2011\u0000""#, #""10000-01-01""#,
                ].map { ($0, .invalidValue) }
            case .url:
                notStorable
                    + [
                        #""""#, #""ftp://desk.example/""#, #""https://u:p@desk.example/""#, #""//desk.example/""#,
                        #""https://desk.example/?a""#, #""https://desk.example/#a""#, #""https://""#,
                        #""https://desk.example:0/""#, #""https://desk.example/%zz""#,
                        #""https://desk.example/a\r\nX-Evil: 1""#, #""https://desk.example/../x""#,
                        #""\#("https://desk.example/" + String(repeating: "a", count: 2000))""#,
                    ].map { ($0, .invalidValue) }
            case .key:
                notStorable
                    + [#""""#, #""a b""#, #""a\r\nX-Evil: 1""#, #""é""#, #""\#(String(repeating: "k", count: 256))""#]
                    .map { ($0, .invalidValue) }
            case .choice: notStorable + [#""""#, #""Accepted""#, #""sender,receiver""#].map { ($0, .invalidValue) }
            case .truth, .object, .array: []
            }
        }
    }

    private static let actor: [String: Kind] = ["uuid": .identifier, "name": .text, "role": .text]

    /// What is wrong in one member of a ticket, of a comment, an attachment or an actor in it.
    static let ofTicket: [BadBody] =
        members(
            [
                "uuid": .identifier, "subject": .text, "requested_at": .time, "status": .text, "custom_status": .text,
                "requester": .object, "current_actor": .object, "comments": .array, "tags": .array,
                "original_id": .textOrNumber, "custom_fields": .object,
            ]
        ) { "{\($0)}" }
        + members(
            [
                "uuid": .identifier, "author": .object, "body": .text, "html_body": .text, "authored_at": .time,
                "public": .truth, "attachments": .array, "custom_fields": .object,
            ]
        ) { $0.hasPrefix(#""uuid""#) ? #"{"comments":[{\#($0)}]}"# : #"{"comments":[{"uuid":"c1",\#($0)}]}"# }
        + members(["url": .text, "filename": .text, "content_type": .text, "display_filename": .text]) { member in
            let rest = ["url", "filename"].filter { !member.hasPrefix("\"\($0)\"") }.map { ",\"\($0)\":\"f\"" }
            return #"{"comments":[{"uuid":"c1","attachments":[{\#(member + rest.joined())}]}]}"#
        }
        + members(actor) { #"{"requester":{\#($0)}}"# }
        + members(actor) { #"{"current_actor":{\#($0)}}"# }
        + members(actor) { #"{"comments":[{"uuid":"c1","author":{\#($0)}}]}"# }
        + members(["tags": .text]) { "{\($0.replacing("\"tags\":", with: "\"tags\":[\"a\","))]}" }
        + [
            BadBody(#"{"comments":[1]}"#, .wrongType),
            BadBody(#"{"comments":[null]}"#, .wrongType),
            BadBody(#"{"comments":[{"body":"x"}]}"#, .missingMember),
            BadBody(#"{"comments":[{"uuid":null}]}"#, .missingMember),
            BadBody(#"{"comments":[{"uuid":"c1","attachments":["x"]}]}"#, .wrongType),
            BadBody(#"{"comments":[{"uuid":"c1","attachments":[{"url":"u"}]}]}"#, .missingMember),
            BadBody(#"{"comments":[{"uuid":"c1","attachments":[{"filename":"f"}]}]}"#, .missingMember),
            BadBody(#"{"comments":[{"uuid":"c1","body":"x","body":"y"}]}"#, .duplicateMember),
            BadBody(#"{"comments":[{"uuid":"c1","public":false,"p\u0075blic":true}]}"#, .duplicateMember),
            BadBody(#"{"requester":{"name":"x","name":"x"}}"#, .duplicateMember),
            BadBody(
                #"{"comments":[{"uuid":"c1","attachments":[{"url":"u","filename":"f","url":"v"}]}]}"#,
                .duplicateMember
            ),
            BadBody("over 1,000 comments", comments(1_001), .overLimit),
            BadBody(
                "over 1,000 tags",
                #"{"tags":[\#(Array(repeating: "\"t\"", count: 1_001).joined(separator: ","))]}"#,
                .overLimit
            ),
            BadBody("a long subject", #"{"subject":"\#(String(repeating: "s", count: 16_385))"}"#, .overLimit),
            BadBody("a long status", #"{"status":"\#(String(repeating: "s", count: 4_097))"}"#, .overLimit),
            BadBody("many unknown members", "{\((0...256).map { "\"m\($0)\":0" }.joined(separator: ","))}", .overLimit),
        ]

    /// What is wrong in one member of an agreement, or of the actor in it.
    static let ofAgreement: [BadBody] =
        members(
            [
                "uuid": .identifier, "name": .text, "sender_url": .url, "receiver_url": .url, "access_key": .key,
                "status": .choice, "deactivated_by": .choice, "current_actor": .object, "sync_tags": .truth,
                "sync_custom_fields": .truth, "allows_public_comments": .truth,
            ]
        ) { "{\($0)}" }
        + members(actor) { #"{"current_actor":{\#($0)}}"# }
        + [
            BadBody("a long name", #"{"name":"\#(String(repeating: "n", count: 1_025))"}"#, .overLimit),
            BadBody("over 64 KiB", #"{"a":"\#(String(repeating: "a", count: 65_536))"}"#, .overLimit),
        ]

    /// A body of so many bytes.
    static func large(_ byteCount: Int) -> [UInt8] {
        let (start, end) = (#"{"custom_fields":{"a":""#, #""}}"#)
        let text = [UInt8](repeating: 0x61, count: byteCount - start.utf8.count - end.utf8.count)
        return Array(start.utf8) + text + Array(end.utf8)
    }

    /// A body with so many comments.
    static func comments(_ count: Int) -> String {
        #"{"comments":[\#((0..<count).map { #"{"uuid":"n\#($0)"}"# }.joined(separator: ","))]}"#
    }
}
