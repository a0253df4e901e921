internal import JSON

/// A person or a program that acts on tickets: a requester, an author, who did something.
package struct TicketActor: Sendable, Equatable {
    /// Names the actor; RT and the gem always send it, but who does not is still an actor.
    package let id: ActorID?

    /// What the actor is called.
    package let name: String?

    /// `agent` or `end-user`; others are kept as they are.
    package let role: String?

    /// The members that we do not interpret, in order.
    package let unknownMembers: [OpaqueMember]

    /// Puts an actor together, as from storage.
    package init(id: ActorID?, name: String?, role: String? = nil, unknownMembers: [OpaqueMember] = []) {
        self.id = id
        self.name = name
        self.role = role
        self.unknownMembers = unknownMembers
    }
}

extension TicketActor {
    private static let names = JSONMemberNames(["uuid", "name", "role"])

    /// Checks an actor of a message; ``init(_:)`` is for one that was checked.
    static func check(
        _ value: JSONValue,
        at place: MemberReader.Place,
        limits: TicketLimits = .standard,
    ) throws(ProtocolFault) {
        let reader = try MemberReader(
            value,
            names: names,
            at: place,
            maximumUnknownMemberCount: limits.unknownMemberCount
        )
        _ = try reader.identifier(0)
        try reader.text(1, longest: limits.labelByteCount)
        try reader.text(2, longest: limits.labelByteCount)
    }

    init(_ value: JSONValue) {
        let match = value.matched(Self.names)
        id = match.said(0)?.identifier()
        name = match.said(1)?.string
        role = match.said(2)?.string
        unknownMembers = match.opaqueMembers
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            if let id { $0.member("uuid", id.text) }
            if let name { $0.member("name", name) }
            if let role { $0.member("role", role) }
            $0.members(unknownMembers)
        }
    }
}
