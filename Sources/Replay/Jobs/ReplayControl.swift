import JSON
package import Ledger
package import LedgerStore
package import Postgres
package import Sharing

/// Has a replay held back, go on, or given up, for an operator.
package struct ReplayControl: Sendable {
    private let store: Store
    private let `operator`: String
    private let reason: String?

    package init(store: Store, operator: String, reason: String? = nil) {
        self.store = store
        self.operator = `operator`
        self.reason = reason
    }

    /// What can be done with a replay.
    package enum Action: Sendable {
        /// Nothing more of it is sent; what is under way ends.
        case pause
        case resume
        /// What is left of it is taken out of the queue, by whoever delivers.
        case cancel
    }

    /// Records the order and carries it out, in one transaction.
    ///
    /// Throws ``OperatorFault`` where the replay is not there or not in a state for it, and ``AppendError``.
    package func carryOut(_ action: Action, on replay: Position) async throws -> Receipt {
        var keys = StateKeys()
        keys.replays = [replay]
        let detail = Facts.detail(["reason": reason, "operator": self.operator])
        let decided = try await store.appender.append(
            keys,
            byteCount: 1024 + detail.count,
            additional: { decided in
                guard case .success(let receipt) = decided else { return [] }
                return [action.statement(replay, receipt.recorded)]
            },
            decide: { transaction in
                Result { () throws(OperatorFault) in
                    try Self.decide(action, replay, detail, &transaction)
                }
            },
        )
        return try decided.get()
    }

    /// Has all of some replays held back in a transaction of the caller's; returns its further statements.
    package static func pause(
        _ replays: [Position],
        operator: String,
        reason: String,
        in transaction: inout SharingTransaction,
    ) throws(OperatorFault) -> [SQL] {
        let detail = Facts.detail(["reason": reason, "operator": `operator`])
        var statements: [SQL] = []
        for replay in replays {
            let receipt = try decide(.pause, replay, detail, &transaction)
            statements.append(Action.pause.statement(replay, receipt.recorded))
        }
        return statements
    }

    private static func decide(
        _ action: Action,
        _ id: Position,
        _ detail: [UInt8],
        _ transaction: inout SharingTransaction,
    ) throws(OperatorFault) -> Receipt {
        guard var replay = transaction.replay(id) else {
            throw OperatorFault("there is no replay \(id); 'shareledger replay list' shows all")
        }
        guard action.states.contains(replay.state) else {
            let already = replay.state == action.goal ? " already" : ""
            throw OperatorFault("replay \(id) is \(replay.state.rawValue)\(already)")
        }
        replay.state = action.goal
        transaction.put(replay)
        let facts = Facts.object { $0.member("replay", id.rawValue) }
        return transaction.append(
            EventDraft(
                action.type,
                stream: .system,
                parts: [transaction.part(.facts, facts), transaction.part(.detail, detail)],
            ),
        )
    }
}

extension ReplayControl.Action {
    /// The states in which it can be done, and the one that it leads to.
    fileprivate var states: Set<ReplayRecord.State> {
        switch self {
        case .pause: [.running]
        case .resume: [.paused]
        case .cancel: [.preparing, .running, .paused]
        }
    }

    fileprivate var goal: ReplayRecord.State {
        switch self {
        case .pause: .paused
        case .resume: .running
        case .cancel: .cancelled
        }
    }

    fileprivate var type: EventType {
        switch self {
        case .pause: .replayPaused
        case .resume: .replayResumed
        case .cancel: .replayCancelled
        }
    }

    fileprivate func statement(_ replay: Position, _ now: Timestamp) -> SQL {
        switch self {
        case .pause: Self.setPaused(replay, true)
        case .resume: Self.setPaused(replay, false)
        case .cancel: Self.cancelled(replay, now)
        }
    }

    private static let setPaused = Statement<Position, Bool>(
        "UPDATE delivery.replay SET paused = $2 WHERE replay_id = $1"
    )

    private static let cancelled = Statement<Position, Timestamp>(
        "UPDATE delivery.replay SET paused = false, cancelled_at = $2 WHERE replay_id = $1"
    )
}
