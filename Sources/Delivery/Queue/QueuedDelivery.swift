package import Ledger
import LedgerStore
import Postgres
package import Sharing

/// A delivery as it stands in the queue, with what people ask of it.
package struct QueuedDelivery: Sendable {
    package let id: DeliveryID
    package let state: State

    /// The message that is delivered.
    package let message: Position
    package let messageID: EventID
    package let type: EventType
    package let direction: Direction

    package let agreement: String
    package let ticket: String?
    package let lane: ShareLane

    /// The other end of the agreement, also where the desk is the destination.
    package let partner: String

    /// Why nothing at all is sent to the destination.
    package let holding: Holding?

    /// The `replay.requested` event, where it is sent again for a replay.
    package let replay: Position?

    /// Attempts made so far.
    package let attempts: Int

    package let enqueued: Timestamp
    package let due: Timestamp

    /// Why it is parked.
    package let reason: String?

    /// How the last attempt ended.
    package let lastAttempt: Attempt?

    /// Of a claimed one.
    package let claim: Claim?

    /// A delivery of the same agreement in another lane that has to end first.
    package let barrier: DeliveryID?

    /// Where it stands; the raw value is for programs.
    package enum State: String, Sendable, CaseIterable {
        /// First of its lane, for when it is due.
        case waiting
        /// A process has taken it up; if that has gone, nobody else is to try it before the claim ends.
        case claimed
        /// Another one of its lane goes first.
        case behind = "behind another"
        /// For good, until an operator decides.
        case parked
    }

    /// Why a destination gets nothing; the raw value is for programs.
    package enum Holding: String, Sendable {
        /// An operator holds its deliveries back.
        case paused
        /// No operator has accepted it.
        case proposed
        /// It does not answer; canaries find out when it does.
        case out
        /// An operator holds the replay back that it is of.
        case replayPaused = "replay paused"
        /// The replay that it is of is still being enqueued.
        case replayPreparing = "replay preparing"
        /// The service is run without a URL of the desk.
        case noDesk = "no desk"
    }

    /// What is known of who works on a delivery.
    package struct Claim: Sendable {
        /// When the attempt began whose end is not recorded; `nil` where none has begun.
        package let begun: Timestamp?

        /// When somebody else takes it over, unless it is renewed or has ended.
        package let end: Timestamp
    }

    /// The end of an attempt.
    package struct Attempt: Sendable {
        package let position: Position
        package let recorded: Timestamp
        package let type: EventType
        package let status: Int?
        package let error: String?
        package let address: String?
    }
}

// MARK: - What is said of it

extension QueuedDelivery {
    /// Why it is not delivered yet, as far as an attempt or a verdict has said.
    package var error: String? {
        reason ?? lastAttempt?.error
    }
}

// MARK: - For the ledger

extension QueuedDelivery {
    private var stream: StreamName {
        .agreement(agreement)
    }

    /// What of the state is read to decide about it: the ends of the chains, and the delivery.
    var keys: StateKeys {
        var keys = StateKeys()
        keys.streams = [stream]
        keys.shares = ticket.map { [ShareName(stream: stream, ticket: $0)] } ?? []
        keys.deliveries = [id]
        return keys
    }

    /// An event about it, in the message's stream and share.
    func draft(_ type: EventType, attempt: Int?, parts: [Part]) -> EventDraft {
        EventDraft(
            type,
            direction: lane.destination.direction,
            stream: stream,
            ticket: ticket,
            about: messageID,
            attempt: attempt,
            parts: parts,
        )
    }
}
