internal import CSIMDJSON

/// The names of the members that a reader of some kind of object interprets; made once, matched in one pass.
package final class JSONMemberNames: Sendable {
    /// The names, in the order of their slots.
    package let names: [String]

    private let bytes: [[UInt8]]
    private let firstWords: [UInt64]
    private let slotsByLength: [UInt32]

    /// Takes at most ``JSONMatch/capacity`` different names.
    package init(_ names: [String]) {
        precondition(names.count <= JSONMatch.capacity, "more names than slots")
        self.names = names
        bytes = names.map { Array($0.utf8) }
        firstWords = bytes.map { Self.firstWord(of: $0, from: 0, count: $0.count) }
        var slotsByLength: [UInt32] = []
        for (slot, name) in bytes.enumerated() {
            slotsByLength += Array(repeating: 0, count: max(0, name.count + 1 - slotsByLength.count))
            slotsByLength[name.count] |= 1 << UInt32(slot)
        }
        self.slotsByLength = slotsByLength
    }

    /// The slot of the name that a member has, compared decoded.
    func slot(of node: csimdjson_node, in document: [UInt8]) -> Int? {
        let start = Int(node.key_start) + 1
        let count = Int(node.key_end) - 1 - start
        guard Int(node.flags) & CSIMDJSON_KEY_ESCAPED == 0 else {
            return bytes.firstIndex(of: JSONEscapes.decoded(document[start..<start + count]))
        }
        guard count < slotsByLength.count else { return nil }
        var candidates = slotsByLength[count]
        guard candidates != 0 else { return nil }
        let word = Self.firstWord(of: document, from: start, count: count)
        while candidates != 0 {
            let slot = candidates.trailingZeroBitCount
            if firstWords[slot] == word {
                let isSame = count <= 8 || document[(start + 8)..<(start + count)].elementsEqual(bytes[slot][8...])
                if isSame { return slot }
            }
            candidates &= candidates - 1
        }
        return nil
    }

    /// The first eight bytes of a name in one word, which tells most names apart in one comparison.
    private static func firstWord(of bytes: [UInt8], from start: Int, count: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes { buffer in
            guard start + 8 <= buffer.count else {
                return (0..<min(8, count)).reduce(0) { $0 | UInt64(unsafe buffer[start + $1]) << UInt64($1 * 8) }
            }
            let word = UInt64(littleEndian: unsafe buffer.loadUnaligned(fromByteOffset: start, as: UInt64.self))
            return count >= 8 ? word : word & (1 << UInt64(count * 8) - 1)
        }
    }
}

/// An object's members sorted into the slots of some names; made without allocating.
package struct JSONMatch: Sendable {
    /// How many names can be told apart.
    package static var capacity: Int { 16 }

    /// The object itself.
    package let object: JSONValue

    /// How many members have none of the names.
    package private(set) var unmatchedCount = 0

    private let names: JSONMemberNames
    private var slots = InlineArray<16, Int32>(repeating: 0)
    private var repeatedIndex = 0

    init(_ object: JSONValue, names: JSONMemberNames) {
        self.object = object
        self.names = names
        let nodes = object.storage.nodes
        let bytes = object.storage.bytes
        let end = Int(nodes[object.index].next)
        var index = object.index + 1
        while index < end {
            let node = nodes[index]
            if let slot = names.slot(of: node, in: bytes) {
                if slots[slot] != 0, repeatedIndex == 0 { repeatedIndex = index }
                slots[slot] = Int32(index)
            } else {
                unmatchedCount += 1
            }
            index = Int(node.next)
        }
    }

    /// The value of the member with the name of this slot; the last one where the name is repeated.
    package subscript(slot: Int) -> JSONValue? {
        slots[slot] == 0 ? nil : JSONValue(storage: object.storage, index: Int(slots[slot]))
    }

    /// A member whose name stands twice in the object, whether it is one of the names or not.
    package var repeated: JSONMember? {
        if repeatedIndex != 0 { return JSONMember(value: JSONValue(storage: object.storage, index: repeatedIndex)) }
        return unmatchedCount < 2 ? nil : firstRepeated(of: unmatched)
    }

    /// Whether a member of the object has one of the names.
    package func isNamed(_ member: JSONMember) -> Bool {
        names.slot(of: member.value.node, in: object.storage.bytes) != nil
    }

    /// The members with none of the names, in order.
    package var unmatched: [JSONMember] {
        guard unmatchedCount > 0 else { return [] }
        return object.members.filter { !isNamed($0) }
    }
}

extension JSONValue {
    /// Sorts an object's members by name in one pass; finds nothing in what is no object.
    package func matched(_ names: JSONMemberNames) -> JSONMatch {
        precondition(kind == .object, "only an object has members")
        return JSONMatch(self, names: names)
    }
}
