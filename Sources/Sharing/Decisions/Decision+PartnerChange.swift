package import Ledger
package import TicketSharing

/// What an operator changes of a partner; what is `nil` stays as it is.
package struct PartnerChange: Sendable, Equatable {
    package var name: String?
    package var url: BaseURL?
    package var dialect: Dialect?
    package var concurrency: Int?

    /// 0 for none.
    package var rate: Int?

    package var allowsHTTP: Bool?
    package var allowsPrivateAddress: Bool?

    package init() {}

    /// The partner after the change.
    ///
    /// What was allowed for one host is not allowed for another unless that is said with it.
    func applied(to partner: PartnerRecord) -> PartnerRecord {
        var changed = partner
        let staysOnHost = url.map { $0.isOnHost(of: partner.baseURL) } ?? true
        changed.name = name ?? partner.name
        changed.baseURL = url ?? partner.baseURL
        changed.dialect = dialect ?? partner.dialect
        changed.concurrency = concurrency ?? partner.concurrency
        changed.rate = rate.map { $0 > 0 ? $0 : nil } ?? partner.rate
        changed.allowsHTTP = allowsHTTP ?? (partner.allowsHTTP && staysOnHost)
        changed.allowsPrivateAddress = allowsPrivateAddress ?? (partner.allowsPrivateAddress && staysOnHost)
        return changed
    }
}

extension SharingTransaction {
    /// Changes what an operator has said of an accepted partner.
    ///
    /// Its agreements keep the URL that they were made with; what is sent from now on goes to the new one.
    package mutating func change(
        _ wanted: PartnerChange,
        partner name: String,
        operator: String,
        reason: String? = nil,
    ) throws(OperatorFault) -> (PartnerRecord, Receipt) {
        guard let known = partners[name: name] else {
            throw OperatorFault("there is no partner \(name); 'shareledger partner list' shows all")
        }
        guard known.state == .active else {
            throw OperatorFault(
                "partner \(name) is only proposed; 'shareledger partner add NAME --url \(known.baseURL.text)' accepts it"
            )
        }
        let changed = wanted.applied(to: known)
        guard changed != known else { throw OperatorFault("partner \(name) is like this already") }
        guard PartnerRecord.isName(changed.name) else {
            throw OperatorFault(
                "\(changed.name.debugDescription) cannot name a partner; a name is \(PartnerRecord.nameForm)"
            )
        }
        guard changed.baseURL.isSecure || changed.allowsHTTP else {
            throw OperatorFault("\(changed.baseURL.text) is not https; --allow-http allows it for this partner")
        }
        guard !changed.baseURL.isSameAddress(as: settings.publicURL) else {
            throw OperatorFault("\(changed.baseURL.text) is our own public URL; a partner is another help desk")
        }
        if let other = partners[name: changed.name], other.id != known.id {
            throw OperatorFault("there is a partner \(changed.name) already, at \(other.baseURL.text)")
        }
        if let other = partners[url: changed.baseURL], other.id != known.id {
            throw OperatorFault("partner \(other.name) has the URL \(changed.baseURL.text) already")
        }
        let receipt = recordChange(of: changed, from: known, by: `operator`, reason: reason, exchange: nil)
        return (changed, receipt)
    }
}
