import Ledger
import LedgerStore
import Postgres
import Synchronization

/// Carries steps out on one session, and keeps what can be kept from one to the next.
final class FollowerRunner: Sendable {
    private let step = Mutex<FollowerStep?>(nil)

    /// One step from `expected`; where another process follows, how far that one has come.
    func advance(
        from expected: Position,
        offered: CommittedEvents.Run?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> FollowerStep.Outcome {
        try step.withLock { step throws(PostgresError) in
            var current = if let step { step } else { FollowerStep(try ProjectionTables(in: &session)) }
            // Taken out, so that its buffers are not copied when they are filled.
            step = nil
            let outcome = try current.run(from: expected, offered: offered, in: &session)
            step = current
            return outcome
        }
    }
}
