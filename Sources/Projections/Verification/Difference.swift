package import Ledger

/// A place where a projection is not what the ledger makes it.
package struct Difference: Sendable, Equatable {
    /// The table concerned.
    package let table: Table

    /// The row's key: a partner or agreement, a share, a share with a comment; never text of a ticket.
    package let row: String

    /// What is wrong with it.
    package let kind: Kind

    /// The last event that the row is made of; from there on it is wrong.
    package let since: Position

    /// The tables of the schema `projection` that are folded from the ledger.
    package enum Table: String, Sendable, CaseIterable {
        case partner
        case agreement
        case ticketHead = "ticket_head"
        case ticket
        case comment
    }

    /// How a row differs.
    package enum Kind: Sendable, Equatable {
        /// The ledger makes it, the table has it not.
        case missing

        /// The table has it, the ledger does not make it.
        case unexpected

        /// A column holds something else.
        case differs(column: String)

        /// An event cannot be folded, so that nobody can tell.
        case unfoldable(reason: String)
    }
}

extension Difference {
    fileprivate var isUnfoldable: Bool {
        if case .unfoldable = kind { return true }
        return false
    }
}

extension Difference: CustomStringConvertible {
    package var description: String {
        let what =
            switch kind {
            case .missing: "is missing"
            case .unexpected: "is not in the ledger"
            case .differs(let column): "differs in \(column)"
            case .unfoldable(let reason): "cannot be folded: \(reason)"
            }
        return "projection.\(table.rawValue): \(row) \(what) (event \(since))"
    }
}

/// Differences as they are found: how many, and the first of them.
package struct DifferenceList: Sendable, Equatable {
    /// How many are kept; whoever has more has one cause for them.
    package static let keptCount = 1000

    /// The first ones, in no order.
    package private(set) var first: [Difference] = []

    /// How many there are in all.
    package private(set) var count = 0

    /// How many of them are events that cannot be folded; no rebuild helps against those.
    package private(set) var unfoldableCount = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    mutating func add(_ difference: Difference) {
        add([difference])
    }

    mutating func add(_ differences: [Difference], count: Int? = nil) {
        for difference in differences.prefix(Self.keptCount - first.count) { first.append(difference) }
        self.count += count ?? differences.count
        unfoldableCount += differences.count(where: \.isUnfoldable)
    }

    mutating func add(_ other: DifferenceList) {
        for difference in other.first.prefix(Self.keptCount - first.count) { first.append(difference) }
        count += other.count
        unfoldableCount += other.unfoldableCount
    }
}
