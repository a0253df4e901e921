import Arguments
import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// A place in the ledger as it is given on a command line: a time with a zone, or a position.
enum Moment: Sendable, Equatable {
    case time(Timestamp)
    case position(Position)

    static let forms =
        "a position such as 1042, or a time with a zone such as 2026-01-31T12:00:00Z or '2026-01-31 13:00:00 +0100'"

    init(argument text: String) throws {
        if let number = Int64(text), number >= 0 {
            self = .position(Position(rawValue: number))
            return
        }
        // The wire's forms also allow a bare date and no zone; on a command line that would be ambiguous.
        let hasZone = text.hasSuffix("Z") || text.dropFirst(10).contains { $0 == "+" || $0 == "-" }
        guard text.utf8.count > 10, hasZone, let time = WireTime(text) else {
            throw UsageError("\(text.debugDescription) is no moment: give \(Self.forms)")
        }
        self = .time(Timestamp(microseconds: time.microseconds))
    }

    /// The condition that an event is not before this moment.
    var orLater: SQL {
        switch self {
        case .time(let time): "e.recorded_at >= \(time)"
        case .position(let position): "e.position >= \(position)"
        }
    }

    /// The condition that an event is before this moment.
    var before: SQL {
        switch self {
        case .time(let time): "e.recorded_at < \(time)"
        case .position(let position): "e.position < \(position)"
        }
    }
}
