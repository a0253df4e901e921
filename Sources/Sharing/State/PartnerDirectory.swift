package import Ledger
package import TicketSharing

/// All partners, found by position, name or URL.
package struct PartnerDirectory: Sendable, Equatable {
    private var records: [Position: PartnerRecord] = [:]
    private var names: [String: Position] = [:]
    private var identities: [String: Position] = [:]

    package init(_ partners: [PartnerRecord] = []) {
        for partner in partners {
            put(partner)
        }
    }

    /// Partners in the order in which they were added.
    package var all: [PartnerRecord] {
        records.values.sorted { $0.id < $1.id }
    }

    package subscript(id: Position) -> PartnerRecord? {
        records[id]
    }

    package subscript(name name: String) -> PartnerRecord? {
        names[name].flatMap { records[$0] }
    }

    package subscript(url url: BaseURL) -> PartnerRecord? {
        identities[url.identity].flatMap { records[$0] }
    }

    /// Adds a partner or takes over its new state.
    package mutating func put(_ partner: PartnerRecord) {
        if let old = records[partner.id] {
            names[old.name] = nil
            identities[old.baseURL.identity] = nil
        }
        records[partner.id] = partner
        names[partner.name] = partner.id
        identities[partner.baseURL.identity] = partner.id
    }

    /// A name that no partner has, made from the host of a URL: what a proposed partner is called until it is accepted.
    package func provisionalName(for url: BaseURL) -> String {
        let host = String(
            url.host.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(50)
        )
        let base = "proposed-" + host.split(separator: "-").joined(separator: "-")
        guard names[base] != nil else { return base }
        var number = 2
        while names["\(base)-\(number)"] != nil {
            number += 1
        }
        return "\(base)-\(number)"
    }
}
