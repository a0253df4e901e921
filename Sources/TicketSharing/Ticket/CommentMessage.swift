internal import JSON

/// A comment as a message holds it: checked, and decoded only as far as it is asked.
package struct CommentMessage: Sendable {
    private let match: JSONMatch

    init(_ value: JSONValue) {
        match = value.matched(CommentMember.names)
    }

    /// Checks a comment and all in it.
    static func check(_ value: JSONValue, index: Int, limits: TicketLimits) throws(ProtocolFault) {
        let reader = try MemberReader(
            value,
            names: CommentMember.names,
            at: .comment(index),
            maximumUnknownMemberCount: limits.unknownMemberCount,
        )
        _ = try reader.required(CommentMember.uuid.rawValue, try reader.identifier(CommentMember.uuid.rawValue))
        if let author = try reader.object(CommentMember.author.rawValue) {
            try TicketActor.check(author, at: .author(comment: index), limits: limits)
        }
        try reader.text(CommentMember.body.rawValue, longest: limits.bodyByteCount)
        try reader.text(CommentMember.htmlBody.rawValue, longest: limits.bodyByteCount)
        _ = try reader.time(CommentMember.authoredAt.rawValue)
        _ = try reader.bool(CommentMember.isPublic.rawValue)
        _ = try reader.object(CommentMember.customFields.rawValue)
        let attachments = try reader.array(CommentMember.attachments.rawValue, longest: limits.attachmentCount)
        guard let attachments else { return }
        for (position, attachment) in attachments.elements.enumerated() {
            try TicketAttachment.check(attachment, at: .attachment(comment: index, position), limits: limits)
        }
    }
}

extension CommentMessage {
    /// Names the comment.
    package var id: CommentID {
        said(.uuid)?.identifier() ?? CommentID(checked: "")
    }

    /// Who wrote it.
    package var author: TicketActor? {
        said(.author).map(TicketActor.init)
    }

    /// The text.
    package var body: String? {
        said(.body)?.string
    }

    /// The text as HTML, as untrusted as any partner's.
    package var htmlBody: String? {
        said(.htmlBody)?.string
    }

    /// When it was written.
    package var authoredAt: WireTime? {
        said(.authoredAt)?.wireTime
    }

    /// Whether end users may see it; a comment that does not say so is public, as in the gem.
    package var isPublic: Bool {
        said(.isPublic)?.bool ?? true
    }

    /// Its files; `nil` where nothing is said of any.
    package var attachments: [TicketAttachment]? {
        said(.attachments).map { $0.elements.map(TicketAttachment.init) }
    }

    /// An object that we do not interpret.
    package var customFields: OpaqueJSON? {
        said(.customFields).map(OpaqueJSON.init)
    }

    /// Where the comment stands in the body.
    package var byteRange: Range<Int> {
        match.object.byteRange
    }

    /// The whole comment, decoded.
    package var comment: TicketComment {
        TicketComment(
            id: id,
            author: author,
            body: body,
            htmlBody: htmlBody,
            authoredAt: authoredAt,
            isPublic: isPublic,
            attachments: attachments,
            customFields: customFields,
            unknownMembers: match.opaqueMembers,
        )
    }

    private func said(_ member: CommentMember) -> JSONValue? {
        match.said(member.rawValue)
    }
}

/// The members of a comment that we interpret.
private enum CommentMember: Int {
    case uuid
    case author
    case body
    case htmlBody
    case authoredAt
    case isPublic
    case attachments
    case customFields

    static let names = JSONMemberNames([
        "uuid", "author", "body", "html_body", "authored_at", "public", "attachments", "custom_fields",
    ])
}
