import Gateway
import Ledger
import Sharing
import Testing

@Suite struct StrangerBudgetTests {
    private let noon = Timestamp(microseconds: 1_769_860_800_000_000)

    private var limits: StrangerBudget.Limits {
        var limits = StrangerBudget.Limits()
        (limits.messages, limits.messagesOfSource) = (20, 5)
        (limits.bytes, limits.bytesOfSource) = (2000, 500)
        return limits
    }

    private func act(_ source: String, bytes: Int = 10, isInvitation: Bool = false) -> StrangerAct {
        StrangerAct(source: source, byteCount: bytes, isInvitation: isInvitation)
    }

    private func admitted(_ count: Int, _ act: StrangerAct, _ budget: StrangerBudget) -> Int {
        (0..<count).filter { _ in budget.admit(act, .done, at: noon) }.count
    }

    @Test func `one address has its own bounds by messages and by bytes, until midnight`() {
        let budget = StrangerBudget(limits: limits, at: noon)
        #expect(admitted(9, act("a"), budget) == 5)
        #expect(admitted(9, act("b", bytes: 200), budget) == 2)
        #expect(budget.admit(act("c"), .done, at: noon))
        let midnight = noon.advanced(by: .seconds(noon.secondsToMidnight))
        #expect(!budget.admit(act("a"), .done, at: midnight.advanced(by: .seconds(-1))))
        #expect(budget.admit(act("a"), .done, at: midnight))
    }

    @Test func `the addresses of one network are one source, also after a restart`() {
        let addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:0DB8:0001:0002:0:0:0:3"]
        let budget = StrangerBudget(limits: limits, at: noon)
        #expect(addresses.map { admitted(3, act($0), budget) }.reduce(0, +) == 5)
        #expect(admitted(9, act("2001:db8:1:3::1"), budget) == 5)
        let today = Dictionary(uniqueKeysWithValues: addresses.map { ($0, StrangerBudget.Use(messages: 1, bytes: 10)) })
        let later = StrangerBudget(limits: limits, today: today, at: noon)
        #expect(admitted(9, act("2001:db8:1:2::77"), later) == 2)
    }

    @Test func `all together leave a quarter to those who invite us for the first time`() {
        let budget = StrangerBudget(limits: limits, at: noon)
        let reads = (0..<10).map { admitted(5, act("r\($0)"), budget) }.reduce(0, +)
        #expect(reads == 15)
        let invitations = (0..<10).map { admitted(1, act("i\($0)", isInvitation: true), budget) }.reduce(0, +)
        #expect(invitations == 5)
    }

    @Test func `all together have a bound by bytes`() {
        let budget = StrangerBudget(limits: limits, at: noon)
        let sum = (0..<20).map { admitted(1, act("s\($0)", bytes: 400, isInvitation: true), budget) }.reduce(0, +)
        #expect(sum == 5)
    }

    @Test func `to look for room takes none`() {
        let budget = StrangerBudget(limits: limits, at: noon)
        for _ in 0..<20 { #expect(budget.admit(act("a"), .asked, at: noon)) }
        #expect(admitted(5, act("a"), budget) == 5)
        #expect(!budget.admit(act("a"), .asked, at: noon))
    }

    @Test func `a restart gives no new budget`() {
        let today = ["a": StrangerBudget.Use(messages: 5, bytes: 50), "b": .init(messages: 1, bytes: 495)]
        let budget = StrangerBudget(limits: limits, today: today, at: noon)
        #expect(!budget.admit(act("a"), .done, at: noon))
        #expect(!budget.admit(act("b"), .done, at: noon))
        #expect((0..<10).map { admitted(5, act("r\($0)"), budget) }.reduce(0, +) == 9)
    }

    @Test func `what is turned away is counted, with some of the sources`() {
        let budget = StrangerBudget(limits: limits, at: noon)
        #expect(budget.takeTurnedAway() == nil)
        _ = admitted(7, act("b"), budget)
        _ = admitted(6, act("a"), budget)
        let turnedAway = budget.takeTurnedAway()
        #expect(turnedAway?.count == 3 && turnedAway?.since == noon && turnedAway?.sources == ["a", "b"])
        #expect(budget.takeTurnedAway() == nil)
    }
}
