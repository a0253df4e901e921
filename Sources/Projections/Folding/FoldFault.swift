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

    /// Where events are gone that the state is made of as well.
    package let gap: ChainGap?

    init(position: Position, reason: String) {
        self.position = position
        self.reason = reason
        damage = nil
        gap = nil
    }

    init(_ damage: PartFault) {
        position = damage.place.position
        reason = damage.reason
        self.damage = damage
        gap = nil
    }

    init(_ gap: ChainGap) {
        position = gap.position
        reason = gap.reason
        damage = nil
        self.gap = gap
    }

    /// Whether somebody has changed the ledger, which no folding can put right.
    package var isDamage: Bool {
        damage != nil || gap != nil
    }

    package var description: String {
        "event \(position) cannot be folded: \(reason)"
    }
}
