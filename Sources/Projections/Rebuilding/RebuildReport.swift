/// What a rebuild has done.
package struct RebuildReport: Sendable {
    /// Where the live projections were not what the ledger makes them.
    package internal(set) var differences = DifferenceList()

    /// Whether the new tables are in the place of the old ones; false only where differences were not accepted.
    package internal(set) var isSwapped = false

    /// Rows of partners, agreements and ticket heads that were put right.
    package internal(set) var mendedCount = 0

    /// Messages that could not be folded and are missing.
    package internal(set) var faults: [FoldFault] = []

    /// Shares and messages that were folded.
    package internal(set) var shareCount = 0
    package internal(set) var eventCount = 0
}

/// Why there is no rebuild; the projections are as they were.
package enum RebuildFault: Error, Sendable, Equatable, CustomStringConvertible {
    /// One rebuild at a time.
    case alreadyRunning

    /// The follower's saved position, without which nobody can tell how far the projections are.
    case noFollower

    package var description: String {
        switch self {
        case .alreadyRunning: "another rebuild is under way"
        case .noFollower: "projection.follower has no row 'ticket'; run 'shareledger migrate'"
        }
    }
}
