import JSON
package import Ledger
import TicketSharing

/// Whether a request may read what it asks for.
package enum ReadAccess: Sendable {
    /// Yes, as a side of this agreement.
    case granted(AgreementRecord)
    case refused(Answer)
}

extension SharingTransaction {
    /// Checks a GET without recording anything but a refusal; the answer is made outside, then recorded.
    package mutating func authorizeRead(_ capture: Capture, within bounds: IntakeBounds) -> ReadAccess {
        var access: Access?
        do throws(ProtocolFault) {
            let authenticated = try authenticate(capture)
            access = authenticated
            return .granted(try readable(capture, authenticated))
        } catch {
            let fault = access == nil ? capture.pathFault ?? error : error
            return .refused(refuse(capture, fault, as: access, within: bounds))
        }
    }

    /// Records that something was read and what was answered, unless the right to read it has gone meanwhile.
    package mutating func recordRead(
        _ capture: Capture,
        answer: [UInt8],
        chunks: ChunkBoundaries,
        within bounds: IntakeBounds,
    ) -> Answer {
        switch authorizeRead(capture, within: bounds) {
        case .refused(let answer): return answer
        case .granted(let record):
            do throws(ProtocolFault) {
                let byteCount = capture.storedByteCount + answer.count
                try admit(capture, within: bounds, under: record, byteCount: byteCount)
            } catch {
                return refuse(capture, error, as: nil, within: bounds)
            }
            let facts = Facts.object { $0.member("by", record.role(sending: capture.direction).rawValue) }
            let receipt = append(
                EventDraft(
                    capture.share == nil ? .agreementRead : .ticketRead,
                    direction: capture.direction,
                    stream: .agreement(record.agreement.id.text),
                    ticket: capture.share?.ticket,
                    exchange: capture.exchange,
                    status: 200,
                    parts: capture.parts + [
                        part(.facts, facts),
                        part(.detail, detail(of: capture, partner: partners[record.partner]?.name)),
                        part(.answerBody, answer, chunks: chunks),
                    ],
                    castableBody: capture.castableBody,
                ),
            )
            return .accepted(200, receipt)
        }
    }

    private func readable(_ capture: Capture, _ access: Access) throws(ProtocolFault) -> AgreementRecord {
        if let fault = capture.fault { throw fault }
        guard case .side(let side) = access else { throw .tokenMissing }
        guard let share = capture.share else { return side.record }
        let status = side.record.agreement.status
        guard status == .accepted else { throw .agreementNotAccepted(status) }
        guard let head = ticket(share) else { throw isForeign(share) ? .notAuthorized : .unknownTicket }
        guard head.isShared else { throw .unknownTicket }
        return side.record
    }
}
