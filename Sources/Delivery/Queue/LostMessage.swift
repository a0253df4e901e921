package import Ledger
import LedgerStore
package import Postgres

/// A message that is neither on its way nor delivered, skipped or abandoned: its row of the queue was deleted, or a replay
/// that had taken its place was cancelled.
///
/// Every accepted message to a partner has a row from its own commit on, unless its facts say that it is not told, and one
/// to our desk where its facts, or those of the acceptance after it, say `to_desk`. A row goes in the commit that says how
/// the delivery ended.
package struct LostMessage: Sendable, Equatable {
    package let position: Position
    package let type: EventType
    package let agreement: String
    package let ticket: String?
    package let isForDesk: Bool

    /// The share or the agreement, as commands take it.
    package var subject: String {
        ticket.map { "\(agreement)/\($0)" } ?? agreement
    }

    /// The messages of a range that are lost, in order; all of one snapshot.
    package static func all(
        in positions: Range<Position>,
        limit: Int,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [LostMessage] {
        var messages: [LostMessage] = []
        for row in try session.query(statement(positions.lowerBound, positions.upperBound, Int64(limit))) {
            messages.append(
                LostMessage(
                    position: try row[0, as: Position.self],
                    type: try row.known(1),
                    agreement: try row[2, as: String.self],
                    ticket: try row[3, as: String?.self],
                    isForDesk: try row[4, as: Bool.self],
                ),
            )
        }
        return messages
    }
}

extension LostMessage {
    /// Few messages are left after the first step, so that what is dear is asked of those alone.
    ///
    /// The state of a share may be sent under the name of a message that came in: that need be no delivery to our desk. It
    /// brings whoever gets it everything that was said before.
    private static let statement = Statement<Position, Position, Int64>(
        """
        WITH open AS MATERIALIZED (
            SELECT e.position, e.event_id, e.type, e.direction, e.stream_id, e.share_id, s.agreement
            FROM ledger.event AS e
            JOIN ledger.stream AS s ON s.stream_id = e.stream_id
            WHERE e.position >= $1
                AND e.position < $2
                AND e.type IN (
                    'agreement.invited', 'agreement.updated', 'ticket.shared', 'ticket.updated', 'ticket.unshared'
                )
                AND NOT EXISTS (
                    SELECT
                    FROM delivery.queue AS q
                    WHERE q.message_position = e.position
                        AND CASE e.direction WHEN 'in' THEN q.partner_id = 0 ELSE q.partner_id > 0 END
                )
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS d
                    LEFT JOIN ledger.payload AS f
                        ON f.position = d.position
                        AND f.part = 'facts'
                        AND (e.direction = 'in' OR d.type = 'delivery.skipped')
                    WHERE d.about = e.event_id
                        AND d.direction = e.direction
                        AND d.type IN ('attempt.succeeded', 'delivery.skipped', 'delivery.abandoned')
                        AND (e.direction = 'out' OR ledger.json(f.content) ->> 'destination' IS DISTINCT FROM 'partner')
                        -- What a replay has taken the place of ends as that does.
                        AND NOT coalesce(ledger.json(f.content) ? 'replaced_by', false)
                )
        )
        SELECT o.position, o.type, o.agreement, sh.ticket, o.direction = 'in'
        FROM open AS o
        LEFT JOIN ledger.share AS sh ON sh.share_id = o.share_id
        WHERE CASE o.direction
            WHEN 'out' THEN NOT EXISTS (
                SELECT
                FROM ledger.payload AS f
                WHERE f.position = o.position
                    AND f.part = 'facts'
                    AND ledger.json(f.content) ->> 'to_partner' = 'false'
            )
            ELSE EXISTS (
                SELECT
                FROM ledger.payload AS f
                WHERE f.position = o.position
                    AND f.part = 'facts'
                    AND ledger.json(f.content) ->> 'to_desk' = 'true'
            )
            OR (o.share_id IS NULL AND EXISTS (
                SELECT
                FROM projection.agreement AS g
                JOIN ledger.event AS a ON a.stream_id = g.stream_id
                JOIN ledger.payload AS f ON f.position = a.position AND f.part = 'facts'
                WHERE g.first_position <= o.position
                    AND a.stream_id = o.stream_id
                    AND a.share_id IS NULL
                    AND a.position > o.position
                    AND a.direction = 'out'
                    AND a.type = 'agreement.updated'
                    AND ledger.json(f.content) ->> 'to_desk' = 'true'
            ))
        END
        AND NOT EXISTS (
            SELECT
            FROM delivery.queue AS q
            WHERE q.stream_id = o.stream_id
                AND q.share_id = o.share_id
                AND q.kind = 'state'
                AND q.queue_position > o.position
                AND CASE o.direction WHEN 'in' THEN q.partner_id = 0 ELSE q.partner_id > 0 END
        )
        -- Of a ticket's attempts only one that sends its state has a body of its own.
        AND NOT EXISTS (
            SELECT
            FROM ledger.event AS b
            JOIN ledger.event AS d ON d.about = b.about AND d.exchange = b.exchange AND d.type = 'attempt.succeeded'
            JOIN ledger.payload AS f ON f.position = d.position AND f.part = 'facts'
            WHERE b.share_id = o.share_id
                AND b.position > o.position
                AND b.type = 'attempt.begun'
                AND 'sent-body' = ANY (b.part_names)
                AND ledger.json(f.content) ->> 'destination' = CASE o.direction WHEN 'in' THEN 'desk' ELSE 'partner' END
        )
        -- Where the share had ended when its state was to be sent, nothing was left to be told.
        AND NOT EXISTS (
            SELECT
            FROM ledger.event AS d
            JOIN ledger.payload AS f ON f.position = d.position AND f.part = 'facts'
            WHERE d.share_id = o.share_id
                AND d.position > o.position
                AND d.type = 'delivery.abandoned'
                AND ledger.json(f.content) ->> 'destination' = CASE o.direction WHEN 'in' THEN 'desk' ELSE 'partner' END
        )
        ORDER BY o.position
        LIMIT $3
        """
    )
}
