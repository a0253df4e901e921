import Foundation
import Testing
import TicketSharing

@Suite struct WireTimeTests {
    private static let noon: Int64 = 1_290_636_834_000_000

    @Test(arguments: [
        ("2010-11-24 14:13:54 -0800", noon), ("2010-11-24T14:13:54-08:00", noon), ("2010-11-24T22:13:54Z", noon),
        ("2010-11-24t22:13:54z", noon), ("2010-11-24 22:13:54 UTC", noon), ("2010-11-24 22:13:54 GMT", noon),
        ("2010-11-24 22:13:54", noon), ("2010-11-24T22:13:54", noon), ("2010-11-25T03:43:54+05:30", noon),
        ("2010-11-24T22:13:54+00", noon), ("2010-11-24T22:13:54.5Z", noon + 500_000),
        ("2010-11-24T22:13:54.1234569Z", noon + 123_456), ("2010-11-24T22:13:54.000001-00:00", noon + 1),
        ("2010-11-24", 1_290_556_800_000_000), ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
        ("2000-02-29", 951_782_400_000_000), ("0001-01-01", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999), ("2010-11-24T24:00:00Z", 1_290_643_200_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000), ("2016-12-31 15:59:60 -0800", 1_483_228_800_000_000),
        ("2016-12-31T23:59:60.5Z", 1_483_228_800_500_000),
    ])
    func `the forms of the wire are read`(text: String, microseconds: Int64) {
        #expect(WireTime(text)?.microseconds == microseconds)
        #expect(WireTime(text)?.text == text)
    }

    @Test(arguments: [
        "", "now", "2010", "2010-11", "2010-1-24", "10-11-24", "2010-02-30", "2011-02-29", "1900-02-29", "2010-04-31",
        "2010-13-01",
        "2010-00-10", "2010-11-00", "0000-01-01", "2010-11-24 ", "2010-11-24T", "2010-11-24T22:13",
        "2010-11-24T24:00:01Z",
        "2010-11-24T25:00:00Z", "2010-11-24T22:60:00Z", "2010-11-24T22:13:61Z", "2010-11-24T22:13:60Z",
        "2016-12-31T23:59:60-08:00",
        "2016-12-30T23:59:60Z", "2010-11-24T22:13:54.Z", "2010-11-24T22:13:54 Z ", "2010-11-24T22:13:54Zx",
        "2010-11-24T22:13:54+24:00", "2010-11-24T22:13:54+08:60", "2010-11-24T22:13:54+8", "2010-11-24T22:13:54 PST",
        "2010-11-24T22:13:54 UMT", "+2010-11-24", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "２010-11-24",
        "2010-11-24T22:13:54.\(String(repeating: "0", count: 60))Z", "2010/11/24 22:13:54", "1290636834",
    ])
    func `anything else, and what no calendar has, is none`(text: String) {
        #expect(WireTime(text) == nil)
    }

    @Test func `instants are written as partners write them`() throws {
        let time = try #require(WireTime(microseconds: Self.noon, in: .spaced))
        #expect(time.text == "2010-11-24 22:13:54 +0000")
        #expect(WireTime(microseconds: Self.noon, in: .xml)?.text == "2010-11-24T22:13:54Z")
        #expect(WireTime(microseconds: Self.noon + 42, in: .xml)?.text == "2010-11-24T22:13:54.000042Z")
        #expect(WireTime(microseconds: -1, in: .xml)?.text == "1969-12-31T23:59:59.999999Z")
        #expect(WireTime(microseconds: Int64.max, in: .xml) == nil)
        #expect(WireTime(microseconds: -62_135_596_800_000_001, in: .xml) == nil)
    }

    @Test func `random instants come back, and agree with Foundation's calendar`() throws {
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            // Foundation switches to the Julian calendar in 1582, and we do not.
            let seconds = Int64.random(in: -12_000_000_000...253_402_300_799, using: &random)
            let time = try #require(WireTime(microseconds: seconds * 1_000_000, in: .xml))
            let other = Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
            try #require(time.text == other, "seed \(seed)")
            try #require(WireTime(time.text) == time)
            let spaced = try #require(WireTime(microseconds: seconds * 1_000_000, in: .spaced))
            try #require(WireTime(spaced.text)?.microseconds == seconds * 1_000_000)
        }
    }

    @Test func `days through all of the calendar are read as they were written`() throws {
        let day: Int64 = 86_400_000_000
        var instant: Int64 = -62_135_596_800_000_000
        var count = 0
        while let time = WireTime(microseconds: instant, in: .xml), count < 20_000 {
            try #require(WireTime(String(time.text.prefix(10)))?.microseconds == instant)
            instant += day * 211
            count += 1
        }
        #expect(count == (3_652_059 + 210) / 211)
    }
}
