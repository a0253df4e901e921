internal import JSON

/// Reads the interpreted members of one object; every fault names the member by its path in the message.
struct MemberReader {
    let match: JSONMatch
    private let names: JSONMemberNames
    private let place: Place

    /// Takes an object's members apart, refusing what is no object and what repeats a name.
    init(
        _ value: JSONValue,
        names: JSONMemberNames,
        at place: Place,
        maximumUnknownMemberCount: Int,
    ) throws(ProtocolFault) {
        guard case .object = value.kind else {
            throw ProtocolFault(.unprocessable, .wrongType, "\(place) must be an object")
        }
        match = value.matched(names)
        self.names = names
        self.place = place
        guard match.unmatchedCount <= maximumUnknownMemberCount else {
            let limit = maximumUnknownMemberCount
            throw ProtocolFault(.unprocessable, .overLimit, "\(place) has over \(limit) unknown members")
        }
        if let repeated = match.repeated {
            let offset = repeated.byteRange.lowerBound
            let member = match.isNamed(repeated) ? repeated.name.map { place.path(of: $0) } : nil
            let subject = member ?? "a member of \(place)"
            throw ProtocolFault(.unprocessable, .duplicateMember, "\(subject) stands twice, again at byte \(offset)")
        }
    }
}

// MARK: - Where an object stands

extension MemberReader {
    /// The objects of a message, so that a path is made up only where it is needed.
    enum Place: CustomStringConvertible {
        case message
        case actor(String)
        case comment(Int)
        case author(comment: Int)
        case attachment(comment: Int, Int)

        var description: String {
            switch self {
            case .message: "the body"
            case .actor(let member): member
            case .comment(let index): "comments[\(index)]"
            case .author(let index): "comments[\(index)].author"
            case .attachment(let comment, let index): "comments[\(comment)].attachments[\(index)]"
            }
        }

        func path(of member: String) -> String {
            if case .message = self { return member }
            return "\(self).\(member)"
        }
    }

    func fault(_ code: ProtocolFault.Code, _ slot: Int, _ what: String) -> ProtocolFault {
        ProtocolFault(.unprocessable, code, "\(place.path(of: names.names[slot])) \(what)")
    }
}

// MARK: - Members

extension MemberReader {
    /// What a member holds; `nil` where it is absent or `null`, which both mean that nothing is said.
    func said(_ slot: Int) -> JSONValue? {
        guard let value = match[slot], !value.isNull else { return nil }
        return value
    }

    func required<Value>(_ slot: Int, _ value: Value?) throws(ProtocolFault) -> Value {
        guard let value else { throw fault(.missingMember, slot, "is required") }
        return value
    }

    /// A member that must be text which can be stored; its limit counts bytes as they are written.
    @discardableResult
    func text(_ slot: Int, longest: Int) throws(ProtocolFault) -> JSONValue? {
        guard let value = said(slot) else { return nil }
        guard case .string = value.kind else { throw fault(.wrongType, slot, "must be a string") }
        try check(value, slot, "", longest: longest)
        return value
    }

    /// Checks that a string can be stored as text; `suffix` tells which element of a member it is.
    func check(_ value: JSONValue, _ slot: Int, _ suffix: String, longest: Int) throws(ProtocolFault) {
        if let textFault = value.textFault {
            let what = textFault == .containsNUL ? "a NUL character" : "half a surrogate pair"
            throw fault(.invalidText, slot, "\(suffix.isEmpty ? "" : suffix + " ")must not hold \(what)")
        }
        guard value.stringByteCount <= longest else {
            throw fault(.overLimit, slot, "\(suffix.isEmpty ? "" : suffix + " ")must not be over \(longest) bytes")
        }
    }

    func identifier(_ slot: Int) throws(ProtocolFault) -> JSONValue? {
        guard let value = said(slot) else { return nil }
        guard case .string = value.kind else { throw fault(.wrongType, slot, "must be a string") }
        let content = value.rawBytes.dropFirst().dropLast()
        if IdentifierForm.matches(content) { return value }
        if let text = value.string, IdentifierForm.matches(text.utf8) { return value }
        throw fault(.invalidValue, slot, "must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots")
    }

    func bool(_ slot: Int) throws(ProtocolFault) -> Bool? {
        guard let value = said(slot) else { return nil }
        guard let bool = value.bool else { throw fault(.wrongType, slot, "must be true or false") }
        return bool
    }

    func object(_ slot: Int) throws(ProtocolFault) -> JSONValue? {
        guard let value = said(slot) else { return nil }
        guard case .object = value.kind else { throw fault(.wrongType, slot, "must be an object") }
        return value
    }

    func array(_ slot: Int, longest: Int) throws(ProtocolFault) -> JSONValue? {
        guard let value = said(slot) else { return nil }
        guard case .array = value.kind else { throw fault(.wrongType, slot, "must be an array") }
        guard value.count <= longest else { throw fault(.overLimit, slot, "must not have over \(longest) elements") }
        return value
    }

    /// A member that must be a time in one of the forms of the wire.
    func time(_ slot: Int) throws(ProtocolFault) -> JSONValue? {
        guard let value = said(slot) else { return nil }
        guard case .string = value.kind else { throw fault(.wrongType, slot, "must be a string") }
        guard value.timeMicroseconds != nil else {
            throw fault(.invalidValue, slot, "must be a time such as 2010-11-24 14:13:54 -0800 or 2010-11-24T22:13:54Z")
        }
        return value
    }
}

// MARK: - Values that were checked

extension JSONValue {
    /// The instant that a string names; without an allocation where it holds no escapes.
    var timeMicroseconds: Int64? {
        let content = rawBytes.dropFirst().dropLast()
        if let microseconds = WireTimeReader.microseconds(of: content) { return microseconds }
        guard content.contains(UInt8(ascii: "\\")), let text = string else { return nil }
        return WireTimeReader.microseconds(of: Array(text.utf8)[...])
    }

    var wireTime: WireTime? {
        guard let microseconds = timeMicroseconds, let text = string else { return nil }
        return WireTime(checked: text, microseconds: microseconds)
    }

    func identifier<Kind: IdentifiedKind>(_ kind: Kind.Type = Kind.self) -> Identifier<Kind>? {
        string.map { Identifier(checked: $0) }
    }
}

extension JSONMatch {
    /// What a member holds; `nil` where it is absent or `null`.
    func said(_ slot: Int) -> JSONValue? {
        guard let value = self[slot], !value.isNull else { return nil }
        return value
    }
}
