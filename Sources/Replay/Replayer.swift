import JSON
package import Ledger
package import LedgerStore
import Postgres
package import Sharing

/// Plans replays and has them carried out: recorded, and put into the queue of deliveries.
package struct Replayer: Sendable {
    private let store: Store
    private let pageItemCount: Int

    /// How often a plan is made again because the ledger went on meanwhile in a way that changes it.
    private static let planLimit = 5

    /// - Parameter pageItemCount: Deliveries that are enqueued in one transaction, but for those of one lane.
    package init(store: Store, pageItemCount: Int = ReplayPage.standardItemCount) {
        self.store = store
        self.pageItemCount = pageItemCount
    }

    /// Told how many of how many deliveries are in the queue, where that takes several transactions; what it throws ends it.
    package typealias ProgressReport = @Sendable (_ count: Int, _ of: Int) async throws -> Void

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
        let material = try await store.read { session in try MaterialReader.read(request, in: &session) }
        return ReplayPlan(request, material)
    }

    /// Plans, and unless the plan refuses records the replay and enqueues all of it.
    ///
    /// Throws as ``plan(_:)`` does, and ``AppendError``.
    package func start(
        _ request: ReplayRequest,
        _ warrant: Warrant,
        report: ProgressReport = { _, _ in },
    ) async throws -> Outcome {
        var plan = try await plan(request)
        for _ in 1...Self.planLimit {
            guard !plan.isRefused else { return .refused(plan) }
            if let started = try await start(plan, warrant, report: report) { return .started(plan, started) }
            plan = try await self.plan(request)
        }
        return plan.isRefused ? .refused(plan) : .overtaken(plan)
    }

    /// Records and enqueues a plan that was made before; `nil`, and nothing left to be sent, where it does not hold any more.
    ///
    /// A large one is enqueued page by page, so that the ledger goes on meanwhile; nothing of it is sent before all of it is
    /// in the queue. Whoever does not come to the end leaves a replay that is given up after ``ReplayOrders/pageLimit``. What
    /// was sent since the plan in its lanes is sent again behind it. Throws ``ReplayCancelled``, ``AppendError``, and what
    /// `report` throws.
    package func start(
        _ plan: ReplayPlan,
        _ warrant: Warrant,
        report: ProgressReport = { _, _ in },
    ) async throws -> StartedReplay? {
        guard !plan.isRefused else { return nil }
        let pages = plan.pages(of: pageItemCount)
        var progress: ReplayOrders.Progress?
        var count = 0
        do {
            for (index, page) in pages.enumerated() {
                let isLast = index == pages.count - 1
                let orders = ReplayOrders(plan, page, isLast: isLast, after: progress, warrant)
                switch try await enqueue(orders) {
                case .enqueued(let decided): progress = decided.progress
                case .overtaken:
                    if let progress { try await takeBack(progress.receipt.position, warrant, Self.overtaken) }
                    return nil
                case .cancelled(let replay): throw ReplayCancelled(replay: replay)
                }
                count += page.items.count
                guard !isLast else { break }
                try await report(count, plan.items.count)
                try Task.checkCancellation()
            }
        } catch {
            if let progress, !(error is ReplayCancelled) {
                try? await takeBack(progress.receipt.position, warrant, "it was interrupted while it was enqueued")
            }
            throw error
        }
        return progress.map {
            StartedReplay(receipt: $0.receipt, itemCount: plan.items.count + $0.supplementCount)
        }
    }

    private static let overtaken = "what came while it was enqueued changes it; it is planned again"

    private func enqueue(_ orders: ReplayOrders) async throws(AppendError) -> ReplayOrders.PageOutcome {
        try await store.appender.append(
            orders.keys,
            byteCount: orders.byteCount,
            additional: { (outcome: ReplayOrders.PageOutcome) in outcome.decided.map(orders.statements) ?? [] },
            decide: { transaction in orders.decide(&transaction) },
        )
    }

    /// Cancels a replay that cannot be gone on with; whoever delivers takes it out of the queue.
    private func takeBack(_ replay: Position, _ warrant: Warrant, _ reason: String) async throws {
        let control = ReplayControl(store: store, operator: warrant.operator, reason: reason)
        do {
            _ = try await control.carryOut(.cancel, on: replay)
        } catch is OperatorFault {
            // It was cancelled by somebody else meanwhile.
        }
    }
}

/// Somebody has given the replay up while it was enqueued; nothing of it is sent.
package struct ReplayCancelled: Error, Sendable, Equatable {
    package let replay: Position
}

/// A replay that is on record.
package struct StartedReplay: Sendable, Equatable {
    /// The `replay.requested` event, whose position names the replay.
    package let receipt: Receipt

    /// The deliveries that it was enqueued with: those of its plan, and of what was sent after that was made.
    package let itemCount: Int
}
