package import Ledger
package import Sharing
package import TicketSharing

/// What a replay would send, in order, and what speaks against it; made before anything is recorded.
package struct ReplayPlan: Sendable, Equatable {
    package let request: ReplayRequest

    /// The position after the ledger's last event when the plan was made.
    package let end: Position

    /// Whom it goes to.
    package let partners: [PartnerRecord]

    /// What is sent, in the order in which it is enqueued; in each lane it is sent in this order.
    package private(set) var items: [ReplayItem] = []

    /// The lanes of ``items``, in the order in which they come up there.
    package private(set) var lanes: [ReplayLanePlan] = []

    /// Why it will not be carried out; none where it will.
    package private(set) var refusals = ReplayNotices()

    package private(set) var warnings = ReplayNotices()

    /// Deliveries that stand still and are skipped, as the replay sends their messages again.
    private(set) var replaced: [ReplacedDelivery] = []

    /// Judges what was read.
    init(_ request: ReplayRequest, _ material: ReplayMaterial) {
        self.request = request
        end = material.end
        partners = material.partners.values.sorted { $0.id < $1.id }
        var planner = Planner(request, material)
        planner.plan(partners)
        items = planner.items
        lanes = planner.lanes
        refusals = planner.refusals
        warnings = planner.warnings
        replaced = planner.replaced
    }
}

// MARK: - Counts

extension ReplayPlan {
    /// Whether it will not be carried out.
    package var isRefused: Bool { !refusals.isEmpty }

    /// Messages that are sent again as they were.
    package var messageCount: Int { items.count { $0.kind == .message } }

    /// Tickets whose state is sent.
    package var stateCount: Int { items.count - messageCount }

    /// Messages among them that the partner has answered with success before.
    package var acknowledgedCount: Int { lanes.reduce(0) { $0 + $1.acknowledgedCount } }

    /// How long it takes at its rate, in whole seconds, if the partner keeps up; `nil` without a rate.
    package var seconds: Int? {
        request.rate.map { (items.count + $0 - 1) / $0 }
    }

    /// Deliveries that are skipped in favour of the replay.
    package var replacedCount: Int { replaced.count }

    /// The first and the last of the messages that are sent again, by position.
    package var messageRange: ClosedRange<Position>? {
        guard let first = items.first(where: { $0.kind == .message }),
            let last = items.last(where: { $0.kind == .message })
        else { return nil }
        return first.position...last.position
    }
}

/// What a replay sends in one lane.
package struct ReplayLanePlan: Sendable, Equatable {
    package let lane: ShareLane
    package let agreement: AgreementID

    /// `nil` for the agreement's own messages.
    package let ticket: TicketID?

    /// Positions of the messages that are sent again, in order.
    package let messages: [Position]

    /// Whether the ticket's state comes after them, or alone.
    package let hasState: Bool

    /// Messages among them that the partner has answered with success before.
    package let acknowledgedCount: Int

    /// Deliveries in the lane that go before the replay.
    package let waitingCount: Int
}
