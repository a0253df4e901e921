import JSON
import Ledger
import Postgres
import Sharing
import TicketSharing

// Whole tickets, by which it is told what of a message an agreement does not allow. They are read where it matters only: from
// what the follower has saved, and the share's messages that it has not come to yet.
extension StateLoader {
    /// A share of which more than the head is needed.
    struct LimitedShare {
        let name: ShareName
        let id: Position
        let ticket: TicketID
        let said: [TicketMessage]
    }

    /// The shares of `keys` whose agreements do not allow everything that is said of them.
    static func limitedShares(of keys: StateKeys, _ loaded: Loaded) -> [LimitedShare] {
        keys.said.compactMap { name, said in
            guard let head = loaded.state.tickets[name], let ticket = TicketID(name.ticket),
                let id = name.stream.agreement.flatMap({ AgreementID($0) }),
                let permissions = loaded.state.agreements[id]?.agreement.permissions,
                permissions != .all || keys.changedAgreements.contains(id)
            else { return nil }
            return LimitedShare(name: name, id: head.share, ticket: ticket, said: said)
        }
    }

    /// Reads whole tickets, as far as they are needed.
    ///
    /// The messages that are not followed are read first: if the follower comes on meanwhile, they are taken twice, after which
    /// the ticket is the same.
    static func readDetails(
        for keys: StateKeys,
        into loaded: inout Loaded,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        let shares = limitedShares(of: keys, loaded)
        guard !shares.isEmpty else { return }
        let named = shares.flatMap { share in share.said.flatMap(\.comments).map { (share.id, $0.id.text) } }
        let ids = shares.map(\.id)
        let results = try session.pipeline([
            StateStatements.unfollowed(ids),
            StateStatements.tickets(ids),
            StateStatements.comments(named.map(\.0), named.map(\.1)),
        ])
        var unfollowed: [Position: [UnfollowedMessage]] = [:]
        for row in results[0] {
            unfollowed[try row[0, as: Position.self], default: []].append(try UnfollowedMessage(row))
        }
        var states: [Position: [UInt8]] = [:]
        for row in results[1] { states[try row[0, as: Position.self]] = try row[1, as: [UInt8].self] }
        var comments: [Position: Set<CommentID>] = [:]
        for row in results[2] {
            guard let comment = CommentID(try row[1, as: String.self]) else { continue }
            comments[try row[0, as: Position.self], default: []].insert(comment)
        }
        for share in shares {
            let newer = (unfollowed[share.id] ?? []).map { ($0, $0.change(of: share.ticket)) }
            // What cannot be read says at least which comments it brought.
            let unread = newer.filter { $0.1 == nil }.flatMap(\.0.comments)
            var ticket = Ticket(
                id: share.ticket,
                isShared: true,
                otherCommentIDs: (comments[share.id] ?? []).union(unread),
            )
            if let state = states[share.id].flatMap({ JSONDocument(stored: $0) }),
                let message = TicketMessage(stored: state, id: share.ticket)
            {
                ticket.apply(.update(message), by: .sender, under: .all)
            }
            for case (let message, let change?) in newer {
                ticket.apply(change, by: message.sender, under: message.permissions)
            }
            loaded.state.details[share.name] = ticket
        }
    }
}

/// A message of a ticket that was committed and is not in the following projections.
private struct UnfollowedMessage {
    private let type: EventType
    private let facts: JSONValue?
    private let body: JSONDocument?

    init(_ row: Row) throws(PostgresError) {
        type = try row.known(1)
        facts = try row[2, as: [UInt8]?.self].flatMap { JSONDocument(stored: $0)?.root }
        body = try row[3, as: [UInt8]?.self].flatMap { JSONDocument(stored: $0) }
    }

    /// What it does to the ticket; `nil` where its bytes do not say.
    func change(of ticket: TicketID) -> TicketChange? {
        if type == .ticketUnshared { return .unshare }
        guard let message = body.flatMap({ TicketMessage(stored: $0, id: ticket) }) else { return nil }
        return type == .ticketShared ? .share(message) : .update(message)
    }

    var sender: AgreementRole {
        facts?.member("by")?.string.flatMap { AgreementRole(rawValue: $0) } ?? .sender
    }

    var permissions: Agreement.Permissions {
        let said = facts?.member("permissions")
        func allows(_ name: String) -> Bool { said?.member(name)?.bool ?? true }
        return Agreement.Permissions(
            syncsTags: allows("sync_tags"),
            syncsCustomFields: allows("sync_custom_fields"),
            allowsPublicComments: allows("allows_public_comments"),
        )
    }

    var comments: [CommentID] {
        facts?.member("comments")?.elements.compactMap { comment in
            comment.member("uuid")?.string.flatMap { CommentID($0) }
        } ?? []
    }
}
