package import Ledger
import LedgerStore
package import Postgres
package import TicketSharing

/// Shares and agreements as they were at any moment, folded from their own events alone.
///
/// Reads in pages, so that its memory is that of the result. It needs no projection and depends on none.
package enum Reconstructor {
    /// A share as one side held it, with where its values are from if that is asked; `nil` where it had no message yet, or none that this side knew of.
    package static func share(
        agreement: AgreementID,
        ticket: TicketID,
        asOf moment: AsOf = .now,
        view: PointOfView = .us,
        notesOrigins: Bool = false,
        in session: inout PostgresSession,
    ) throws -> ReconstructedShare? {
        let name = StreamName.agreement(agreement.text)
        guard let found = try session.query(Statements.share(name.text, ticket.text)).first else { return nil }
        let (share, stream, end) = try found.decode((Position, Position, Position).self)
        let condition = moment.condition(end: end)
        let acknowledgements = try Acknowledgements(of: share, where: condition, in: &session)
        var fold = HeldFold(ticket, view, acknowledgements, notesOrigins: notesOrigins)
        switch view {
        case .us:
            try forEachPage(of: share, where: condition, in: &session) { heads, session in
                try fold.apply(heads[...], in: &session)
            }
            try fold.noteStates(in: &session)
        case .partner:
            var all: [TicketEventHead] = []
            try forEachPage(of: share, where: condition, in: &session) { heads, _ in all += heads }
            try fold.applyReceipts(all, in: &session)
        }
        guard let first = fold.firstPosition, let last = fold.lastPosition else { return nil }
        let gaps = try ChainGap.all(inShare: share, &session).filter(moment.isConcerned).map { FoldFault($0) }
        let state = try AgreementFold.read(stream, agreement, where: condition, keys: nil, in: &session)
        return ReconstructedShare(
            agreement: state.agreement,
            state: fold.state,
            firstPosition: first,
            lastPosition: last,
            comments: fold.comments,
            unacknowledgedCount: fold.unacknowledgedCount,
            faults: gaps + state.faults + fold.faults,
            origins: fold.origins,
        )
    }

    /// An agreement as it stood; `nil` where there was none yet.
    ///
    /// - Parameter keys: See ``AgreementState/init(_:_:id:keys:)``.
    package static func agreement(
        _ id: AgreementID,
        asOf moment: AsOf = .now,
        keys: KeyRing? = nil,
        in session: inout PostgresSession,
    ) throws -> AgreementState? {
        guard let found = try session.query(Statements.stream(StreamName.agreement(id.text).text)).first else {
            return nil
        }
        let (stream, end) = try found.decode((Position, Position).self)
        return try AgreementFold.read(stream, id, where: moment.condition(end: end), keys: keys, in: &session).agreement
    }

    /// The names of all comments that a share's messages before a position brought; none for a share that is not there.
    static func comments(
        of share: Position,
        before end: Position,
        in session: inout PostgresSession,
    ) throws -> [CommentID] {
        let rows = try session.query("SELECT ticket FROM ledger.share WHERE share_id = \(share)")
        guard let row = rows.first else { return [] }
        var fold = HeldFold(try row.identifier(0), .us, Acknowledgements())
        try forEachPage(of: share, where: "e.position < \(end)", in: &session) { heads, session in
            try fold.apply(heads[...], in: &session)
        }
        return fold.comments.map(\.id)
    }

    /// A share as it stands, without its comments; `nil` where a message of it cannot be folded, or is gone.
    static func head(of share: Position, ticket: TicketID, in session: inout PostgresSession) throws -> ShareFold? {
        guard try ChainGap.all(inShare: share, &session).isEmpty else { return nil }
        var fold = ShareFold(share: share, ticket: ticket)
        do {
            try forEachPage(of: share, where: "true", in: &session) { heads, session in
                try TicketEventReader.forEach(of: heads[...], in: &session) { event in _ = try fold.apply(event) }
            }
        } catch is FoldFault {
            return nil
        }
        return fold
    }

    /// Lends the heads of a share's messages, a page at a time, in their order.
    private static func forEachPage(
        of share: Position,
        where condition: SQL,
        in session: inout PostgresSession,
        _ body: ([TicketEventHead], inout PostgresSession) throws -> Void,
    ) throws {
        var next: Int64 = 0
        while true {
            let rows = try session.query(
                """
                SELECT \(unescaped: TicketEventReader.columns)
                FROM ledger.event AS e
                WHERE e.share_id = \(share)
                    AND e.share_seq >= \(next)
                    AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
                    AND \(condition)
                ORDER BY e.share_seq
                LIMIT \(Int64(TicketEventReader.pageCount))
                """
            )
            let heads = try TicketEventReader.heads(rows)
            try body(heads, &session)
            guard heads.count == TicketEventReader.pageCount, let last = heads.last else { return }
            next = last.sequence + 1
        }
    }

    private enum Statements {
        static let share = Statement<String, String>(
            """
            SELECT sh.share_id, sh.stream_id,
                coalesce((SELECT e.position + 1 FROM ledger.event AS e ORDER BY e.position DESC LIMIT 1), 0)
            FROM ledger.stream AS s
            JOIN ledger.share AS sh ON sh.stream_id = s.stream_id
            WHERE s.name = $1
                AND sh.ticket = $2
            """
        )

        static let stream = Statement<String>(
            """
            SELECT s.stream_id,
                coalesce((SELECT e.position + 1 FROM ledger.event AS e ORDER BY e.position DESC LIMIT 1), 0)
            FROM ledger.stream AS s
            WHERE s.name = $1
            """
        )
    }
}
