import JSON
package import Ledger

extension SharingTransaction {
    /// Records that the clock was set back: from now on events are dated by the one before them until it has caught up.
    ///
    /// - Parameter last: The time of the last event, which the clock had reached.
    @discardableResult
    package mutating func recordClockStep(from last: Timestamp) -> Receipt {
        let to = now
        let facts = Facts.object { facts in
            facts.member("from", "\(last)")
            facts.member("to", "\(to)")
        }
        return append(EventDraft(.clockStepped, stream: .system, parts: [part(.facts, facts)]))
    }
}
