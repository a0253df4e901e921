internal import JSON

/// A comment of a ticket; nobody can change or remove one.
package struct TicketComment: Sendable, Equatable {
    /// Names the comment.
    package let id: CommentID

    /// Who wrote it.
    package let author: TicketActor?

    /// The text.
    package let body: String?

    /// The text as HTML, as untrusted as any partner's.
    package let htmlBody: String?

    /// When it was written.
    package let authoredAt: WireTime?

    /// Whether end users may see it.
    package internal(set) var isPublic: Bool

    /// Its files; `nil` where nothing was said of any.
    package let attachments: [TicketAttachment]?

    /// An object that we do not interpret.
    package internal(set) var customFields: OpaqueJSON?

    /// The members that we do not interpret, in order.
    package let unknownMembers: [OpaqueMember]

    /// Puts a comment together, as from storage.
    package init(
        id: CommentID,
        author: TicketActor? = nil,
        body: String? = nil,
        htmlBody: String? = nil,
        authoredAt: WireTime? = nil,
        isPublic: Bool = true,
        attachments: [TicketAttachment]? = nil,
        customFields: OpaqueJSON? = nil,
        unknownMembers: [OpaqueMember] = [],
    ) {
        self.id = id
        self.author = author
        self.body = body
        self.htmlBody = htmlBody
        self.authoredAt = authoredAt
        self.isPublic = isPublic
        self.attachments = attachments
        self.customFields = customFields
        self.unknownMembers = unknownMembers
    }
}

extension TicketComment {
    func write(to writer: inout JSONWriter, withCustomFields: Bool) {
        writer.object { object in
            object.member("uuid", id.text)
            if let author {
                object.name("author")
                author.write(to: &object)
            }
            if let body { object.member("body", body) }
            if let htmlBody { object.member("html_body", htmlBody) }
            if let authoredAt { object.member("authored_at", authoredAt.text) }
            object.member("public", isPublic)
            if let attachments {
                object.name("attachments")
                object.array { array in
                    for attachment in attachments { attachment.write(to: &array) }
                }
            }
            if withCustomFields, let customFields {
                object.name("custom_fields")
                object.raw(customFields.bytes)
            }
            object.members(unknownMembers)
        }
    }
}
