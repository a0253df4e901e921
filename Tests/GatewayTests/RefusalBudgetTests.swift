import Gateway
import Ledger
import Testing

@Suite struct RefusalBudgetTests {
    private let noon = Timestamp(microseconds: 1_769_860_800_000_000)

    private func later(_ seconds: Int) -> Timestamp {
        noon.advanced(by: .seconds(seconds))
    }

    @Test func `a source is recorded sixty times a minute, then counted, then recorded again`() {
        let budget = RefusalBudget(at: noon)
        let admitted = (0..<100).filter { _ in budget.admit("a", at: noon) }.count
        #expect(admitted == RefusalBudget.limitPerMinute)
        #expect(budget.admit("b", at: noon))
        #expect(budget.takeUncounted().map(\.source) == ["a"])
        #expect(budget.takeUncounted().isEmpty)
        #expect(budget.admit("a", at: later(60)))
    }

    @Test func `counts say how many there were, of whom, and since when`() {
        let budget = RefusalBudget(at: noon)
        for second in 0..<59 {
            _ = budget.admit("a", at: later(second))
            _ = budget.admit("a", at: later(second))
        }
        let uncounted = budget.takeUncounted()
        #expect(uncounted.count == 1)
        #expect(uncounted.first?.count == 118 - RefusalBudget.limitPerMinute)
        #expect(uncounted.first?.since == later(30))
    }

    @Test func `ten thousand a day are recorded in all, across a restart, until midnight`() {
        let budget = RefusalBudget(alreadyToday: RefusalBudget.limitPerDay - 1, at: noon)
        #expect(budget.admit("a", at: noon))
        #expect(!budget.admit("b", at: noon))
        #expect(budget.admit("b", at: later(12 * 3600)))
    }

    @Test func `sources beyond a thousand share one budget, so that memory is bounded`() {
        let budget = RefusalBudget(at: noon)
        for source in 0..<RefusalBudget.limitOfSources {
            #expect(budget.admit("s\(source)", at: noon))
        }
        let admitted = (0..<200).filter { budget.admit("new\($0)", at: noon) }.count
        #expect(admitted == RefusalBudget.limitPerMinute)
        #expect(budget.takeUncounted().map(\.source) == ["others"])
    }

    @Test func `bodies are kept whole up to so many bytes a day, a quarter of them of one source`() {
        let budget = RefusalBudget(bodyByteLimit: 4000, bodyBytesToday: .init(["a": 500]), at: noon)
        #expect(budget.keepsBody(of: "a", byteCount: 500, at: noon))
        #expect(!budget.keepsBody(of: "a", byteCount: 1, at: noon))
        for source in ["b", "c", "d"] { #expect(budget.keepsBody(of: source, byteCount: 1000, at: noon)) }
        #expect(!budget.keepsBody(of: "e", byteCount: 1, at: noon))
        #expect(budget.keepsBody(of: "a", byteCount: 1000, at: later(12 * 3600)))
    }

    @Test func `the addresses of one network are one source`() {
        let now = Timestamp(microseconds: 1_769_860_800_000_000)
        let budget = RefusalBudget(bodyByteLimit: 4000, bodyBytesToday: .init(["2001:db8::1": 500]), at: now)
        let admitted = (0..<100).filter { budget.admit("2001:db8::\($0)", at: now) }
        #expect(admitted.count == RefusalBudget.limitPerMinute)
        #expect(budget.takeUncounted().map(\.source) == ["2001:db8:0:0::/64"])
        #expect(budget.keepsBody(of: "2001:db8::7", byteCount: 500, at: now))
        #expect(!budget.keepsBody(of: "2001:db8::8", byteCount: 1, at: now))
    }
}
