import JSON
import Testing
import TicketSharing

/// The fold again, the plainest way: a dictionary of JSON texts.
private struct SimpleTicket {
    static let order = [
        "subject", "requested_at", "status", "requester", "comments", "current_actor", "tags", "original_id",
        "custom_fields",
        "custom_status",
    ]

    var isShared = false
    var members: [String: String] = [:]
    var unknown: [String] = []
    var comments: [(id: String, isPublic: Bool, fields: String?)] = []

    mutating func take(_ step: Step, bound: Bool, tags: Bool, fields: Bool) -> [String] {
        if step.method == "DELETE" { isShared = false }
        if step.method == "POST" { isShared = true }
        guard isShared, step.method != "DELETE" else { return [] }
        var left: [String] = []
        for name in Self.order + ["extra", "other"] {
            guard name != "comments", let value = step.members[name], value != "null" else { continue }
            let isStatus = name == "status" || name == "custom_status"
            let isAllowed = !(isStatus && bound) && (name != "tags" || tags) && (name != "custom_fields" || fields)
            if isAllowed {
                if members[name] == nil, !Self.order.contains(name) { unknown.append(name) }
                members[name] = value
            } else if members[name] != value, isStatus || !["[]", "{}"].contains(value) {
                left.append(name)
            }
        }
        for comment in step.comments where !comments.contains(where: { $0.id == comment.id }) {
            let isHidden = bound && comment.isPublic != false
            if isHidden { left.append("public \(comment.id)") }
            if !fields, let text = comment.fields, text != "{}" { left.append("fields \(comment.id)") }
            comments.append((comment.id, comment.isPublic != false && !bound, fields ? comment.fields : nil))
        }
        return left
    }

    var json: String {
        let list = comments.map { comment in
            "{\"uuid\":\"\(comment.id)\",\"public\":\(comment.isPublic)\(comment.fields.map { ",\"custom_fields\":\($0)" } ?? "")}"
        }
        let known = Self.order.compactMap { name in
            name == "comments"
                ? "\"comments\":[\(list.joined(separator: ","))]" : members[name].map { "\"\(name)\":\($0)" }
        }
        let rest = unknown.map { "\"\($0)\":\(members[$0]!)" }
        return "{" + (["\"uuid\":\"t\""] + known + rest).joined(separator: ",") + "}"
    }
}

/// One generated request.
private struct Step {
    var method: String
    var role: AgreementRole
    var members: [String: String] = [:]
    var comments: [(id: String, isPublic: Bool?, fields: String?)] = []

    static let values: [String: [String]] = [
        "subject": ["\"s\"", "\"\"", "\"é\""], "requested_at": ["\"2011-06-07\"", "\"2011-06-07T09:12:44Z\""],
        "status": ["\"new\"", "\"open\"", "\"solved\""], "requester": [#"{"uuid":"r","name":"R"}"#, "{}"],
        "current_actor": [#"{"name":"A","role":"agent","x":[1,1e999]}"#], "tags": ["[]", #"["a"]"#, #"["a","b"]"#],
        "original_id": ["7", "\"7\"", "1e400000"], "custom_fields": ["{}", #"{"a":"\u0000","a":1}"#, #"{"b":[{}]}"#],
        "custom_status": ["\"x\"", "\"y\""], "extra": ["1", "[null]", #"{"e":"\ud800"}"#], "other": ["false", "\"o\""],
    ]

    init(random: inout SeededGenerator) {
        let methods = ["POST", "PUT", "PUT", "PUT", "PUT", "PUT", "DELETE"]
        method = methods.randomElement(using: &random)!
        role = AgreementRole.allCases.randomElement(using: &random)!
        for name in Self.values.keys.sorted() where Bool.random(using: &random) {
            members[name] = Bool.random(using: &random) ? "null" : Self.values[name]!.randomElement(using: &random)!
        }
        for _ in 0..<Int.random(in: 0..<4, using: &random) {
            let id = "c\(Int.random(in: 0..<12, using: &random))"
            comments.append(
                (
                    id, [true, false, nil].randomElement(using: &random)!,
                    ["{}", #"{"k":1}"#, nil].randomElement(using: &random)!
                )
            )
        }
    }

    func body(random: inout SeededGenerator) -> String {
        var parts = members.keys.sorted { $0 < $1 }.shuffled(using: &random).filter {
            !["extra", "other"].contains($0)
        }
        .map { "\"\($0)\": \(members[$0]!)" }
        parts += ["extra", "other"].compactMap { name in members[name].map { "\"\(name)\":\($0)" } }
        let list = comments.map { comment in
            "{\"uuid\":\"\(comment.id)\",\"public\":\(comment.isPublic.map { "\($0)" } ?? "null"),\"custom_fields\":\(comment.fields ?? "null")}"
        }
        return "{"
            + (["\"uuid\":\"t\"", "\"comments\":[\(list.joined(separator: ","))]"] + parts).joined(separator: ", ")
            + "}"
    }
}

@Suite struct TicketFoldTests {
    @Test func `generated histories fold as a simple fold does, deviations included`() throws {
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        for history in 0..<300 {
            var ticket = Ticket(id: try #require(TicketID("t")))
            var simple = SimpleTicket()
            for _ in 0..<Int.random(in: 1..<12, using: &random) {
                let permissions = Agreement.Permissions(
                    syncsTags: Int.random(in: 0..<4, using: &random) > 0,
                    syncsCustomFields: Int.random(in: 0..<4, using: &random) > 0,
                    allowsPublicComments: Bool.random(using: &random)
                )
                let step = Step(random: &random)
                let message = try TicketMessage(text: step.body(random: &random), isShare: step.method == "POST")
                let change: TicketChange =
                    switch step.method {
                    case "POST": .share(message)
                    case "PUT": .update(message)
                    default: .unshare
                    }
                let deviations = ticket.deviations(in: change, by: step.role, under: permissions)
                ticket.apply(change, by: step.role, under: permissions)
                let expected = simple.take(
                    step,
                    bound: step.role == .receiver && !permissions.allowsPublicComments,
                    tags: permissions.syncsTags,
                    fields: permissions.syncsCustomFields
                )
                try #require(
                    deviations.map(Self.name).sorted() == expected.sorted(),
                    "seed \(seed), history \(history)"
                )
                try #require(ticket.encoded().text == simple.json, "seed \(seed), history \(history)")
                try #require(ticket.isShared == simple.isShared)
            }
        }
    }

    private static func name(_ deviation: Deviation) -> String {
        switch deviation {
        case .publicComment(let id): "public \(id)"
        case .commentCustomFields(let id): "fields \(id)"
        default: deviation.member
        }
    }
}
