import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// The rows of a replay, written in the transaction that records it.
extension ReplayOrders {
    /// Rows of one statement, so that none is too large however long the replay is.
    static let rowCount = 5_000

    func statements(_ decided: Decided) -> [SQL] {
        let replay = decided.progress.receipt.position
        let itemCount = Int32(clamping: plan.items.count + decided.progress.supplementCount)
        var statements: [SQL] = []
        if before == nil {
            statements.append(
                Statements.replay(
                    replay,
                    plan.request.mode.rawValue,
                    Facts.cleaned(warrant.reason),
                    Facts.cleaned(warrant.operator),
                    decided.progress.receipt.recorded,
                    itemCount,
                    plan.request.rate.map { Int32(clamping: $0) },
                    plan.request.target.kind.rawValue,
                    sandbox?.url.text,
                    sandbox?.allowsHTTP ?? false,
                    sandbox?.allowsPrivateAddress ?? false,
                    isLast ? nil : Self.pageLimit,
                )
            )
        } else {
            statements.append(Statements.goOn(replay, itemCount, isLast ? nil : Self.pageLimit))
        }
        for start in stride(from: 0, to: page.replaced.count, by: Self.rowCount) {
            let rows = page.replaced[start..<min(start + Self.rowCount, page.replaced.count)]
            statements.append(Statements.skip(rows.map(\.delivery.id), decided.now))
        }
        let items = page.items + decided.supplement
        for start in stride(from: 0, to: items.count, by: Self.rowCount) {
            let rows = items[start..<min(start + Self.rowCount, items.count)]
            statements.append(
                Statements.enqueue(
                    rows.map { destination(of: $0.item, replay).rawValue },
                    rows.map(\.item.lane.stream),
                    rows.map(\.item.lane.share),
                    rows.map { Int32($0.number) },
                    rows.map(\.item.position),
                    rows.map(\.item.event),
                    rows.map(\.item.kind.rawValue),
                    replay,
                    decided.progress.receipt.recorded,
                    decided.now,
                ),
            )
        }
        return statements
    }

    private func destination(of item: ReplayItem, _ replay: Position) -> Destination {
        sandbox == nil ? item.lane.destination : .sandbox(replay)
    }
}

private enum Statements {
    static let replay = Statement<
        Position, String, String, String, Timestamp, Int32, Int32?, String, String?, Bool, Bool, Int32?
    >(
        """
        INSERT INTO delivery.replay (
            replay_id, mode, reason, operator, requested_at, item_count, rate,
            destination, sandbox_url, allow_http, allow_private_address, prepared_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
            clock_timestamp() + make_interval(secs => $12))
        """
    )

    static let goOn = Statement<Position, Int32, Int32?>(
        """
        UPDATE delivery.replay
        SET item_count = $2,
            prepared_until = clock_timestamp() + make_interval(secs => $3)
        WHERE replay_id = $1
        """
    )

    static let skip = Statement<[Int64], Timestamp>(
        """
        WITH gone AS (
            DELETE FROM delivery.queue
            WHERE delivery_id = ANY ($1)
            RETURNING replay_id, item, message_position, attempts
        )
        INSERT INTO delivery.replay_outcome (replay_id, item, message_position, outcome, attempts, ended_at)
        SELECT replay_id, item, message_position, 'skipped', attempts, $2
        FROM gone
        WHERE replay_id IS NOT NULL
        ON CONFLICT DO NOTHING
        """
    )

    /// A row is the head of its lane if the lane was empty and no row before it in this statement is of that lane.
    ///
    /// With and without a share apart, so that both can use the lanes' index; `OFFSET 0` keeps that from being hashed whole.
    static let enqueue = Statement<
        [Int64], [Position], [Position?], [Int32], [Position], [EventID], [String], Position, Timestamp, Timestamp
    >(
        """
        INSERT INTO delivery.queue (
            partner_id, stream_id, share_id, queue_position, item, message_position, message_id, replay_id,
            enqueued_at, due_at, is_head, is_barrier, kind)
        SELECT d.partner_id, d.stream_id, d.share_id, $8, d.item, d.position, d.event_id, $8, $9, $10,
            NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.partner_id = d.partner_id
                    AND q.stream_id = d.stream_id
                    AND q.share_id = d.share_id
                OFFSET 0
            )
            AND NOT (
                d.share_id IS NULL
                AND EXISTS (
                    SELECT
                    FROM delivery.queue AS q
                    WHERE q.partner_id = d.partner_id
                        AND q.stream_id = d.stream_id
                        AND q.share_id IS NULL
                    OFFSET 0
                )
            )
            AND row_number() OVER (PARTITION BY d.partner_id, d.stream_id, d.share_id ORDER BY d.item) = 1,
            d.share_id IS NULL,
            d.kind
        FROM unnest($1, $2, $3, $4, $5, $6, $7)
            AS d (partner_id, stream_id, share_id, item, position, event_id, kind)
        """
    )
}
