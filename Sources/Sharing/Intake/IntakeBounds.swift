import Ledger
import TicketSharing

/// What may be recorded of requests from outside, asked while one is decided.
///
/// The answers count what they allow, and a decision may be made again for a batch that is split or tried again: then
/// more is counted than is recorded, never less.
package struct IntakeBounds: Sendable {
    /// Whether one more refusal is recorded.
    package let mayRecordRefusal: @Sendable () -> Bool

    /// Whether so many bytes of a refused request's body are kept, or only their beginning.
    package let mayKeepBody: @Sendable (_ byteCount: Int) -> Bool

    /// Whether something of a stranger's is taken.
    package let mayTake: @Sendable (StrangerAct, StrangerAct.Step) -> Bool

    /// - Parameters:
    ///   - mayKeepBody: By default a body is kept whatever its size.
    ///   - mayTake: By default a stranger may do what the protocol allows.
    package init(
        mayRecordRefusal: @escaping @Sendable () -> Bool,
        mayKeepBody: @escaping @Sendable (_ byteCount: Int) -> Bool = { _ in true },
        mayTake: @escaping @Sendable (StrangerAct, StrangerAct.Step) -> Bool = { _, _ in true },
    ) {
        self.mayRecordRefusal = mayRecordRefusal
        self.mayKeepBody = mayKeepBody
        self.mayTake = mayTake
    }
}

/// Something allowed that somebody does under an agreement that no operator has accepted.
package struct StrangerAct: Sendable, Equatable {
    /// The address that it is counted by.
    package let source: String

    /// About how many bytes it takes in the ledger.
    package let byteCount: Int

    /// Whether it is a new invitation, and not a repeat, a change or a read.
    package let isInvitation: Bool

    package init(source: String, byteCount: Int, isInvitation: Bool) {
        self.source = source
        self.byteCount = byteCount
        self.isInvitation = isInvitation
    }

    /// How far an act has come.
    package enum Step: Sendable {
        /// It is only looked whether there is room for it.
        case asked
        /// It is about to be recorded, and counts.
        case done
    }
}

extension SharingTransaction {
    /// Refuses what a stranger may have no more recorded of, if it comes from one.
    ///
    /// - Parameter record: The agreement that it is done under; `nil` for a new invitation.
    func admit(
        _ capture: Capture,
        within bounds: IntakeBounds,
        under record: AgreementRecord?,
        byteCount: Int? = nil,
        step: StrangerAct.Step = .done,
    ) throws(ProtocolFault) {
        guard capture.direction == .inbound, record?.isUnproven ?? true else { return }
        let act = StrangerAct(
            source: capture.source,
            byteCount: byteCount ?? capture.storedByteCount,
            isInvitation: record == nil,
        )
        guard bounds.mayTake(act, step) else {
            throw .strangersUsedUp(retryAfterSeconds: now.secondsToMidnight)
        }
    }
}

extension Capture {
    /// About how many bytes it takes in the ledger.
    package var storedByteCount: Int {
        parts.storedByteCount
    }
}

extension [Part] {
    /// About how many bytes an event of these parts takes in the ledger.
    var storedByteCount: Int {
        reduce(1024) { $0 + $1.content.count + 128 }
    }
}
