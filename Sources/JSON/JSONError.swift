internal import CSIMDJSON

/// Why a document was refused, and where.
package struct JSONError: Error, Sendable, Equatable {
    /// What is wrong, for a program to decide on.
    package let kind: Kind

    /// The first byte at fault, counted from 0; the length of the document where it ended early.
    package let offset: Int

    /// Names a fault and its place.
    package init(kind: Kind, offset: Int) {
        self.kind = kind
        self.offset = offset
    }
}

extension JSONError {
    /// The faults a document can have; limits carry their value, so that a message can name it.
    package enum Kind: Sendable, Equatable {
        case empty
        case invalidUTF8
        case controlCharacter
        case unclosedString
        case malformedEscape
        case malformedNumber
        case unexpectedByte
        case endedEarly
        case trailingContent
        case tooLarge
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case outOfMemory
    }

    /// Turns the tokenizer's verdict into a kind; `nil` where the document is well-formed.
    init?(_ result: csimdjson_result, maximumDepth: Int, maximumValueCount: Int) {
        guard result.status != CSIMDJSON_OK else { return nil }
        let kinds: [Int: Kind] = [
            CSIMDJSON_EMPTY: .empty,
            CSIMDJSON_TOO_LARGE: .tooLarge,
            CSIMDJSON_TOO_DEEP: .tooDeep(limit: maximumDepth),
            CSIMDJSON_TOO_MANY_VALUES: .tooManyValues(limit: maximumValueCount),
            CSIMDJSON_INVALID_UTF8: .invalidUTF8,
            CSIMDJSON_CONTROL_CHARACTER: .controlCharacter,
            CSIMDJSON_UNCLOSED_STRING: .unclosedString,
            CSIMDJSON_MALFORMED_ESCAPE: .malformedEscape,
            CSIMDJSON_MALFORMED_NUMBER: .malformedNumber,
            CSIMDJSON_ENDED_EARLY: .endedEarly,
            CSIMDJSON_TRAILING_CONTENT: .trailingContent,
            CSIMDJSON_UNEXPECTED: .unexpectedByte,
        ]
        self.init(kind: kinds[Int(result.status)] ?? .outOfMemory, offset: result.offset)
    }
}

extension JSONError: CustomStringConvertible {
    /// A phrase fit for an answer's detail, such as `depth over 64 at byte 1234`; it repeats nothing of the document.
    package var description: String {
        switch kind {
        case .empty: "no JSON value"
        case .invalidUTF8: "invalid UTF-8 at byte \(offset)"
        case .controlCharacter: "control character in a string at byte \(offset)"
        case .unclosedString: "string without end from byte \(offset)"
        case .malformedEscape: "malformed escape at byte \(offset)"
        case .malformedNumber: "malformed number at byte \(offset)"
        case .unexpectedByte: "unexpected character at byte \(offset)"
        case .endedEarly: "ended early at byte \(offset)"
        case .trailingContent: "content after the end at byte \(offset)"
        case .tooLarge: "document over \(offset) bytes"
        case .tooDeep(let limit): "depth over \(limit) at byte \(offset)"
        case .tooManyValues(let limit): "over \(limit) values at byte \(offset)"
        case .outOfMemory: "no memory to read the document"
        }
    }
}
