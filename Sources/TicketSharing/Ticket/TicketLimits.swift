/// How much one ticket message may hold; over a limit is 422, as 413 would make the gem raise.
///
/// Lengths count the bytes between a string's quotes as they are written, escapes and all.
package struct TicketLimits: Sendable, Equatable {
    /// Comments in one message.
    package var commentCount = 1_000

    /// Attachments of one comment.
    package var attachmentCount = 250

    /// Tags of a ticket.
    package var tagCount = 1_000

    /// Members that we do not interpret, in one object.
    package var unknownMemberCount = 256

    /// Bytes of a name, a role, a status, a tag, a file's name or type, a number of origin.
    package var labelByteCount = 4_096

    /// Bytes of a subject or an address.
    package var lineByteCount = 16_384

    /// Bytes of a comment's text, in each of its two forms.
    package var bodyByteCount = 4_194_304

    /// The limits that hold where none are set.
    package init() {}

    /// What holds for every partner.
    package static var standard: TicketLimits { TicketLimits() }

    /// For what was accepted before.
    static let unlimited: TicketLimits = {
        var limits = TicketLimits()
        limits.commentCount = .max
        limits.attachmentCount = .max
        limits.tagCount = .max
        limits.unknownMemberCount = .max
        limits.labelByteCount = .max
        limits.lineByteCount = .max
        limits.bodyByteCount = .max
        return limits
    }()
}
