package import Ledger

/// What folding everything again has shown.
package struct VerificationReport: Sendable {
    /// Where projections are not what the ledger makes them.
    package internal(set) var differences = DifferenceList()

    /// The ledger as it was looked at ended before this position.
    package let end: Position

    /// The following projections had come to this position; what is beyond it is not compared with them.
    package let followed: Position

    /// Shares and messages that were folded.
    package internal(set) var shareCount = 0
    package internal(set) var eventCount = 0
}
