import JSON
import Testing

@Suite struct JSONDocumentTests {
    @Test(arguments: [
        (#""#, JSONError.Kind.empty, 0),
        ("  \n", .empty, 0),
        ("\u{FEFF}{}", .unexpectedByte, 0),
        ("[1,]", .unexpectedByte, 3),
        ("{\"a\":1,}", .unexpectedByte, 7),
        ("{\"a\" 1}", .unexpectedByte, 5),
        ("{\"a\":\"b\":}}", .unexpectedByte, 8),
        ("[\"a\":]]", .unexpectedByte, 4),
        ("[\"a\",\"b\":1]]", .unexpectedByte, 8),
        ("{1:2}", .unexpectedByte, 1),
        ("{\"a\",1}", .unexpectedByte, 4),
        ("{\"a\"}", .unexpectedByte, 4),
        ("[1 2]", .unexpectedByte, 3),
        ("[1}", .unexpectedByte, 2),
        ("[\u{0}]", .unexpectedByte, 1),
        ("[", .endedEarly, 1),
        ("[1", .endedEarly, 2),
        ("{\"a\":", .endedEarly, 5),
        ("{\"a\"", .endedEarly, 4),
        ("{\"a", .unclosedString, 1),
        ("\"\\\"", .unclosedString, 0),
        ("[1] ]", .trailingContent, 4),
        ("1 2", .trailingContent, 2),
        ("\"a\"x", .trailingContent, 3),
        ("1\"a\"", .malformedNumber, 1),
        ("tru", .unexpectedByte, 0),
        ("nullx", .unexpectedByte, 0),
        ("True", .unexpectedByte, 0),
        ("01", .malformedNumber, 1),
        ("-", .malformedNumber, 1),
        ("1.", .malformedNumber, 2),
        (".5", .unexpectedByte, 0),
        ("+1", .unexpectedByte, 0),
        ("1e", .malformedNumber, 2),
        ("0x10", .malformedNumber, 1),
        ("NaN", .unexpectedByte, 0),
        ("[\"\\x\"]", .malformedEscape, 2),
        ("\"\\u12G4\"", .malformedEscape, 1),
        ("\"\\u123\"", .malformedEscape, 1),
        ("\"\\ud800\\u12\"", .malformedEscape, 7),
        ("{\"\\q\":1}", .malformedEscape, 2),
        ("\"a\u{0}\"", .controlCharacter, 2),
        ("\"a\nb\"", .controlCharacter, 2),
        ("[\\\"a]", .unexpectedByte, 1),
        ("// a\n1", .unexpectedByte, 0),
    ])
    func `what is not JSON is refused at the byte where it goes wrong`(
        text: String,
        kind: JSONError.Kind,
        offset: Int,
    ) {
        #expect(throws: JSONError(kind: kind, offset: offset)) {
            try JSONDocument(parsing: Array(text.utf8))
        }
    }

    @Test(arguments: ["[1\u{0C}]", "[1\u{1A}2]", "[\u{0B}1]", "1\u{0}", "\u{A0}1", "[1\u{2028}]", "{\u{0C}}"])
    func `no space but JSON's own is taken for space`(text: String) {
        #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text.utf8)) }
    }

    @Test(
        arguments: [
            ([0x22, 0xFF, 0x22], 1),
            ([0x22, 0x61, 0xC0, 0x80, 0x22], 2),
            ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
            ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
            ([0x22, 0xE2, 0x82, 0x22], 1),
            ([0x31, 0x80], 1),
        ] as [([UInt8], Int)]
    )
    func `bytes that are not UTF-8 are refused wherever they stand`(bytes: [UInt8], offset: Int) {
        #expect(throws: JSONError(kind: .invalidUTF8, offset: offset)) { try JSONDocument(parsing: bytes) }
    }

    @Test(arguments: [
        #"{"a":"\u0000"}"#, #"["\ud800","\udc00\ud800"]"#, "[1e400000,-1E-999999]",
        "[123456789012345678901234567890123456789012345678901234567890]", #"{"a":1,"a":2}"#, " 1 ", "\"\"", "null",
        "{}", "[]", "[[],{}]", "\"\u{7F}\"",
    ])
    func `what the grammar allows is taken and kept as it is`(text: String) throws {
        let document = try JSONDocument(parsing: Array(text.utf8))
        #expect(document.root.rawText == text.trimmingSpace)
        #expect(document.bytes == Array(text.utf8))
    }

