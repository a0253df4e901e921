package import Ledger
package import TicketSharing

/// Something that an operator has to know of a replay before it is carried out.
package struct ReplayNotice: Sendable, Equatable {
    /// What it is, for programs.
    package let code: Code

    /// What it is about; `nil` for the whole replay.
    package let agreement: AgreementID?
    package let ticket: TicketID?

    /// The event that shows it.
    package let position: Position?

    /// One sentence that says what to do about it, where anything can be done.
    package let text: String

    init(
        _ code: Code,
        _ agreement: AgreementID? = nil,
        _ ticket: TicketID? = nil,
        at position: Position? = nil,
        text: String,
    ) {
        self.code = code
        self.agreement = agreement
        self.ticket = ticket
        self.position = position
        self.text = text
    }

    /// Why a replay is refused, or what it is warned of; the raw value is for programs.
    package enum Code: String, Sendable, CaseIterable {
        // MARK: Refusals

        /// Nothing was found that could be sent again.
        case nothing
        /// No operator has accepted the partner: nothing is ever sent to it.
        case partnerProposed = "partner_proposed"
        /// A message would show an access key that has been replaced.
        case keySuperseded = "key_superseded"
        /// The bytes of a message are erased.
        case erased
        /// The bytes of a message are not those that were recorded.
        case damaged
        /// Old values would be the last that the target hears.
        case endsEarly = "ends_early"
        /// More stands still than can be skipped at once.
        case tooLarge = "too_large"
        /// An agreement's messages of a partner would be sent to it in our name.
        case notOurs = "not_ours"
        /// A message that is left out came after one that is sent: old values would stand.
        case leavesOut = "leaves_out"
        /// A message that was given up would come after a newer one that the target knows already.
        case revives
        /// There is no desk to send to.
        case noDesk = "no_desk"
        /// A message of the share cannot be folded, so that its state is not known.
        case unfolded
        /// Events of the share are gone, so that its state is not known; a warning where its messages alone are sent.
        case incomplete
        /// What stands still in the lane is not in the selection: the replay would never get past it.
        case blocked

        // MARK: Refusals, or warnings where the selection holds more

        /// The agreement is not accepted: the partner refuses its tickets.
        case notAccepted = "not_accepted"
        /// The agreement is declined, which is final: the partner refuses its messages.
        case declined
        /// The ticket is not shared any more: the partner keeps an orphan, and is not to be told more.
        case unshared

        // MARK: Warnings

        /// Nothing is sent until the partner is resumed.
        case partnerPaused = "partner_paused"
        /// The other side has changed the ticket after a message that is sent again.
        case otherIsAhead = "other_is_ahead"
        /// What still waits in the lane goes first.
        case waiting
        /// What stands still in the lane is skipped, as the replay sends it again.
        case takesOver = "takes_over"
    }
}

/// Notices of which the first are kept and all are counted.
package struct ReplayNotices: Sendable, Equatable {
    /// How many are kept of each code.
    package static let keptCount = 20

    /// The first of each code, in the order in which they came up.
    package private(set) var kept: [ReplayNotice] = []

    /// How many there are of each code.
    package private(set) var counts: [ReplayNotice.Code: Int] = [:]

    package var isEmpty: Bool { kept.isEmpty }

    mutating func append(_ notice: ReplayNotice) {
        counts[notice.code, default: 0] += 1
        if counts[notice.code, default: 0] <= Self.keptCount { kept.append(notice) }
    }
}
