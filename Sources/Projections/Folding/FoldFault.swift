package import Ledger

/// Why an event cannot be folded; the state stands as if it had not come, and everything else goes on.
package struct FoldFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// The event at fault.
    package let position: Position

    /// What is wrong with it; quotes nothing of its content.
    package let reason: String

    package var description: String {
        "event \(position) cannot be folded: \(reason)"
    }
}
