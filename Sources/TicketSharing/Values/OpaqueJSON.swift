internal import JSON

/// A JSON value that we do not interpret, kept as the text it was.
package struct OpaqueJSON: Sendable, Equatable {
    /// The value's JSON text, byte for byte.
    package let bytes: [UInt8]

    /// Takes JSON that was validated before, such as a stored member.
    package init(validated bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(_ value: JSONValue) {
        bytes = Array(value.rawBytes)
    }

    /// The value's JSON text.
    package var text: String {
        String(decoding: bytes, as: UTF8.self)
    }

    var isNull: Bool {
        bytes == Self.null
    }

    /// Whether it holds nothing: `{}` or `[]`, however spaced.
    var isEmptyContainer: Bool {
        guard bytes.first == UInt8(ascii: "{") || bytes.first == UInt8(ascii: "[") else { return false }
        return bytes.dropFirst().dropLast().allSatisfy { $0 <= 0x20 }
    }

    private static let null = Array("null".utf8)
}

/// A member that we do not interpret, kept with its name as both were written.
package struct OpaqueMember: Sendable, Equatable {
    /// The name's JSON text, quotes included; it may hold what no text can.
    package let rawName: [UInt8]

    /// What the member holds.
    package let value: OpaqueJSON

    /// Takes a name's JSON text, quotes included, that was validated before.
    package init(validatedName rawName: [UInt8], value: OpaqueJSON) {
        self.rawName = rawName
        self.value = value
    }

    init(_ member: JSONMember) {
        rawName = Array(member.rawName)
        value = OpaqueJSON(member.value)
    }

    /// The decoded name, by which members are the same or not.
    var name: [UInt8] {
        JSONEscapes.decoded(rawName.dropFirst().dropLast())
    }
}

extension JSONMatch {
    /// The members that fitted none of the names.
    var opaqueMembers: [OpaqueMember] {
        unmatched.map(OpaqueMember.init)
    }
}

extension JSONWriter {
    mutating func members(_ members: [OpaqueMember]) {
        for member in members {
            rawName(member.rawName)
            raw(member.value.bytes)
        }
    }
}
