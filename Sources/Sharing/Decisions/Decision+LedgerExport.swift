import JSON
package import Ledger

extension SharingTransaction {
    /// Records that an operator takes a copy of the whole ledger, before a byte of it is written.
    ///
    /// - Parameters:
    ///   - isResumed: Whether it goes on with one that was begun before.
    ///   - reason: Why, where the operator said so.
    package mutating func recordLedgerExport(isResumed: Bool, operator: String, reason: String?) -> Receipt {
        let facts = Facts.object { $0.member("resumed", isResumed) }
        let detail = Facts.detail(["operator": `operator`, "reason": reason])
        return append(
            EventDraft(
                .ledgerExported,
                stream: .system,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }
}
