internal import JSON

extension Ticket {
    /// The whole ticket in the protocol's own form: all comments, members in a fixed order, opaque JSON as it was.
    ///
    /// What was never said is left out; times stand as they were written.
    ///
    /// - Parameter permissions: What may be sent; tags and custom fields that may not are left out.
    package func encoded(under permissions: Agreement.Permissions = .all) -> [UInt8] {
        let comments = comments.map { $0.encoded(under: permissions) }
        return encoded(comments: comments[...], under: permissions)
    }

    /// The ticket without the member `comments`: as a message it makes the same ticket again, but for its comments.
    package func encodedWithoutComments() -> [UInt8] {
        encoded(comments: nil, under: .all)
    }

    /// The whole ticket with some of its comments, which are JSON already; `nil` leaves the member out.
    func encoded(comments: ArraySlice<[UInt8]>?, under permissions: Agreement.Permissions) -> [UInt8] {
        var writer = JSONWriter(capacity: 1_024 + (comments ?? []).reduce(0) { $0 + $1.count + 1 })
        writer.object { object in
            object.member(.uuid, id.text)
            if let subject { object.member(.subject, subject) }
            if let requestedAt { object.member(.requestedAt, requestedAt.text) }
            if let status { object.member(.status, status) }
            if let requester { object.member(.requester, requester) }
            if let comments { object.member(.comments, comments) }
            if let currentActor { object.member(.currentActor, currentActor) }
            if permissions.syncsTags, let tags { object.member(.tags, tags) }
            switch originalID {
            case .text(let text): object.member(.originalID, text)
            case .number(let number): object.member(.originalID, raw: Array(number.utf8))
            case nil: break
            }
            if permissions.syncsCustomFields, let customFields {
                object.member(.customFields, raw: customFields.bytes)
            }
            if let customStatus { object.member(.customStatus, customStatus) }
            object.members(unknownMembers)
        }
        return writer.bytes
    }

    /// Some comments alone, as a PUT adds them.
    func encodedUpdate(comments: ArraySlice<[UInt8]>) -> [UInt8] {
        var writer = JSONWriter(capacity: 512 + comments.reduce(0) { $0 + $1.count + 1 })
        writer.object { object in
            object.member(.uuid, id.text)
            object.member(.comments, comments)
            if let currentActor { object.member(.currentActor, currentActor) }
        }
        return writer.bytes
    }
}

extension TicketComment {
    /// The comment without its text, in the protocol's own form.
    package func encodedWithoutBody() -> [UInt8] {
        TicketComment(
            id: id,
            author: author,
            htmlBody: htmlBody,
            authoredAt: authoredAt,
            isPublic: isPublic,
            attachments: attachments,
            customFields: customFields,
            unknownMembers: unknownMembers,
        ).encoded(under: .all)
    }

    func encoded(under permissions: Agreement.Permissions) -> [UInt8] {
        var writer = JSONWriter()
        write(to: &writer, withCustomFields: permissions.syncsCustomFields)
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ member: TicketMember, _ text: String) {
        self.member(member.name, text)
    }

    fileprivate mutating func member(_ member: TicketMember, _ actor: TicketActor) {
        name(member.name)
        actor.write(to: &self)
    }

    fileprivate mutating func member(_ member: TicketMember, _ texts: [String]) {
        name(member.name)
        array { array in
            for text in texts { array.string(text) }
        }
    }

    fileprivate mutating func member(_ member: TicketMember, _ values: ArraySlice<[UInt8]>) {
        name(member.name)
        array { array in
            for value in values { array.raw(value) }
        }
    }

    fileprivate mutating func member(_ member: TicketMember, raw json: [UInt8]) {
        name(member.name)
        raw(json)
    }
}
