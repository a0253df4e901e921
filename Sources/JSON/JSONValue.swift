internal import CSIMDJSON

/// A place in a document; copying it, and asking what stands there, allocates nothing.
package struct JSONValue: Sendable {
    let storage: JSONStorage
    let index: Int

    init(storage: JSONStorage, index: Int) {
        self.storage = storage
        self.index = index
    }

    var node: csimdjson_node {
        storage.nodes[index]
    }
}

// MARK: - What it is

extension JSONValue {
    /// The six kinds of JSON value.
    package enum Kind: Sendable, Equatable {
        case null
        case bool
        case number
        case string
        case array
        case object
    }

    /// What stands here.
    package var kind: Kind {
        switch Int(node.kind) {
        case CSIMDJSON_FALSE, CSIMDJSON_TRUE: .bool
        case CSIMDJSON_NUMBER: .number
        case CSIMDJSON_STRING: .string
        case CSIMDJSON_ARRAY: .array
        case CSIMDJSON_OBJECT: .object
        default: .null
        }
    }

    /// Whether the literal `null` stands here.
    package var isNull: Bool {
        Int(node.kind) == CSIMDJSON_NULL
    }

    /// The truth value; `nil` for anything but `true` and `false`.
    package var bool: Bool? {
        switch Int(node.kind) {
        case CSIMDJSON_TRUE: true
        case CSIMDJSON_FALSE: false
        default: nil
        }
    }

    /// The number, where it is written without fraction and exponent and fits; `nil` otherwise.
    package var integer: Int? {
        let node = node
        guard Int(node.flags) & CSIMDJSON_INTEGER != 0 else { return nil }
        return Int(String(decoding: storage.bytes[Int(node.start)..<Int(node.end)], as: UTF8.self))
    }

    /// How many members or elements it holds; 0 for what holds none.
    package var count: Int {
        Int(node.count)
    }
}

// MARK: - Where it stands

extension JSONValue {
    /// How much memory the document takes that the value stands in, and that stays as long as the value does.
    package var documentByteCount: Int {
        storage.bytes.count + storage.nodes.count * MemoryLayout<csimdjson_node>.stride
    }

    /// The bytes of the document that the value takes up, quotes and brackets included.
    package var byteRange: Range<Int> {
        let node = node
        return Int(node.start)..<Int(node.end)
    }

    /// From the opening quote of the key to the end of the value; `nil` for what is no object's member.
    package var memberByteRange: Range<Int>? {
        let node = node
        return node.key_end == 0 ? nil : Int(node.key_start)..<Int(node.end)
    }

    /// The value as it is written in the document.
    package var rawBytes: ArraySlice<UInt8> {
        storage.bytes[byteRange]
    }

    /// The value as it is written in the document, as text.
    package var rawText: String {
        String(decoding: rawBytes, as: UTF8.self)
    }
}
