package import JSON
package import Ledger
package import TicketSharing

/// Writes the parts `facts` and `detail`: JSON objects of our own making, format 1.
///
/// Whatever stands in them can be cast to `jsonb`: text from outside has its NUL characters replaced.
package enum Facts {
    /// The version of what these functions write, as in `ledger.event.format`.
    package static let format = 1

    /// What an agreement message did: who sent it, what it set, and how the agreement stood after it.
    ///
    /// - Parameters:
    ///   - partner: Whom an invitation came from or goes to.
    ///   - reachesDesk: Whether our desk is told it, or by an acceptance what was said before it.
    ///   - reachesPartner: False for a message to a partner whom nobody has accepted.
    ///   - parts: The parts of its event, out of which credentials may have been cut.
    static func agreement(
        _ agreement: Agreement,
        by role: AgreementRole,
        partner: Position? = nil,
        set: [AgreementMember],
        keyVersion: Int?,
        tokenVersion: Int?,
        reachesDesk: Bool = false,
        reachesPartner: Bool = true,
        parts: [Part],
    ) -> [UInt8] {
        object { facts in
            facts.member("by", role.rawValue)
            if let partner { facts.member("partner", partner.rawValue) }
            facts.strings("set", set.map(\.name))
            facts.member("status", agreement.status.rawValue)
            if let side = agreement.deactivatedBy { facts.member("deactivated_by", side.rawValue) }
            facts.permissions(agreement.permissions)
            if let keyVersion { facts.member("access_key_version", keyVersion) }
            if let tokenVersion { facts.member("token_version", tokenVersion) }
            if reachesDesk { facts.reachesDesk() }
            if !reachesPartner { facts.member("to_partner", false) }
            facts.splices(of: parts, always: true)
        }
    }

    /// What is known of an event beside its leaf, in the order given; `nil` values are left out.
    package static func detail(_ values: KeyValuePairs<String, String?>) -> [UInt8] {
        object { detail in
            for (name, value) in values {
                if let value { detail.member(name, cleaned(value)) }
            }
        }
    }

    /// An object with the format's version first.
    package static func object(_ content: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.object { object in
            object.member("v", format)
            content(&object)
        }
        return writer.bytes
    }

    /// Text that `jsonb` can hold.
    package static func cleaned(_ text: String) -> String {
        text.utf8.contains(0) ? text.replacing("\0", with: "\u{FFFD}") : text
    }
}

extension JSONWriter {
    /// A member that is an array of strings.
    package mutating func strings(_ name: String, _ values: some Sequence<String>) {
        self.name(name)
        array { array in
            for value in values {
                array.string(value)
            }
        }
    }

    /// The member `splices`: how many credentials were cut out of which part.
    ///
    /// What was cut out is under no commitment, but this is; without it nobody could tell that it is gone.
    ///
    /// - Parameter always: Says too that nothing was cut out, which events of earlier versions do not.
    package mutating func splices(of parts: [Part], always: Bool = false) {
        let cut = parts.filter { $0.splices != nil }
        guard always || !cut.isEmpty else { return }
        name("splices")
        object { object in
            for part in cut { object.member(part.name.rawValue, part.splices?.count ?? 0) }
        }
    }

    /// The member `to_desk`: without it nobody could tell later whether there was a desk to deliver to.
    package mutating func reachesDesk() {
        member("to_desk", true)
    }

    /// The member `permissions`, which folds need to apply a message as it was applied.
    package mutating func permissions(_ permissions: Agreement.Permissions) {
        name("permissions")
        object { object in
            object.member("sync_tags", permissions.syncsTags)
            object.member("sync_custom_fields", permissions.syncsCustomFields)
            object.member("allows_public_comments", permissions.allowsPublicComments)
        }
    }
}
