import JSON
package import Ledger
package import LedgerStore
import Postgres
package import Sharing

/// Plans replays and has them carried out: recorded, and put into the queue of deliveries.
package struct Replayer: Sendable {
    private let store: Store
    private let itemLimit: Int

    /// How often a plan is made again because the ledger went on meanwhile in a way that changes it.
    private static let planLimit = 5

    /// - Parameter itemLimit: More deliveries than this are refused by the plan.
    package init(store: Store, itemLimit: Int = ReplayPlan.standardItemLimit) {
        self.store = store
        self.itemLimit = itemLimit
    }

    /// What came of a replay that was asked for.
    package enum Outcome: Sendable {
        /// Its plan speaks against it; nothing was recorded.
        case refused(ReplayPlan)
        /// Recorded and enqueued.
        case started(ReplayPlan, StartedReplay)
        /// The ledger goes on faster than it can be looked at; nothing was recorded.
        case overtaken(ReplayPlan)
    }

    /// What would be sent, and what speaks against it; writes nothing.
    ///
    /// Throws ``UnknownReplayScope`` where the request names what is not there.
    package func plan(_ request: ReplayRequest) async throws -> ReplayPlan {
        let limit = itemLimit
        let material = try await store.read { session in
            try MaterialReader.read(request, itemLimit: limit, in: &session)
        }
        return ReplayPlan(request, material, itemLimit: limit)
    }

    /// Plans, and unless the plan refuses records the replay and enqueues all of it, in one transaction.
    ///
    /// Throws as ``plan(_:)`` does, and ``AppendError``.
    package func start(_ request: ReplayRequest, _ warrant: Warrant) async throws -> Outcome {
        var plan = try await plan(request)
        for _ in 1...Self.planLimit {
            guard !plan.isRefused else { return .refused(plan) }
            if let started = try await start(plan, warrant) { return .started(plan, started) }
            plan = try await self.plan(request)
        }
        return plan.isRefused ? .refused(plan) : .overtaken(plan)
    }

    /// Records and enqueues a plan that was made before; `nil`, and nothing recorded, where it does not hold any more.
    ///
    /// What was sent since then in the lanes of the plan is sent again behind it. Throws ``AppendError``.
    package func start(_ plan: ReplayPlan, _ warrant: Warrant) async throws -> StartedReplay? {
        guard !plan.isRefused else { return nil }
        let orders = ReplayOrders(plan, warrant)
        let decided = try await store.appender.append(
            orders.keys,
            byteCount: orders.byteCount,
            additional: { (decided: ReplayOrders.Decided?) in decided.map(orders.statements) ?? [] },
            decide: { transaction in orders.decide(&transaction) },
        )
        return decided.map { StartedReplay(receipt: $0.receipt, itemCount: plan.items.count + $0.supplement.count) }
    }
}

/// A replay that is on record.
package struct StartedReplay: Sendable, Equatable {
    /// The `replay.requested` event, whose position names the replay.
    package let receipt: Receipt

    /// The deliveries that it was enqueued with: those of its plan, and of what was sent after that was made.
    package let itemCount: Int
}
