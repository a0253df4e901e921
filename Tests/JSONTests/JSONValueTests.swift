import JSON
import Testing

@Suite struct JSONValueTests {
    private func root(_ text: String) throws -> JSONValue {
        try JSONDocument(parsing: Array(text.utf8)).root
    }

    @Test func `a member is found by its decoded name`() throws {
        let object = try root(#"{"uui":0,"\u0075uid":1,"uuid":2}"#)
        #expect(object.member("uuid")?.integer == 1)
        #expect(object.member("uui")?.integer == 0)
        #expect(object.member("u") == nil)
        #expect(object.duplicateMember?.value.integer == 2)
        #expect(try root("[1]").member("uuid") == nil)
    }

    @Test func `ranges cut the document where the grammar says`() throws {
        let text = #"{ "a" : [ 1 , {} ] , "b":"x" }"#
        let object = try root(text)
        let members = Array(object.members)
        func slice(_ range: Range<Int>?) -> String? {
            range.map { String(decoding: Array(text.utf8)[$0], as: UTF8.self) }
        }
        #expect(slice(members[0].byteRange) == #""a" : [ 1 , {} ]"#)
        #expect(slice(members[0].value.byteRange) == "[ 1 , {} ]")
        #expect(slice(members[1].value.memberByteRange) == #""b":"x""#)
        #expect(object.memberByteRange == nil)
        #expect(members[0].value.elements.map(\.rawText) == ["1", "{}"])
        #expect(members[0].value.elements.allSatisfy { $0.memberByteRange == nil })
    }

    @Test func `text that cannot be stored is told apart from text`() throws {
        let values = Array(try root(#"["a\u0000","\ud83d\udcf7","\ud83d","\u0000\udc00",1]"#).elements)
        #expect(values.map(\.textFault) == [.containsNUL, nil, .containsLoneSurrogate, .containsNUL, nil])
        #expect(values.map(\.string) == [nil, "📷", nil, nil, nil])
    }

    @Test(arguments: [
        (#""\ud800\udc00""#, "\u{10000}"), (#""\udbff\udfff""#, "\u{10FFFF}"), (#""\uD83D\uDFFF""#, "\u{1F7FF}"),
        (#""\ud7ff\ue000""#, "\u{D7FF}\u{E000}"),
        (#""\uffff\u0080\u07FF\u0800\u007f""#, "\u{FFFF}\u{80}\u{7FF}\u{800}\u{7F}"),
    ])
    func `escapes are decoded up to the ends of their ranges`(text: String, decoded: String) throws {
        #expect(try root(text).string == decoded)
    }

    @Test(arguments: [
        #""\ud800\ue000""#, #""\udbff\udbff""#, #""\udc00\udc00""#, #""\udfff""#, #""\ud800x""#, #""\ud800\n""#,
    ])
    func `half a pair is none at any end of its range`(text: String) throws {
        #expect(try root(text).textFault == .containsLoneSurrogate)
    }

    @Test func `a string is compared decoded`() throws {
        #expect(try root(#""p\u0065nding""#).isString("pending"))
        #expect(try root(#""pending""#).isString("pending"))
        #expect(!(try root(#""pending ""#).isString("pending")))
        #expect(!(try root("1").isString("1")))
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("-7", -7), ("9223372036854775807", Int.max), ("9223372036854775808", nil), ("1.0", nil),
        ("1e2", nil), ("\"1\"", nil), ("true", nil),
    ])
    func `an integer is one that fits and is written without fraction or exponent`(text: String, value: Int?) throws {
        #expect(try root(text).integer == value)
    }

    @Test func `names that differ only in lone surrogates or normal form are different`() throws {
        #expect(try root(#"{"\ud800":1,"\ud801":2,"\udc00":3}"#).duplicateMember == nil)
        #expect(try root(#"{"\ud800":1,"\uD800":2}"#).duplicateMember?.value.integer == 2)
        #expect(try root("{\"e\u{301}\":1,\"\u{E9}\":2}").duplicateMember == nil)
        #expect(try root(#"{"\u0000":1}"#).members.map(\.name) == [nil])
    }

    @Test func `the repeated one of very many names is found`() throws {
        let members = (0..<50_000).map { "\"\($0)\":0" } + ["\"777\":1"]
        #expect(try root("{" + members.joined(separator: ",") + "}").duplicateMember?.value.integer == 1)
    }

    @Test func `members are sorted into slots by name, and what repeats or fits none is known`() throws {
        let names = JSONMemberNames(["uuid", "name", "role"])
        let match = try root(#"{"n\u0061me":"N","x":1,"uuid":"U","y":2}"#).matched(names)
        #expect(match[0]?.string == "U")
        #expect(match[1]?.string == "N")
        #expect(match[2] == nil)
        #expect(match.unmatched.map(\.name) == ["x", "y"])
        #expect(match.repeated == nil)
        #expect(try root(#"{"name":1,"n\u0061me":2}"#).matched(names).repeated?.value.integer == 2)
        #expect(try root(#"{"x":1,"\u0078":2}"#).matched(names).repeated?.value.integer == 2)
        let long = JSONMemberNames(["custom_fields", "customer", "custom_status"])
        let similar = try root(#"{"custom_fieldz":1,"customes":2,"custom_status":3,"customer":4}"#).matched(long)
        #expect([similar[0], similar[1], similar[2]].map { $0?.integer } == [nil, 4, 3])
        #expect(try root(#"{"":1,"names":2,"a longer name than any":3}"#).matched(names).unmatchedCount == 3)
    }
}
