import Ledger
import LedgerStore
import Postgres

/// Which messages the partner has answered with success, where that is recorded, and what came to it again.
struct Acknowledgements {
    /// The first of each message.
    private var positions: [EventID: Position] = [:]
    private var attempts: [EventID: EventID] = [:]

    /// All that the partner has taken from us, in the order of its answers; only of a share.
    private(set) var receipts: [Receipt] = []

    /// Something that reached the partner, and the event that says so.
    struct Receipt {
        let since: Position
        let content: Content
    }

    /// What reached the partner.
    enum Content {
        case message(EventID)

        /// A replayed state, as it stands in the beginning of its attempt.
        case state(begun: Position)
    }

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

    /// The partner's acknowledgements in a share that a condition on `e` leaves.
    ///
    /// What goes to our desk or to a sandbox tells nothing of the partner. An attempt's direction says where it went, but that
    /// of a state that a partner got under the name of its own message may be that message's.
    init(of share: Position, where condition: SQL, in session: inout PostgresSession) throws {
        self.init()
        // Of a ticket's messages only a replayed state has bytes of its own in the attempt.
        let events: SQL = """
            SELECT e.type, e.event_id, e.position, e.about, e.exchange, e.direction = 'out', e.status BETWEEN 200 AND 299,
                'sent-body' = ANY (e.part_names)
            FROM ledger.event AS e
            WHERE e.share_id = \(share)
                AND e.type IN ('attempt.begun', 'attempt.succeeded')
                AND (
                    e.direction = 'out'
                    OR EXISTS (
                        SELECT
                        FROM ledger.payload AS f
                        WHERE f.position = e.position
                            AND f.part = 'facts'
                            AND ledger.json(f.content) ->> 'destination' = 'partner'
                    )
                )
                AND \(condition)
            ORDER BY e.share_seq
            """
        var states: [EventID: Position] = [:]
        for row in try session.query(events) {
            let type: EventType = try row.known(0)
            let position = try row[2, as: Position.self]
            let about = try row[3, as: EventID?.self]
            let first = take(type, try row[1, as: EventID.self], at: position, about: about)
            let exchange = try row[4, as: EventID?.self]
            if type == .attemptBegun, let exchange, try row[7, as: Bool.self] { states[exchange] = position }
            guard type == .attemptSucceeded, let about else { continue }
            if let begun = exchange.flatMap({ states[$0] }) {
                receipts.append(Receipt(since: position, content: .state(begun: begun)))
                continue
            }
            // What is recorded of our desk's messages only: the partner has its own. A partner that has a message already
            // says so with another status, and takes nothing anew.
            let isTaken = try row[6, as: Bool?.self] ?? false
            guard try row[5, as: Bool?.self] ?? true, first != nil || isTaken else { continue }
            receipts.append(Receipt(since: position, content: .message(attempts[about] ?? about)))
        }
    }

    init() {}
}
