import Cryptography
import Ledger
import Sharing
import TicketSharing

extension PartnerState {
    /// The columns in which a row is not this; what is erased cannot be told.
    func columns(differingFrom record: PartnerRecord) -> [String] {
        var columns: [String] = []
        func check(_ column: String, _ isSame: Bool) {
            if !isSame { columns.append(column) }
        }
        check("name", name.map { $0 == record.name } ?? true)
        check("base_url", url.map { $0.text == record.baseURL.text } ?? true)
        check("dialect", dialect == record.dialect)
        check("state", state == record.state)
        check("paused", isPaused == record.isPaused)
        check("allow_private_address", allowsPrivateAddress == record.allowsPrivateAddress)
        check("allow_http", allowsHTTP == record.allowsHTTP)
        check("concurrency", concurrency == record.concurrency)
        check("rate", rate == record.rate)
        return columns
    }

    /// The row that this makes; what is erased stays as it was, and without either there is none.
    func record(insteadOf old: PartnerRecord?) -> PartnerRecord? {
        guard let name = name ?? old?.name, let url = url ?? old?.baseURL else { return nil }
        return PartnerRecord(
            id: id,
            name: name,
            baseURL: url,
            dialect: dialect,
            state: state,
            isPaused: isPaused,
            allowsPrivateAddress: allowsPrivateAddress,
            allowsHTTP: allowsHTTP,
            concurrency: concurrency,
            rate: rate,
        )
    }
}

extension AgreementState {
    /// The columns in which a row is not this; what is erased, and what a repeat is recognised by, cannot be told.
    func columns(differingFrom record: AgreementRecord, _ fingerprints: [Int: Digest]) -> [String] {
        let live = record.agreement
        var columns: [String] = []
        func check(_ column: String, _ isSame: Bool) {
            if !isSame { columns.append(column) }
        }
        check("agreement", agreement.id == live.id)
        check("partner_id", partner.map { $0 == record.partner } ?? true)
        check("our_role", ourRole == record.ourRole)
        check("status", agreement.status == live.status)
        check("deactivated_by", agreement.deactivatedBy == live.deactivatedBy)
        check("name", erasedMembers.contains(.name) || agreement.name.bytes == live.name.bytes)
        check("sender_url", erasedMembers.contains(.senderURL) || agreement.senderURL.text == live.senderURL.text)
        check(
            "receiver_url",
            erasedMembers.contains(.receiverURL) || agreement.receiverURL.text == live.receiverURL.text
        )
        check("sync_tags", agreement.permissions.syncsTags == live.permissions.syncsTags)
        check("sync_custom_fields", agreement.permissions.syncsCustomFields == live.permissions.syncsCustomFields)
        check(
            "allows_public_comments",
            agreement.permissions.allowsPublicComments == live.permissions.allowsPublicComments
        )
        check("invited_from", invitedFrom.map { $0 == record.invitedFrom } ?? true)
        check("key_version", keyVersion == record.key?.number)
        check("key_fingerprint", isSame(record.key, keyVersion, fingerprints))
        check("acknowledged_key_version", acknowledgedKeyVersion == record.acknowledgedKey?.number)
        check("acknowledged_key_fingerprint", isSame(record.acknowledgedKey, acknowledgedKeyVersion, fingerprints))
        check("first_position", first.position == record.firstPosition)
        check("last_position", last.position == record.last.receipt.position)
        check("last_event_id", last.event == record.last.receipt.event)
        check("last_recorded_at", last.recorded == record.last.receipt.recorded)
        check("last_status", lastStatus == record.last.status)
        return columns
    }
}

extension AgreementState {
    /// Whether a key is recognised as it should be; of one that is gone or damaged that cannot be told.
    private func isSame(_ key: AgreementRecord.KeyVersion?, _ version: Int?, _ fingerprints: [Int: Digest]) -> Bool {
        guard let key, let version else { return (key == nil) == (version == nil) }
        return fingerprints[version].map { $0 == key.fingerprint } ?? true
    }

    /// The row that this makes; what is erased, or a key that cannot be opened, stays as it was, and without either there
    /// is none.
    ///
    /// - Parameter digest: What the last message's repeat is recognised by, where that could be made again.
    func record(
        of stream: Position,
        insteadOf old: AgreementRecord?,
        _ fingerprints: [Int: Digest],
        _ digest: Digest?,
    ) -> AgreementRecord? {
        func key(_ version: Int?) -> AgreementRecord.KeyVersion? {
            version.flatMap { number in
                fingerprints[number].map { AgreementRecord.KeyVersion(number: number, fingerprint: $0) }
                    ?? [old?.key, old?.acknowledgedKey].compactMap(\.self).first { $0.number == number }
            }
        }
        func kept<Value>(_ member: AgreementMember, _ value: Value, _ old: Value?) -> Value? {
            erasedMembers.contains(member) ? old : value
        }
        guard let partner = partner ?? old?.partner,
            let senderURL = kept(.senderURL, agreement.senderURL, old?.agreement.senderURL),
            let receiverURL = kept(.receiverURL, agreement.receiverURL, old?.agreement.receiverURL)
        else { return nil }
        let isSameMessage = old?.last.receipt.position == last.position
        return AgreementRecord(
            stream: stream,
            partner: partner,
            ourRole: ourRole,
            agreement: Agreement(
                id: agreement.id,
                name: erasedMembers.contains(.name) ? old?.agreement.name : agreement.name,
                senderURL: senderURL,
                receiverURL: receiverURL,
                status: agreement.status,
                deactivatedBy: agreement.deactivatedBy,
                permissions: agreement.permissions,
            ),
            key: key(keyVersion),
            acknowledgedKey: key(acknowledgedKeyVersion),
            invitedFrom: invitedFrom ?? old?.invitedFrom,
            firstPosition: first.position,
            last: LastMessage(
                receipt: last,
                status: lastStatus,
                digest: digest ?? (isSameMessage ? old?.last.digest : nil) ?? .unknown,
            ),
        )
    }
}

extension String? {
    /// To be compared letter by letter, not as Unicode has it.
    fileprivate var bytes: [UInt8]? {
        map { Array($0.utf8) }
    }
}
