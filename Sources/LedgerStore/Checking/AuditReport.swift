package import Ledger

/// What looking at every event of the ledger has come to.
package struct AuditReport: Sendable {
    /// How many faults are kept; whoever has more has one cause for them.
    package static let keptCount = 1000

    /// The position after the last event that was looked at.
    package internal(set) var end = Position.first

    /// Events whose leaves were computed again, and parts that were held against their commitments.
    package internal(set) var eventCount = 0
    package internal(set) var partCount = 0

    /// Parts that are gone and that an erasure accounts for.
    package internal(set) var erasedCount = 0

    /// The first faults that were found, in no order, and how many there are in all.
    package private(set) var faults: [AuditFault] = []
    package private(set) var faultCount = 0

    mutating func add(_ fault: AuditFault) {
        faultCount += 1
        if faults.count < Self.keptCount { faults.append(fault) }
    }

    /// Takes in what was found in another stretch.
    mutating func add(_ other: AuditReport) {
        eventCount += other.eventCount
        partCount += other.partCount
        erasedCount += other.erasedCount
        faults += other.faults.prefix(Self.keptCount - faults.count)
        faultCount += other.faultCount
    }
}

/// Something in the ledger that is not as it was recorded.
package struct AuditFault: Sendable, Equatable, CustomStringConvertible {
    /// The event at fault, or the first of those that are gone.
    package let position: Position

    /// The part at fault, where it is one.
    package let part: PartName?

    package let description: String

    init(_ position: Position, _ description: String) {
        self.position = position
        part = nil
        self.description = description
    }

    /// What stands beside a part.
    init(_ place: PartPlace, _ description: String) {
        position = place.position
        part = place.part
        self.description = description
    }

    /// Bytes where no event can be read.
    init(stray position: Position) {
        self.init(position, "there are bytes at position \(position), but no event that can be read")
    }

    init(_ fault: PartFault) {
        position = fault.place.position
        part = fault.place.part
        description = fault.description
    }
}

/// How far an audit has come.
package struct AuditProgress: Sendable, Equatable {
    /// Events that were looked at, and how many there are.
    package internal(set) var done: Int
    package let total: Int
}
