/// The place of an event in the whole ledger: 0, 1, 2 … without gaps. It is also the event's leaf index.
package struct Position: Sendable, Hashable, Comparable, RawRepresentable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static let first = Position(rawValue: 0)

    package var next: Position {
        Position(rawValue: rawValue + 1)
    }

    package static func < (lhs: Position, rhs: Position) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension Position: CustomStringConvertible {
    package var description: String {
        String(rawValue)
    }
}
