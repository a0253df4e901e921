package import Ledger

/// Why a ledger is not exported or imported.
package struct TransferFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is to be done about it.
    package enum Kind: Sendable, Equatable {
        /// The file is no export, was cut off or altered, or is of a ledger that is not sound.
        case file
        /// The file to be written is there already.
        case target
        /// The program is too old for the file.
        case version
        /// The ledger, or the file, is not one that this may be done to.
        case state
    }

    package let kind: Kind
    package let description: String

    /// The event at fault, where it is one.
    package let position: Position?

    package init(_ kind: Kind, _ description: String, position: Position? = nil) {
        self.kind = kind
        self.description = description
        self.position = position
    }

    /// What is wrong with a block of the file.
    init(_ block: Block, _ description: String, position: Position? = nil) {
        self.init(.file, "\(block.place): \(description)", position: position)
    }
}
