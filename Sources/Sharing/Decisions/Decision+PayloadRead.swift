import JSON
package import Ledger

extension SharingTransaction {
    /// Records that an operator reads stored bytes, before they are shown.
    ///
    /// - Parameter reason: Why, where the operator said so.
    package mutating func recordPayloadRead(
        of event: Receipt,
        part name: PartName,
        operator: String,
        reason: String?,
    ) -> Receipt {
        let facts = Facts.object { facts in
            facts.member("position", event.position.rawValue)
            facts.member("part", name.rawValue)
        }
        let detail = Facts.detail(["operator": `operator`, "reason": reason])
        return append(
            EventDraft(
                .payloadRead,
                stream: .system,
                about: event.event,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }
}
