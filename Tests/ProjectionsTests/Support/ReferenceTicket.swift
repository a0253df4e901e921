import Foundation
import Testing

/// The protocol's update rules once more, as plain as can be: what a ticket is after its messages.
struct ReferenceTicket {
    private(set) var members: [String: Any] = [:]
    private(set) var comments: [[String: Any]] = []
    private(set) var isShared = false

    struct Permissions {
        var tags = true
        var customFields = true
        var publicComments = true
    }

    mutating func apply(
        _ method: String,
        _ body: [String: Any],
        byReceiver: Bool,
        _ allowed: Permissions,
        isOwn: Bool = false
    ) {
        if method == "DELETE" {
            isShared = false
            return
        }
        if method == "POST" || isOwn { isShared = true }
        guard isShared else { return }
        let isBound = byReceiver && !allowed.publicComments
        for (name, value) in body where !(value is NSNull) {
            switch name {
            case "comments":
                for comment in value as! [[String: Any]] { add(comment, isBound, allowed) }
            case "status", "custom_status":
                if !isBound { members[name] = value }
            case "tags":
                if allowed.tags { members[name] = value }
            case "custom_fields":
                if allowed.customFields { members[name] = value }
            default:
                members[name] = value
            }
        }
    }

    private mutating func add(_ comment: [String: Any], _ isBound: Bool, _ allowed: Permissions) {
        guard !comments.contains(where: { $0["uuid"] as! String == comment["uuid"] as! String }) else { return }
        var comment = comment.filter { !($0.value is NSNull) }
        let isPublic = comment["public"] as? Bool ?? true
        comment["public"] = isPublic && !isBound
        if !allowed.customFields { comment["custom_fields"] = nil }
        comments.append(comment)
    }

    /// The whole, to be compared with what a ticket is encoded as.
    func object(_ ticket: String) -> NSDictionary {
        var object = members
        object["uuid"] = ticket
        object["comments"] = comments
        return object as NSDictionary
    }
}

/// JSON as Foundation reads it.
func object(_ json: [UInt8]) throws -> NSDictionary {
    try #require(JSONSerialization.jsonObject(with: Data(json)) as? NSDictionary)
}
