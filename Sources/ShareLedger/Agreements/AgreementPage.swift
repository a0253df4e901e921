import Arguments
import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// One agreement, as an object where JSON is wanted.
func show(
    _ record: AgreementRecord,
    _ arguments: ParsedArguments,
    _ store: Store,
    _ queue: DeliverySummary? = nil,
) async throws {
    let partners = try await partners(store)
    if arguments[Options.json] {
        JSONText.print { object in
            write(record, partners, to: &object)
            queue?.write(to: &object)
        }
    } else {
        printTable([record], partners)
        guard let queue else { return }
        let fields = fields(record, partners) + queue.fields(list: "--agreement \(record.agreement.id.text)")
        Console.print("\n" + PageFields.text(fields))
    }
}

/// Agreements, one after the other.
func show(_ records: [AgreementRecord], _ arguments: ParsedArguments, _ store: Store) async throws {
    let partners = try await partners(store)
    if arguments[Options.json] {
        Console.print(json: JSONText.lines(records) { write($0, partners, to: &$1) })
    } else {
        printTable(records, partners)
    }
}

/// What the table has no room for, and what whoever accepts it agrees to.
private func fields(_ record: AgreementRecord, _ partners: PartnerDirectory) -> [(name: String, value: String)] {
    let agreement = record.agreement
    let permissions = agreement.permissions
    let shared = [
        permissions.allowsPublicComments ? "public comments and changes of status by the receiver" : nil,
        permissions.syncsTags ? "tags" : nil, permissions.syncsCustomFields ? "custom fields" : nil,
    ].compactMap(\.self)
    let partner = partners[record.partner]
    return [
        (name: "Sender", value: agreement.senderURL.text),
        ("Receiver", agreement.receiverURL.text),
        ("Partner", partner.map { "\($0.name), \($0.isPaused ? "paused" : $0.state.rawValue)" } ?? "not known"),
        ("Allows", shared.isEmpty ? "private comments only" : shared.joined(separator: ", ")),
    ]
}

private func partners(_ store: Store) async throws -> PartnerDirectory {
    try await store.read { session in PartnerDirectory(try PartnerReader.all(in: &session)) }
}

private func write(_ record: AgreementRecord, _ partners: PartnerDirectory, to object: inout JSONWriter) {
    let agreement = record.agreement
    object.member("uuid", agreement.id.text)
    object.optional("partner", partners[record.partner]?.name)
    object.member("our_role", record.ourRole.rawValue)
    object.member("status", agreement.status.rawValue)
    object.optional("deactivated_by", agreement.deactivatedBy?.rawValue)
    object.optional("name", agreement.name)
    object.member("sender_url", agreement.senderURL.text)
    object.member("receiver_url", agreement.receiverURL.text)
    object.member("sync_tags", agreement.permissions.syncsTags)
    object.member("sync_custom_fields", agreement.permissions.syncsCustomFields)
    object.member("allows_public_comments", agreement.permissions.allowsPublicComments)
    object.optional("invited_from", record.invitedFrom)
    object.member("waits_for_operator", record.isInvitationToUs)
    object.member("position", record.last.receipt.position.rawValue)
    object.member("recorded_at", "\(record.last.receipt.recorded)")
}

private func printTable(_ records: [AgreementRecord], _ partners: PartnerDirectory) {
    var table = TextTable(["agreement", "partner", "we are", "status", "by", "name", "invited from", "last change"])
    for record in records {
        table.add([
            record.agreement.id.text,
            partners[record.partner]?.name,
            record.ourRole.rawValue,
            record.isInvitationToUs ? "pending: accept or decline" : record.agreement.status.rawValue,
            record.agreement.deactivatedBy?.rawValue,
            record.agreement.name,
            record.invitedFrom,
            "\(record.last.receipt.recorded)",
        ])
    }
    Console.print(table.text)
}
