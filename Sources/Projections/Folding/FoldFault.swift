package import Ledger
package import LedgerStore

/// Why an event cannot be folded; the state stands as if it had not come, and everything else goes on.
package struct FoldFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The event at fault.
    package let position: Position

    /// What is wrong with it; quotes nothing of its content.
    package let reason: String

    /// Where its bytes are not those that were recorded, which part of it that is; no folding can put that right.
    package let damage: PartFault?

    init(position: Position, reason: String) {
        self.position = position
        self.reason = reason
        damage = nil
    }

    init(_ damage: PartFault) {
        position = damage.place.position
        reason = damage.reason
        self.damage = damage
    }

    package var description: String {
        "event \(position) cannot be folded: \(reason)"
    }
}
