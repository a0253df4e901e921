import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TicketSharing

/// Makes the answers to GET: what we hold of an agreement or a ticket.
struct ReadService: Sendable {
    let store: Store

    /// The body of an answer.
    struct Reading: Sendable {
        let body: [UInt8]
        let chunks: ChunkBoundaries

        /// How far our own messages have come, for our desk.
        let delivery: String?
    }

    func read(_ capture: Capture, _ record: AgreementRecord) async throws -> Reading {
        let delivery = try await delivery(capture, record)
        let body = try await body(capture, record)
        return Reading(body: body, chunks: ChunkBoundaries(of: try JSONDocument(parsing: body)), delivery: delivery)
    }

    private func body(_ capture: Capture, _ record: AgreementRecord) async throws -> [UInt8] {
        guard case .ticket(let id) = capture.target else { return agreement(record, for: capture) }
        let share = try await store.read { session in
            try Reconstructor.share(agreement: record.agreement.id, ticket: id, in: &session)
        }
        guard let share else {
            throw AppendError.unavailable("ticket \(id) has no events")
        }
        // What is left without a message that is damaged is not the ticket.
        if let fault = share.faults.first {
            throw AppendError.unavailable("ticket \(id) is not known for certain: \(fault)")
        }
        return share.ticket.encoded()
    }

    /// The agreement as the side that asks knows it; the access key is never shown.
    private func agreement(_ record: AgreementRecord, for capture: Capture) -> [UInt8] {
        let agreement = record.agreement
        var urls = [AgreementRole.sender: agreement.senderURL.text, .receiver: agreement.receiverURL.text]
        if let name = capture.partner {
            urls[record.ourRole] = (store.settings.deskURL ?? store.settings.publicURL).text
            urls[record.ourRole.partner] = "\(store.settings.privateURL.text)/to/\(name)"
        }
        var writer = JSONWriter()
        writer.object { object in
            object.member("uuid", agreement.id.text)
            if let name = agreement.name { object.member("name", name) }
            object.member("sender_url", urls[.sender] ?? "")
            object.member("receiver_url", urls[.receiver] ?? "")
            object.member("status", agreement.status.rawValue)
            if let side = agreement.deactivatedBy { object.member("deactivated_by", side.rawValue) }
            object.member("sync_tags", agreement.permissions.syncsTags)
            object.member("sync_custom_fields", agreement.permissions.syncsCustomFields)
            object.member("allows_public_comments", agreement.permissions.allowsPublicComments)
        }
        return writer.bytes
    }

    private func delivery(_ capture: Capture, _ record: AgreementRecord) async throws -> String? {
        guard capture.direction == .outbound else { return nil }
        return try await store.read { session in
            let rows = try session.query(Self.lane(record.partner, record.stream, capture.share?.ticket))
            let (isParked, count) = try rows.onlyRow().decode((Bool, Int64).self)
            return isParked ? "parked" : count > 0 ? "waiting" : "delivered"
        }
    }

    private static let lane = Statement<Position, Position, String?>(
        """
        SELECT coalesce(bool_or(q.state = 'parked'), false), count(*)
        FROM delivery.queue AS q
        LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
        WHERE q.partner_id = $1
            AND q.stream_id = $2
            AND sh.ticket IS NOT DISTINCT FROM $3
        """
    )
}
