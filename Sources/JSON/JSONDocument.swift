internal import CSIMDJSON

/// A JSON text that was read once and is valid from its first byte to its last.
///
/// Valid means RFC 8259: UTF-8, grammar, every number and escape, nothing after the value, no byte order mark, no raw
/// control character in a string. What a decoder may stumble over but the grammar allows is kept as it is and met only
/// by who asks for it: `\u0000`, lone surrogates, `1e400000`, integers of any size, members of the same name.
package struct JSONDocument: Sendable {
    let storage: JSONStorage

    /// Validates all of `bytes`; costs two allocations whatever the document holds.
    ///
    /// - Parameters:
    ///   - maximumDepth: How many objects and arrays may stand in each other.
    ///   - maximumValueCount: How many values the document may hold; each takes 28 bytes of memory.
    package init(
        parsing bytes: [UInt8],
        maximumDepth: Int = 64,
        maximumValueCount: Int = 200_000,
    ) throws(JSONError) {
        let result = unsafe bytes.withUnsafeBufferPointer { buffer in
            let depth = UInt32(clamping: maximumDepth)
            return unsafe csimdjson_parse(
                buffer.baseAddress,
                buffer.count,
                depth,
                UInt32(clamping: maximumValueCount)
            )
        }
        if let error = JSONError(result, maximumDepth: maximumDepth, maximumValueCount: maximumValueCount) {
            throw error
        }
        let count = Int(result.node_count)
        let nodes = unsafe [csimdjson_node](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            guard let start = buffer.baseAddress else { return }
            unsafe csimdjson_take_nodes(start, result.node_count)
            initializedCount = count
        }
        storage = JSONStorage(bytes: bytes, nodes: nodes)
    }

    /// The text itself, as it was given.
    package var bytes: [UInt8] {
        storage.bytes
    }

    /// The one value that the text is.
    package var root: JSONValue {
        JSONValue(storage: storage, index: 0)
    }
}

// MARK: - All values, however deep

extension JSONDocument {
    /// Whether a string or a name anywhere holds `\u0000` or a lone surrogate and so is no text.
    package var holdsUnreadableText: Bool {
        let faults =
            CSIMDJSON_VALUE_HAS_NUL | CSIMDJSON_VALUE_HAS_LONE_SURROGATE | CSIMDJSON_KEY_HAS_NUL
            | CSIMDJSON_KEY_HAS_LONE_SURROGATE
        return storage.nodes.contains { Int($0.flags) & faults != 0 }
    }

    /// Every number, in order.
    package var numbers: [JSONValue] {
        storage.nodes.indices.filter { Int(storage.nodes[$0].kind) == CSIMDJSON_NUMBER }
            .map { JSONValue(storage: storage, index: $0) }
    }

    /// The values of all members that have one of the names, in order, but for those within another such value.
    package func values(named names: JSONMemberNames) -> [JSONValue] {
        var found: [JSONValue] = []
        var index = 0
        while index < storage.nodes.count {
            let node = storage.nodes[index]
            guard node.key_end != 0, names.slot(of: node, in: bytes) != nil else {
                index += 1
                continue
            }
            found.append(JSONValue(storage: storage, index: index))
            index = Int(node.next)
        }
        return found
    }
}

/// What all cursors into one document share.
final class JSONStorage: Sendable {
    let bytes: [UInt8]
    let nodes: [csimdjson_node]

    init(bytes: [UInt8], nodes: [csimdjson_node]) {
        self.bytes = bytes
        self.nodes = nodes
    }
}
