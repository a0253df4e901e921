import Foundation
import JSON
import Testing

@Suite struct JSONWriterTests {
    @Test func `values are separated and nested as the grammar wants`() {
        var writer = JSONWriter()
        writer.object {
            $0.member("a", "x")
            $0.name("b")
            $0.array {
                $0.integer(-12)
                $0.array { _ in }
                $0.object { _ in }
                $0.null()
            }
            $0.member("c", true)
            $0.member("d", UInt64.max)
            $0.name("e")
            $0.raw(Array("{ \"f\" : 1e9 }".utf8))
            $0.rawName(Array(#""\ud800""#.utf8))
            $0.bool(false)
        }
        let expected =
            #"{"a":"x","b":[-12,[],{},null],"c":true,"d":18446744073709551615,"e":{ "f" : 1e9 },"\ud800":false}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test func `an error from within an object leaves through it`() {
        struct Stop: Error {}
        var writer = JSONWriter()
        #expect(throws: Stop.self) { try writer.object { _ in throw Stop() } }
    }

    @Test func `every string comes back as it was`() throws {
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let scalars = (0..<Int.random(in: 0..<40, using: &random)).compactMap { _ in
                let limit: UInt32 = [0x60, 0x800, 0x11_0000].randomElement(using: &random)!
                return UnicodeScalar(UInt32.random(in: 1..<limit, using: &random))
            }
            let text = String(String.UnicodeScalarView(scalars))
            var writer = JSONWriter()
            writer.string(text)
            let read = try #require(try JSONDocument(parsing: writer.bytes).root.string)
            try #require(Array(read.utf8) == Array(text.utf8), "seed \(seed)")
            // Foundation's reader drops some byte order marks.
            let other = try JSONSerialization.jsonObject(with: Data(writer.bytes), options: .fragmentsAllowed)
            try #require((other as? String).map(Self.unmarked) == Self.unmarked(text), "seed \(seed)")
        }
    }

    private static func unmarked(_ text: String) -> [UnicodeScalar] {
        text.unicodeScalars.filter { $0 != "\u{FEFF}" }
    }

    @Test func `control characters are escaped, what may stand is not`() {
        var writer = JSONWriter()
        writer.string("\u{0}\u{1}\u{8}\t\n\u{C}\r\u{1F}\"\\/é\u{7F}\u{2028}📷")
        let expected = #""\u0000\u0001\b\t\n\f\r\u001f\"\\/é"# + "\u{7F}\u{2028}📷\""
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: [Int64.min, -1, 0, 7, 10, 1_000_000, Int64.max])
    func `integers are written in full`(number: Int64) {
        var writer = JSONWriter()
        writer.integer(number)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "\(number)")
    }
}
