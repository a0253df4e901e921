package import Ledger
package import TicketSharing

/// What a request is answered with, and the event that says so.
package struct Answer: Sendable, Equatable {
    package let status: Int

    /// The event of the message, or of the refusal where it was recorded.
    package let receipt: Receipt?

    /// Why it was refused.
    package let fault: ProtocolFault?

    /// Whether the request repeated a message and got that one's answer.
    package let isRepeat: Bool

    package static func accepted(_ status: Int, _ receipt: Receipt) -> Answer {
        Answer(status: status, receipt: receipt, fault: nil, isRepeat: false)
    }

    package static func repeated(_ status: Int, _ original: Receipt) -> Answer {
        Answer(status: status, receipt: original, fault: nil, isRepeat: true)
    }

    package static func refused(_ fault: ProtocolFault, _ receipt: Receipt?) -> Answer {
        Answer(status: fault.status.rawValue, receipt: receipt, fault: fault, isRepeat: false)
    }
}
