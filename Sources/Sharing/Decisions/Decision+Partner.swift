import JSON
package import Ledger
package import TicketSharing

/// What an operator says of a partner.
package struct PartnerSettings: Sendable {
    package var name: String
    package var url: BaseURL
    package var dialect = Dialect.standard
    package var allowsPrivateAddress = false
    package var allowsHTTP = false
    package var concurrency = PartnerRecord.standardConcurrency
    package var rate: Int?

    package init(name: String, url: BaseURL) {
        self.name = name
        self.url = url
    }
}

/// Why something an operator asked for is not done.
package struct OperatorFault: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension SharingTransaction {
    /// Adds a partner, or accepts and names the proposed one that has this URL.
    package mutating func acceptPartner(
        _ wanted: PartnerSettings,
        operator: String,
        reason: String? = nil,
    ) throws(OperatorFault) -> (PartnerRecord, Receipt) {
        guard PartnerRecord.isName(wanted.name) else {
            throw OperatorFault(
                "\(wanted.name.debugDescription) cannot name a partner; a name is \(PartnerRecord.nameForm)"
            )
        }
        guard wanted.url.isSecure || wanted.allowsHTTP else {
            throw OperatorFault("\(wanted.url.text) is not https; --allow-http allows it for this partner")
        }
        guard !wanted.url.isSameAddress(as: settings.publicURL) else {
            throw OperatorFault("\(wanted.url.text) is our own public URL; a partner is another help desk")
        }
        let known = partners[url: wanted.url]
        if let other = partners[name: wanted.name], other.id != known?.id {
            throw OperatorFault("there is a partner \(wanted.name) already, at \(other.baseURL.text)")
        }
        guard let known else {
            let partner = addPartner(wanted, state: .active, by: `operator`, exchange: nil)
            guard let last = sequencer.events.last else {
                preconditionFailure("a partner.added event was just appended")
            }
            return (partner, Receipt(position: last.position, event: last.leaf.event, recorded: last.leaf.recorded))
        }
        guard known.state == .proposed else {
            throw OperatorFault("partner \(known.name) has this URL already")
        }
        var accepted = known
        accepted.name = wanted.name
        accepted.baseURL = wanted.url
        accepted.dialect = wanted.dialect
        accepted.allowsPrivateAddress = wanted.allowsPrivateAddress
        accepted.allowsHTTP = wanted.allowsHTTP
        accepted.concurrency = wanted.concurrency
        accepted.rate = wanted.rate
        accepted.state = .active
        let receipt = recordChange(of: accepted, from: known, by: `operator`, reason: reason, exchange: nil)
        return (accepted, receipt)
    }

    /// Accepts a proposed partner and, by our own command, an agreement with it: both, or neither.
    package mutating func accept(
        _ capture: Capture,
        from wanted: PartnerSettings,
        operator: String,
        reason: String?,
    ) throws(OperatorFault) -> (Answer, PartnerRecord) {
        guard case .agreement(let message) = capture.content, let record = agreement(message.id) else {
            throw OperatorFault("there is no such agreement")
        }
        do throws(ProtocolFault) {
            _ = try record.agreement.applying(message, from: record.ourRole, keyMatches: true)
        } catch {
            throw OperatorFault("neither the agreement nor its partner is accepted: \(error.detail)")
        }
        let partner = try acceptPartner(wanted, operator: `operator`, reason: reason).0
        return (decide(capture) { true }, partner)
    }

    /// Holds a partner's deliveries back, or lets them go on, at a rate that grows.
    ///
    /// One that is out goes on as well: somebody knows that it is back.
    package mutating func setPaused(
        _ isPaused: Bool,
        partner name: String,
        operator: String,
        reason: String? = nil,
    ) throws(OperatorFault) -> (PartnerRecord, Receipt) {
        guard let known = partners[name: name] else {
            throw OperatorFault("there is no partner \(name); 'shareledger partner list' shows all")
        }
        let isOut = destination(.partner(known.id)).state == .out
        guard known.isPaused != isPaused || isOut && !isPaused else {
            throw OperatorFault("partner \(name) is \(isPaused ? "paused already" : "neither paused nor out")")
        }
        var partner = known
        partner.isPaused = isPaused
        let facts = Facts.object { facts in
            facts.member("partner", partner.id.rawValue)
            facts.member("paused", isPaused)
            if !isPaused, !isOut { facts.member("state", DestinationRecord.State.struggling.rawValue) }
        }
        let detail = Facts.detail(["partner": name, "reason": reason, "operator": `operator`])
        let receipt = append(
            EventDraft(.partnerStateChanged, stream: .system, parts: [part(.facts, facts), part(.detail, detail)]),
        )
        put(partner)
        guard !isPaused else { return (partner, receipt) }
        // One that is out stays so until it answers: its next canary goes at once, and others follow as they would have.
        if !isOut {
            put(DestinationRecord.returning(.partner(partner.id), at: now, because: "an operator has resumed it"))
        }
        tryAtOnce(.partner(partner.id))
        return (partner, receipt)
    }

    mutating func addPartner(
        _ wanted: PartnerSettings,
        state: PartnerRecord.State,
        by operator: String?,
        exchange: EventID?,
    ) -> PartnerRecord {
        let facts = Facts.object { facts in
            facts.member("state", state.rawValue)
            facts.settings(of: wanted)
        }
        let detail = Facts.detail(["partner": wanted.name, "url": wanted.url.text, "operator": `operator`])
        let receipt = append(
            EventDraft(
                .partnerAdded,
                stream: .system,
                exchange: exchange,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
        let partner = PartnerRecord(
            id: receipt.position,
            name: wanted.name,
            baseURL: wanted.url,
            dialect: wanted.dialect,
            state: state,
            allowsPrivateAddress: wanted.allowsPrivateAddress,
            allowsHTTP: wanted.allowsHTTP,
            concurrency: wanted.concurrency,
            rate: wanted.rate,
        )
        put(partner)
        return partner
    }

    @discardableResult
    mutating func recordChange(
        of partner: PartnerRecord,
        from old: PartnerRecord,
        by operator: String?,
        reason: String? = nil,
        exchange: EventID?,
    ) -> Receipt {
        var current = PartnerSettings(name: partner.name, url: partner.baseURL)
        current.dialect = partner.dialect
        current.allowsPrivateAddress = partner.allowsPrivateAddress
        current.allowsHTTP = partner.allowsHTTP
        current.concurrency = partner.concurrency
        current.rate = partner.rate
        let facts = Facts.object { facts in
            facts.member("partner", partner.id.rawValue)
            facts.member("state", partner.state.rawValue)
            facts.settings(of: current)
        }
        let detail = Facts.detail([
            "partner": partner.name,
            "url": partner.baseURL.text,
            "old_name": old.name == partner.name ? nil : old.name,
            "old_url": old.baseURL == partner.baseURL ? nil : old.baseURL.text,
            "reason": reason,
            "operator": `operator`,
        ])
        let receipt = append(
            EventDraft(
                .partnerChanged,
                stream: .system,
                exchange: exchange,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
        put(partner)
        let isOpened =
            (partner.allowsHTTP && !old.allowsHTTP) || (partner.allowsPrivateAddress && !old.allowsPrivateAddress)
        if partner.baseURL != old.baseURL || isOpened { tryAtOnce(.partner(partner.id)) }
        return receipt
    }
}

extension JSONWriter {
    fileprivate mutating func settings(of partner: PartnerSettings) {
        member("dialect", partner.dialect.rawValue)
        member("allow_private_address", partner.allowsPrivateAddress)
        member("allow_http", partner.allowsHTTP)
        member("concurrency", partner.concurrency)
        if let rate = partner.rate { member("rate", rate) }
    }
}
