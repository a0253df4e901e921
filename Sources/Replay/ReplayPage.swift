import Ledger
import Sharing

/// A part of a replay that is enqueued in one transaction: whole lanes, so that what comes meanwhile for one of them is either
/// before all of that lane or behind it.
struct ReplayPage: Sendable {
    private(set) var lanes: [ReplayLanePlan] = []

    /// What is sent in them, each with its place in the replay.
    private(set) var items: [NumberedItem] = []

    /// What is skipped in their favour.
    private(set) var replaced: [ReplacedDelivery] = []

    struct NumberedItem: Sendable {
        let number: Int
        let item: ReplayItem
    }

    /// Deliveries that the ledger's lock is held for at a time, unless one lane has more: some tenths of a second.
    static let standardItemCount = 5_000
}

extension ReplayPlan {
    /// The plan in pages; what is skipped in its favour is all in the last one, which makes it whole: before that nothing is
    /// given up for a replay that may not come to be.
    func pages(of itemCount: Int) -> [ReplayPage] {
        let numbered = items.enumerated().map { ReplayPage.NumberedItem(number: $0.offset, item: $0.element) }
        let itemsOfLane = Dictionary(grouping: numbered, by: \.item.lane)
        let replacedOfLane = Dictionary(grouping: replaced, by: \.lane)
        var pages: [ReplayPage] = []
        var page = ReplayPage()
        for lane in lanes where replacedOfLane[lane.lane] == nil {
            page.add(lane, itemsOfLane[lane.lane] ?? [])
            guard page.items.count >= itemCount else { continue }
            pages.append(page.sorted)
            page = ReplayPage()
        }
        for lane in lanes {
            guard let replaced = replacedOfLane[lane.lane] else { continue }
            page.add(lane, itemsOfLane[lane.lane] ?? [], replaced)
        }
        if !page.lanes.isEmpty { pages.append(page.sorted) }
        return pages
    }
}

extension ReplayPage {
    /// The same with its items in their order.
    fileprivate var sorted: ReplayPage {
        var page = self
        page.items.sort { $0.number < $1.number }
        return page
    }

    fileprivate mutating func add(
        _ lane: ReplayLanePlan,
        _ items: [NumberedItem],
        _ replaced: [ReplacedDelivery] = [],
    ) {
        lanes.append(lane)
        self.items += items
        self.replaced += replaced
    }
}
