import Cryptography
import Ledger
import Postgres

/// The chains of streams, or of shares, while events are looked at in order: each must follow the one before it.
///
/// It remembers the chains that it has met; where one goes on from an event that it has not, that is looked up, many at a
/// time.
struct AuditChains {
    /// What is chained.
    enum Kind {
        case stream
        case share
    }

    /// An event whose predecessor is still to be looked up.
    private struct Open {
        let position: Position
        let chain: Position
        let link: ChainLink
    }

    private let kind: Kind
    private var heads: [Position: (sequence: Int64, hash: Digest)] = [:]
    private var open: [Open] = []

    init(_ kind: Kind) {
        self.kind = kind
    }

    /// Takes the next event of a chain; returns what is wrong with its place, as far as that is known already.
    mutating func take(_ event: StoredEvent, _ chain: Position, _ link: ChainLink) -> AuditFault? {
        defer { heads[chain] = (link.sequence, event.leafHash) }
        // A chain is named by the position of its first event.
        guard (link.sequence == 0) == (chain == event.position), chain <= event.position else {
            return fault(event.position)
        }
        guard let previous = link.previous else { return nil }
        if let head = heads[chain], head.sequence + 1 == link.sequence {
            return head.hash == previous ? nil : fault(event.position)
        }
        open.append(Open(position: event.position, chain: chain, link: link))
        return nil
    }

    /// Looks up what is open; returns the faults that come of it.
    ///
    /// - Parameter end: A position after all events that were taken.
    mutating func settle(before end: Position, in session: inout PostgresSession) throws(PostgresError) -> [AuditFault]
    {
        guard !open.isEmpty else { return [] }
        defer { open.removeAll(keepingCapacity: true) }
        let chains = open.map(\.chain)
        let sequences = open.map { $0.link.sequence - 1 }
        let rows = try session.query(
            kind == .stream ? Statements.streams(chains, sequences, end) : Statements.shares(chains, sequences, end)
        )
        var before: [Int: (position: Position, hash: Digest)] = [:]
        for row in rows {
            before[Int(try row[0, as: Int64.self]) - 1] = (try row[1, as: Position.self], try row[2, as: Digest.self])
        }
        return open.enumerated().compactMap { index, open in
            guard let event = before[index], event.position < open.position, event.hash == open.link.previous else {
                return fault(open.position)
            }
            return nil
        }
    }

    private func fault(_ position: Position) -> AuditFault {
        let chain = kind == .stream ? "stream" : "share"
        return AuditFault(position, "event \(position) does not follow the one before it in its \(chain)")
    }

    private enum Statements {
        static let streams = Statement<[Position], [Int64], Position>(
            """
            SELECT w.number, e.position, e.leaf_hash
            FROM unnest($1, $2) WITH ORDINALITY AS w (chain, seq, number)
            CROSS JOIN LATERAL (
                SELECT e.position, e.leaf_hash
                FROM ledger.event AS e
                WHERE e.stream_id = w.chain
                    AND e.stream_seq = w.seq
                    AND e.position < $3
                LIMIT 1
            ) AS e
            """
        )

        static let shares = Statement<[Position], [Int64], Position>(
            """
            SELECT w.number, e.position, e.leaf_hash
            FROM unnest($1, $2) WITH ORDINALITY AS w (chain, seq, number)
            CROSS JOIN LATERAL (
                SELECT e.position, e.leaf_hash
                FROM ledger.event AS e
                WHERE e.share_id = w.chain
                    AND e.share_seq = w.seq
                    AND e.position < $3
                LIMIT 1
            ) AS e
            """
        )
    }
}
