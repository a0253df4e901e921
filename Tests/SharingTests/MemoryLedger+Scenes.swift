import Ledger
import Sharing
import TestRequests
import TicketSharing

extension MemoryLedger {
    /// A ledger with an accepted partner.
    static func withPartner(
        deskURL: String? = nil,
        isStrict: Bool = false,
        url: String = TestRequest.partnerURL,
        allowsHTTP: Bool = false,
    ) throws -> MemoryLedger {
        var ledger = try MemoryLedger(deskURL: deskURL, isStrict: isStrict)
        var partner = PartnerSettings(name: "partner", url: try BaseURL(url))
        partner.allowsHTTP = allowsHTTP
        _ = try ledger.accept(partner)
        return ledger
    }

    /// A ledger with an agreement `a1` in which we are the receiver, or `a1` in which we are the sender; both accepted.
    static func withAgreement(
        ourRole: AgreementRole = .receiver,
        permissions: String = "",
        deskURL: String? = nil,
        isStrict: Bool = false,
    ) throws -> MemoryLedger {
        var ledger = try withPartner(deskURL: deskURL, isStrict: isStrict)
        switch ourRole {
        case .receiver:
            _ = ledger.answer(.invitation("a1", permissions: permissions))
            _ = ledger.answer(.deskSets("accepted", of: "a1", with: "partner"))
        case .sender:
            _ = ledger.answer(.ownInvitation("a1", to: "partner", permissions: permissions))
            _ = ledger.answer(.partnerSets("accepted", of: "a1"))
        }
        return ledger
    }

    /// The same with a ticket `t1` that the agreement's sender has shared.
    static func withTicket(
        ourRole: AgreementRole = .receiver,
        permissions: String = "",
        deskURL: String? = nil,
        isStrict: Bool = false,
    ) throws -> MemoryLedger {
        var ledger = try withAgreement(
            ourRole: ourRole,
            permissions: permissions,
            deskURL: deskURL,
            isStrict: isStrict,
        )
        let body = #"{"uuid":"t1","status":"open","subject":"Lens"}"#
        _ = ledger.answer(.message(ourRole == .sender ? .outbound : .inbound, "POST", "/tickets/t1", body))
        return ledger
    }

    /// Accepts a partner as an operator does.
    @discardableResult
    mutating func accept(_ partner: PartnerSettings) throws -> PartnerRecord {
        try run { transaction in try transaction.acceptPartner(partner, operator: "ops").0 }
    }
}

extension TestRequest {
    /// A message under the agreement `a1`, whichever way.
    static func message(
        _ direction: Direction,
        _ method: String,
        _ path: String,
        _ body: String = "",
        agreement: String = "a1",
    ) -> TestRequest {
        let token = "\(agreement):\(key)"
        return direction == .inbound
            ? .inbound(method, path, token: token, body) : .outbound(method, path, to: "partner", token: token, body)
    }
}