    @Test func `depth and values are bounded, and the message says where`() throws {
        let nested = Array((String(repeating: "[", count: 65) + String(repeating: "]", count: 65)).utf8)
        let tooDeep = #expect(throws: JSONError.self) { try JSONDocument(parsing: nested) }
        #expect(tooDeep?.description == "depth over 64 at byte 64")
        #expect(throws: Never.self) { try JSONDocument(parsing: nested, maximumDepth: 65) }
        #expect(throws: Never.self) { try JSONDocument(parsing: Array(nested[1..<129])) }
        #expect(throws: JSONError(kind: .tooManyValues(limit: 3), offset: 5)) {
            try JSONDocument(parsing: Array("[1,2,3]".utf8), maximumValueCount: 3)
        }
        #expect(throws: JSONError(kind: .tooDeep(limit: 0), offset: 0)) {
            try JSONDocument(parsing: Array("{}".utf8), maximumDepth: 0)
        }
    }

    @Test func `a document far over what a thread keeps is read, and the next small one too`() throws {
        let element = #"{"k":"\u00e9 and some text"},"#
        let large = Array(("[" + String(repeating: element, count: 40_000) + "0]").utf8)
        #expect(try JSONDocument(parsing: large).root.count == 40_001)
        #expect(try JSONDocument(parsing: Array("[1]".utf8)).root.count == 1)
        #expect(throws: JSONError(kind: .endedEarly, offset: large.count - 1)) {
            try JSONDocument(parsing: large.dropLast())
        }
    }

    @Test func `every truncation of a real body is refused`() throws {
        let bodies = try WireSample.bodies()
        #expect(bodies.count == 9)
        for body in bodies {
            #expect(throws: Never.self) { try JSONDocument(parsing: body) }
            let accepted = body.indices.filter { (try? JSONDocument(parsing: Array(body[..<$0]))) != nil }
            #expect(accepted == [])
        }
    }

    @Test func `generated documents read as a simple reader reads them`() throws {
        let seed = SeededGenerator.seed
        var generator = DocumentGenerator(seed: seed)
        for number in 0..<2_000 {
            let bytes = generator.document()
            let expected = try ReferenceReader.read(bytes)
            let document = try JSONDocument(parsing: bytes)
            guard Comparison.matches(document.root, expected) else {
                Issue.record("seed \(seed), document \(number): \(String(decoding: bytes, as: UTF8.self))")
                return
            }
        }
    }

    @Test func `mutated documents are taken or refused as a simple reader does`() throws {
        let seed = SeededGenerator.seed
        var generator = DocumentGenerator(seed: seed)
        let bodies = try WireSample.bodies()
        var refused = 0
        for number in 0..<20_000 {
            let real = bodies[number / 4 % bodies.count]
            let bytes = generator.mutated(number % 4 == 0 ? real : generator.document())
            let expected = try? ReferenceReader.read(bytes)
            let root = try? JSONDocument(parsing: bytes).root
            let agrees =
                switch (root, expected) {
                case (let root?, let expected?): Comparison.matches(root, expected)
                case (nil, nil): true
                default: false
                }
            refused += root == nil ? 1 : 0
            guard agrees else {
                let text = String(decoding: bytes, as: UTF8.self).debugDescription
                Issue.record("seed \(seed), mutation \(number): \(text)")
                return
            }
        }
        #expect(refused > 5_000 && refused < 19_900)
    }

    @Test func `threads parse side by side without mixing their buffers`() async throws {
        let counts = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let text = "[" + (0...number).map { "\"\($0)\"" }.joined(separator: ",") + "]"
                    let elements = try JSONDocument(parsing: Array(text.utf8)).root.elements
                    return elements.map(\.string) == (0...number).map { "\($0)" }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts == Array(repeating: true, count: 200))
    }
}

extension String {
    fileprivate var trimmingSpace: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// Compares what a cursor shows with what the simple reader found, to the last range.
private enum Comparison {
    static func matches(_ value: JSONValue, _ expected: ReferenceReader.Value) -> Bool {
        switch expected {
        case .null(let range):
            return value.isNull && value.kind == .null && value.byteRange == range
        case .bool(let bool, let range):
            return value.bool == bool && value.byteRange == range
        case .number(let range):
            return value.kind == .number && value.byteRange == range && value.integer == Int(value.rawText)
        case .string(let text):
            return value.kind == .string && value.byteRange == text.range && value.string == text.string
                && value.textFault == text.fault
        case .array(let elements, let range):
            return value.kind == .array && value.byteRange == range && value.count == elements.count
                && zip(value.elements, elements).allSatisfy(matches) && Array(value.elements).count == elements.count
        case .object(let members, let range):
            let repeated = members.indices.first { index in
                members[..<index].contains { $0.name.units == members[index].name.units }
            }
            return value.kind == .object && value.byteRange == range && value.count == members.count
                && Array(value.members).count == members.count
                && value.duplicateMember?.byteRange.lowerBound == repeated.map { members[$0].name.range.lowerBound }
                && zip(value.members, members).allSatisfy { member, expected in
                    matches(member.value, expected.value) && member.name == expected.name.string
                        && member.byteRange == expected.name.range.lowerBound..<member.value.byteRange.upperBound
                        && member.value.memberByteRange == member.byteRange
                        && Array(member.rawName).count == expected.name.range.count
                }
        }
    }
}

extension ReferenceReader.Text {
    fileprivate var fault: JSONTextFault? {
        if units.contains(0) { return .containsNUL }
        return String(validating: units, as: UTF16.self) == nil ? .containsLoneSurrogate : nil
    }

    fileprivate var string: String? {
        fault == nil ? String(decoding: units, as: UTF16.self) : nil
    }
}
