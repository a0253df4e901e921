import Cryptography
import Delivery
import Testing

@Suite struct RetryScheduleTests {
    @Test(arguments: [("5s", 95_040), ("5s,2d,1m", 190_080), ("", 95_040)])
    func `nothing is due later than its longest pause, or a partner's, and a tenth`(text: String, seconds: Int) throws {
        let schedule = text.isEmpty ? RetrySchedule(pauses: []) : try #require(RetrySchedule(text))
        #expect(schedule.longestWait == .seconds(seconds))
    }

    private static let least = Randomness { [UInt8](repeating: 0, count: $0) }
    private static let most = Randomness { [UInt8](repeating: 255, count: $0) }

    @Test func `ten pauses from seconds to a day, then no more`() {
        let schedule = RetrySchedule.standard
        let pauses = (1...11).map { schedule.pause(afterTry: $0, randomness: Self.least) }
        #expect(
            pauses
                == [5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, nil].map { $0.map { .seconds($0) } }
        )
    }

    @Test func `up to a tenth is added`() throws {
        let longest = try #require(RetrySchedule.standard.pause(afterTry: 2, randomness: Self.most))
        #expect(longest > .seconds(65.9) && longest < .seconds(66))
    }

    @Test func `a partner can ask for a longer pause, but not for a shorter one`() {
        let schedule = RetrySchedule(pauses: [.seconds(60)])
        #expect(schedule.pause(afterTry: 1, requested: .seconds(90), randomness: Self.least) == .seconds(90))
        #expect(schedule.pause(afterTry: 1, requested: .seconds(1), randomness: Self.least) == .seconds(60))
        #expect(schedule.pause(afterTry: 1, requested: .seconds(900_000), randomness: Self.least) == .seconds(86_400))
        #expect(schedule.pause(afterTry: 2, requested: .seconds(90), randomness: Self.least) == nil)
    }

    @Test func `a schedule without pauses has one try`() {
        #expect(RetrySchedule(pauses: []).pause(afterTry: 1, randomness: Self.least) == nil)
    }

    @Test(arguments: [("1s,2s", [1, 2]), ("5s,1m,2h,1d", [5, 60, 7200, 86_400]), ("0s", [0])])
    func `a schedule can be written down`(text: String, seconds: [Int]) {
        #expect(RetrySchedule(text)?.pauses == seconds.map { .seconds($0) })
    }

    @Test(arguments: ["", "1", "s", "1s,", ",1s", "-1s", "1x", "1.5s", "99999999999999999999s", "1 s"])
    func `anything else is no schedule`(text: String) {
        #expect(RetrySchedule(text) == nil)
    }
}
