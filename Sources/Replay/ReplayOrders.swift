import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// A page of a plan on its way into the ledger: what is read under the lock, decided, and written.
struct ReplayOrders: Sendable {
    /// Positions that stand in the facts; all are in the queue, and in the attempts that come of it.
    static let recordedPositionCount = 1_000

    /// How long a replay waits for its next page before it is given up, in seconds of the database's clock.
    static let pageLimit: Int32 = 60

    let plan: ReplayPlan
    let warrant: Warrant
    let page: ReplayPage

    /// Whether all of the replay is in the queue then.
    let isLast: Bool

    /// What the pages before it have come to; `nil` for the first, which records the replay.
    let before: Progress?

    private let lanes: [Place: ReplayLanePlan]

    init(_ plan: ReplayPlan, _ page: ReplayPage, isLast: Bool, after before: Progress?, _ warrant: Warrant) {
        self.plan = plan
        self.page = page
        self.isLast = isLast
        self.before = before
        self.warrant = warrant
        lanes = Dictionary(
            page.lanes.map { (Place(stream: $0.lane.stream, share: $0.lane.share), $0) },
            uniquingKeysWith: { first, _ in first },
        )
    }

    /// A lane, whatever its destination.
    private struct Place: Hashable {
        let stream: Position
        let share: Position?
    }

    /// A replay that is on record, and what is in the queue beside what was planned.
    struct Progress: Sendable {
        let receipt: Receipt
        var supplementCount = 0
    }

    /// What becomes of a page.
    struct Decided: Sendable {
        let progress: Progress

        /// What was sent between the plan and the lock.
        let supplement: [ReplayPage.NumberedItem]

        /// The time by which rows are due.
        let now: Timestamp
    }

    enum PageOutcome: Sendable {
        case enqueued(Decided)
        /// The plan does not hold any more.
        case overtaken
        /// Somebody has given the replay up.
        case cancelled(Position)

        var decided: Decided? {
            if case .enqueued(let decided) = self { decided } else { nil }
        }
    }

    /// What is read under the lock.
    var keys: StateKeys {
        var keys = StateKeys()
        keys.watches = [watch]
        if let before { keys.replays = [before.receipt.position] }
        for replaced in page.replaced {
            keys.deliveries.insert(DeliveryID(rawValue: replaced.delivery.id))
            if let ticket = replaced.ticket {
                keys.shares.insert(ShareName(stream: replaced.stream, ticket: ticket))
            }
        }
        // The heads of the streams that skipped deliveries are recorded in.
        let replacedLanes = replacedLanes
        keys.agreements = Set(page.lanes.filter { replacedLanes.contains($0.lane) }.map(\.agreement))
        return keys
    }

    /// About how much it is; what stands in the rows is small beside what they cost.
    var byteCount: Int {
        min(4096 + page.items.count * 64 + page.replaced.count * 512, 4 * 1024 * 1024)
    }

    var sandbox: ReplayTarget.Sandbox? {
        if case .sandbox(let sandbox) = plan.request.target { sandbox } else { nil }
    }

    private var replacedLanes: Set<ShareLane> { Set(page.replaced.map(\.lane)) }

    private var watch: LedgerWatch {
        LedgerWatch(
            since: plan.end,
            streams: Array(Set(page.lanes.map(\.lane.stream))),
            shares: Set(page.lanes.compactMap(\.lane.share)),
        )
    }
}

// MARK: - Deciding

extension ReplayOrders {
    /// Records the replay, or goes on with it; nothing is recorded where that cannot be.
    func decide(_ transaction: inout SharingTransaction) -> PageOutcome {
        if let before, transaction.replay(before.receipt.position)?.state != .preparing {
            return .cancelled(before.receipt.position)
        }
        guard before != nil || plan.partners.allSatisfy({ transaction.partners[$0.id] == $0 }),
            let items = supplement(transaction.changes(since: watch)),
            page.replaced.allSatisfy({ isReplaceable($0, transaction) })
        else { return .overtaken }
        let first = plan.items.count + (before?.supplementCount ?? 0)
        let supplement = items.enumerated().map { ReplayPage.NumberedItem(number: first + $0.offset, item: $0.element) }
        var progress = before ?? Progress(receipt: record(items, &transaction))
        progress.supplementCount += items.count
        for replaced in page.replaced {
            skip(replaced, for: progress.receipt.position, &transaction)
        }
        return .enqueued(Decided(progress: progress, supplement: supplement, now: transaction.now))
    }

    private func record(_ supplement: [ReplayItem], _ transaction: inout SharingTransaction) -> Receipt {
        let facts = facts(transaction.sequencer.next, supplement)
        let detail = Facts.detail([
            "partner": plan.partners.map(\.name).joined(separator: ", "),
            "url": sandbox?.url.text,
            "reason": warrant.reason,
            "operator": warrant.operator,
        ])
        return transaction.append(
            EventDraft(
                .replayRequested,
                stream: .system,
                parts: [transaction.part(.facts, facts), transaction.part(.detail, detail)],
            ),
        )
    }

