internal import JSON

/// A file of a comment, by the address where its sender holds it ready.
package struct TicketAttachment: Sendable, Equatable {
    /// Where the file is; any text, as links of real desks are not always URLs by the book.
    package let url: String

    /// The file's name.
    package let filename: String

    /// The file's media type.
    package let contentType: String?

    /// The name to show.
    package let displayFilename: String?

    /// The members that we do not interpret, in order.
    package let unknownMembers: [OpaqueMember]

    /// Puts an attachment together, as from storage.
    package init(
        url: String,
        filename: String,
        contentType: String? = nil,
        displayFilename: String? = nil,
        unknownMembers: [OpaqueMember] = [],
    ) {
        self.url = url
        self.filename = filename
        self.contentType = contentType
        self.displayFilename = displayFilename
        self.unknownMembers = unknownMembers
    }
}

extension TicketAttachment {
    private static let names = JSONMemberNames(["url", "filename", "content_type", "display_filename"])

    /// Checks an attachment of a message; ``init(_:)`` is for one that was checked.
    static func check(
        _ value: JSONValue,
        at place: MemberReader.Place,
        limits: TicketLimits,
    ) throws(ProtocolFault) {
        let reader = try MemberReader(
            value,
            names: names,
            at: place,
            maximumUnknownMemberCount: limits.unknownMemberCount
        )
        _ = try reader.required(0, try reader.text(0, longest: limits.lineByteCount))
        _ = try reader.required(1, try reader.text(1, longest: limits.labelByteCount))
        try reader.text(2, longest: limits.labelByteCount)
        try reader.text(3, longest: limits.labelByteCount)
    }

    init(_ value: JSONValue) {
        let match = value.matched(Self.names)
        url = match.said(0)?.string ?? ""
        filename = match.said(1)?.string ?? ""
        contentType = match.said(2)?.string
        displayFilename = match.said(3)?.string
        unknownMembers = match.opaqueMembers
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.member("url", url)
            $0.member("filename", filename)
            if let contentType { $0.member("content_type", contentType) }
            if let displayFilename { $0.member("display_filename", displayFilename) }
            $0.members(unknownMembers)
        }
    }
}
