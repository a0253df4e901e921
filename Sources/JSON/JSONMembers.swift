internal import CSIMDJSON

/// A name and its value in an object.
package struct JSONMember: Sendable {
    /// What stands after the colon.
    package let value: JSONValue

    /// The decoded name; `nil` where it holds `\u0000` or a lone surrogate and so is no text.
    package var name: String? {
        let flags = Int(value.node.flags)
        guard flags & (CSIMDJSON_KEY_HAS_NUL | CSIMDJSON_KEY_HAS_LONE_SURROGATE) == 0 else { return nil }
        return String(decoding: nameBytes, as: UTF8.self)
    }

    /// The decoded name's bytes, by which names are compared; a lone surrogate takes the three bytes of WTF-8.
    package var nameBytes: [UInt8] {
        isEscaped ? JSONEscapes.decoded(nameContent) : Array(nameContent)
    }

    /// The name as it is written, quotes included.
    package var rawName: ArraySlice<UInt8> {
        let node = value.node
        return value.storage.bytes[Int(node.key_start)..<Int(node.key_end)]
    }

    /// From the opening quote of the name to the end of the value.
    package var byteRange: Range<Int> {
        let node = value.node
        return Int(node.key_start)..<Int(node.end)
    }

    /// Whether the decoded name is exactly this one.
    package func isNamed(_ name: String) -> Bool {
        isEscaped ? JSONEscapes.decoded(nameContent).elementsEqual(name.utf8) : nameContent.elementsEqual(name.utf8)
    }

    var isEscaped: Bool {
        Int(value.node.flags) & CSIMDJSON_KEY_ESCAPED != 0
    }

    var nameContent: ArraySlice<UInt8> {
        rawName.dropFirst().dropLast()
    }
}

/// The values directly inside a container, in the order of the document.
package struct JSONElements: Sequence, IteratorProtocol, Sendable {
    private let storage: JSONStorage
    private var index: Int
    private let end: Int

    init(of container: JSONValue) {
        storage = container.storage
        index = container.index + 1
        end = Int(container.node.next)
    }

    /// The next value; `nil` after the last one.
    package mutating func next() -> JSONValue? {
        guard index < end else { return nil }
        defer { index = Int(storage.nodes[index].next) }
        return JSONValue(storage: storage, index: index)
    }
}

/// The members of an object, in the order of the document.
package struct JSONMembers: Sequence, IteratorProtocol, Sendable {
    private var values: JSONElements

    init(of object: JSONValue) {
        values = JSONElements(of: object)
    }

    /// The next member; `nil` after the last one.
    package mutating func next() -> JSONMember? {
        values.next().map(JSONMember.init)
    }
}

// MARK: - Access

extension JSONValue {
    /// What an array holds, in order; the values of an object's members, too; nothing for the rest.
    package var elements: JSONElements {
        JSONElements(of: self)
    }

    /// What an object holds, in order; nothing for the rest.
    package var members: JSONMembers {
        precondition(kind == .object || count == 0, "only an object has members")
        return JSONMembers(of: self)
    }

    /// The value of the first member of this name, compared decoded: `"\u0075uid"` is `uuid`.
    package func member(_ name: String) -> JSONValue? {
        guard kind == .object else { return nil }
        return members.first { $0.isNamed(name) }?.value
    }

    /// The first member whose decoded name an earlier one has already; takes time in proportion to the members.
    package var duplicateMember: JSONMember? {
        kind == .object ? firstRepeated(of: Array(members)) : nil
    }
}

/// The first of these whose decoded name stands earlier among them.
///
/// Few are compared pair by pair, which allocates nothing; many through a set, as a hostile object may hold 100,000.
func firstRepeated(of members: [JSONMember]) -> JSONMember? {
    guard members.count > 8 || members.contains(where: \.isEscaped) else {
        for (index, member) in members.enumerated() {
            let content = member.nameContent
            if members[..<index].contains(where: { $0.nameContent == content }) { return member }
        }
        return nil
    }
    var seen: Set<[UInt8]> = []
    return members.first { !seen.insert($0.nameBytes).inserted }
}
