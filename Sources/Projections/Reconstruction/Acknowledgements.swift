import Ledger
import LedgerStore
import Postgres

/// Which messages the partner has answered with success, and where the answer is recorded.
struct Acknowledgements {
    private var positions: [EventID: Position] = [:]
    private var attempts: [EventID: EventID] = [:]

    /// The types of events that it is made of.
    static let types: Set<EventType> = [.attemptBegun, .attemptSucceeded]

    /// Takes an event in; returns the message that it acknowledges for the first time.
    ///
    /// An attempt's outcome may name the message itself or the beginning of the attempt.
    @discardableResult
    mutating func take(_ type: EventType, _ event: EventID, at position: Position, about: EventID?) -> EventID? {
        guard let about else { return nil }
        if type == .attemptBegun { attempts[event] = about }
        guard type == .attemptSucceeded else { return nil }
        let message = attempts[about] ?? about
        guard positions[message] == nil else { return nil }
        positions[message] = position
        return message
    }

    /// Where the first acknowledgement of a message is recorded.
    subscript(message: EventID) -> Position? {
        positions[message]
    }

    /// The acknowledgements in a share that a condition on `e` leaves.
    init(of share: Position, where condition: SQL, in session: inout PostgresSession) throws {
        self.init()
        let events: SQL = """
            SELECT e.type, e.event_id, e.position, e.about
            FROM ledger.event AS e
            WHERE e.share_id = \(share)
                AND e.type IN ('attempt.begun', 'attempt.succeeded')
                AND \(condition)
            ORDER BY e.share_seq
            """
        for row in try session.query(events) {
            take(
                try row.known(0),
                try row[1, as: EventID.self],
                at: try row[2, as: Position.self],
                about: try row[3, as: EventID?.self]
            )
        }
    }

    init() {}
}