    /// What was sent since the plan was made and has to be sent again behind it; `nil` where the plan must be made again.
    ///
    /// A lane must not end with older values than the partner has heard; everything else that is new goes its own way.
    func supplement(_ changes: [WatchedChange]) -> [ReplayItem]? {
        guard changes.count < LedgerWatch.limit else { return nil }
        let replacedLanes = replacedLanes
        var items: [ReplayItem] = []
        for change in changes {
            // What changes an agreement changes all of its lanes.
            guard let share = change.share else { return nil }
            guard let lane = lanes[Place(stream: change.stream, share: share)] else { continue }
            // What was queued behind what is replaced would be left without a head.
            guard !replacedLanes.contains(lane.lane) else { return nil }
            switch change.type {
            case .ticketShared, .ticketUpdated:
                guard let direction = change.direction, plan.request.directions.contains(direction), !lane.hasState
                else { continue }
                guard plan.request.to == nil, plan.request.filter.types?.contains(change.type) ?? true else {
                    return nil
                }
                items.append(
                    ReplayItem(lane: lane.lane, position: change.position, event: change.event, kind: .message),
                )
            case .deliveryParked, .deliveryResumed, .deliverySkipped, .deliveryAbandoned:
                // What goes elsewhere does not stand in these lanes.
                guard change.direction != plan.request.target.kind.direction else { return nil }
            // A state is made when it is sent, and then says whether the ticket is shared.
            case .ticketUnshared where lane.hasState && lane.messages.isEmpty: break
            default: return nil
            }
        }
        return items
    }

    private func isReplaceable(_ replaced: ReplacedDelivery, _ transaction: borrowing SharingTransaction) -> Bool {
        guard let delivery = transaction.delivery(DeliveryID(rawValue: replaced.delivery.id)) else { return false }
        return delivery.claim == nil
    }

    private func skip(_ replaced: ReplacedDelivery, for replay: Position, _ transaction: inout SharingTransaction) {
        let delivery = replaced.delivery
        let facts = Facts.object { facts in
            facts.member("destination", replaced.lane.destination.kind.rawValue)
            facts.member("message", delivery.message.rawValue)
            if let old = delivery.replay { facts.member("replay", old.rawValue) }
            facts.member("replaced_by", replay.rawValue)
        }
        let detail = Facts.detail([
            "partner": plan.partners.first { $0.id == replaced.partner }?.name,
            "reason": warrant.reason,
            "operator": warrant.operator,
        ])
        _ = transaction.append(
            EventDraft(
                .deliverySkipped,
                direction: replaced.lane.destination.direction,
                stream: replaced.stream,
                ticket: replaced.ticket,
                about: delivery.messageID,
                parts: [transaction.part(.facts, facts), transaction.part(.detail, detail)],
            ),
        )
        transaction.remove(DeliveryID(rawValue: delivery.id))
    }
}

// MARK: - Facts

extension ReplayOrders {
    private func facts(_ id: Position, _ supplement: [ReplayItem]) -> [UInt8] {
        let request = plan.request
        let items = plan.items + supplement
        let positions = items.prefix(Self.recordedPositionCount).map { String($0.position.rawValue) }
        return Facts.object { facts in
            facts.member("replay", id.rawValue)
            facts.member("mode", request.mode.rawValue)
            facts.scope(request.scope, partner: plan.partners.first?.id)
            if let from = request.from { facts.edge("from", from) }
            if let to = request.to { facts.edge("to", to) }
            if request.mode == .messages { facts.member("then_state", request.endsWithState) }
            if request.target != .partner { facts.member("destination", request.target.kind.rawValue) }
            if let directions = request.filter.directions {
                facts.strings("directions", directions.map(\.rawValue).sorted())
            }
            if let types = request.filter.types { facts.strings("types", types.map(\.rawValue).sorted()) }
            if request.filter.extent != .all { facts.member("extent", request.filter.extent.rawValue) }
            if let rate = request.rate { facts.member("rate", rate) }
            facts.member("items", items.count)
            facts.member("messages", items.count { $0.kind == .message })
            facts.member("states", items.count { $0.kind == .state })
            facts.member("lanes", plan.lanes.count)
            facts.member("skipped", plan.replaced.count)
            facts.member("planned_at", plan.end.rawValue)
            facts.name("positions")
            facts.array { array in
                for position in positions { array.raw(Array(position.utf8)) }
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func scope(_ scope: ReplayRequest.Scope, partner: Position?) {
        switch scope {
        case .share(let agreement, let ticket):
            member("agreement", agreement.text)
            member("ticket", ticket.text)
        case .agreement(let agreement): member("agreement", agreement.text)
        case .partner:
            if let partner { member("partner", partner.rawValue) }
        }
    }

    fileprivate mutating func edge(_ name: String, _ edge: ReplayRequest.Edge) {
        switch edge {
        case .time(let time): member(name, "\(time)")
        case .position(let position): member(name, position.rawValue)
        }
    }
}
