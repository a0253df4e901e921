import Arguments
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Which events are asked for: the options that `history` takes, and the condition that they come to.
struct EventFilter: Sendable {
    static let agreement = Option<String>("agreement", "UUID", help: "Only events of this agreement")
    static let partner = Option<String>(
        "partner",
        "NAME",
        help: "Only events of agreements with this partner, and of itself"
    )
    static let types = Option<[EventType]>(
        "type",
        "TYPE,…",
        help: "Only these, such as ticket.updated, or ticket for all that begin so",
        parse: types(argument:)
    )
    static let direction = Option<Direction>(
        "direction",
        "in|out",
        help: "Only messages from partners, or only those to them"
    ) {
        guard let direction = Direction(rawValue: $0) else {
            throw UsageError("--direction takes in or out, not \($0.debugDescription)")
        }
        return direction
    }

    static let status = Option<ClosedRange<Int32>>(
        "status",
        "CODE",
        help: "Only what was answered so: 422, or 4xx for all of a class",
        parse: status(argument:)
    )
    static let actor = Option<String>(
        "actor",
        "NAME|UUID",
        help: "Only messages that say that this person acted, and acts of this operator"
    )
    static let text = Option<String>("text", "WORDS", help: "Only messages with these words in their body, in any case")

    static let options: [any OptionDeclaration] = [
        agreement, partner, Options.from, Options.to, types, direction, status, actor, text,
    ]

    private let arguments: ParsedArguments
    private let share: String?

    init(_ arguments: ParsedArguments, share: String? = nil) {
        self.arguments = arguments
        self.share = share
    }

    /// The condition on `e` (event), after looking up what was named by its beginning.
    func condition(in session: inout PostgresSession) throws -> SQL {
        var condition: SQL = "true"
        if let share {
            let found = try Lookup.share(share, in: &session)
            condition += try Self.isOf(found, in: &session)
        }
        if let text = arguments[Self.agreement] {
            let found = try Lookup.agreement(text, in: &session)
            condition += " AND e.stream_id = \(found.stream)"
        }
        if let name = arguments[Self.partner] {
            condition += try Self.isOf(Lookup.partner(name, in: &session), in: &session)
        }
        if let from = arguments[Options.from] { condition += " AND \(from.orLater)" }
        if let to = arguments[Options.to] { condition += " AND \(to.before)" }
        if let types = arguments[Self.types] { condition += " AND e.type = ANY (\(types.map(\.rawValue)))" }
        if let direction = arguments[Self.direction] { condition += " AND e.direction = \(direction.rawValue)" }
        if let range = arguments[Self.status] {
            condition += " AND e.status BETWEEN \(range.lowerBound) AND \(range.upperBound)"
        }
        if let actor = arguments[Self.actor] { condition += Self.isDone(by: actor) }
        if let text = arguments[Self.text] { condition += Self.holds(text) }
        return condition
    }

    /// Messages whose `current_actor` has this name or uuid, and what an operator of this name did.
    private static func isDone(by actor: String) -> SQL {
        """
         AND EXISTS (
            SELECT
            FROM ledger.payload AS p
            CROSS JOIN LATERAL (SELECT ledger.json(p.content) AS said OFFSET 0) AS j
            WHERE p.position = e.position
                AND p.part IN ('body', 'detail')
                AND CASE p.part
                    WHEN 'detail' THEN j.said ->> 'operator' = \(actor)
                    ELSE \(actor) IN (j.said -> 'current_actor' ->> 'name', j.said -> 'current_actor' ->> 'uuid')
                END
        )
        """
    }

    /// Messages with a text in one of the strings of their body; in what no database can read as JSON, letter by letter.
    private static func holds(_ text: String) -> SQL {
        """
         AND EXISTS (
            SELECT
            FROM ledger.payload AS p
            WHERE p.position = e.position
                AND p.part = 'body'
                AND CASE
                    WHEN ledger.json(p.content) IS NULL THEN position(\(text) IN encode(p.content, 'escape')) > 0
                    ELSE EXISTS (
                        SELECT
                        FROM jsonb_path_query(ledger.json(p.content), 'strict $.**') AS v (value)
                        WHERE jsonb_typeof(v.value) = 'string'
                            AND position(lower(\(text)) IN lower(v.value #>> '{}')) > 0
                    )
                END
        )
        """
    }

    private static func status(argument text: String) throws -> ClosedRange<Int32> {
        if let code = Int32(text), 100...999 ~= code { return code...code }
        if text.count == 3, text.hasSuffix("xx"), let first = text.first.flatMap({ Int32(String($0)) }), first > 0 {
            return first * 100...first * 100 + 99
        }
        throw UsageError("--status takes a code such as 422, or a class such as 4xx, not \(text.debugDescription)")
    }

    /// What happened to a share itself, and the replays that had something of it to send.
    ///
    /// Those stand in no share's chain: what is on its way, and every attempt that was made, names its replay.
    private static func isOf(_ share: FoundShare, in session: inout PostgresSession) throws -> SQL {
        let replays = try session.query(
            """
            SELECT q.replay_id::text
            FROM delivery.queue AS q
            WHERE q.share_id = \(share.id)
                AND q.replay_id IS NOT NULL
            UNION
            SELECT ledger.json(f.content) ->> 'replay'
            FROM ledger.event AS e
            JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
            WHERE e.share_id = \(share.id)
                AND e.type IN ('attempt.begun', 'delivery.parked', 'delivery.skipped', 'delivery.abandoned')
                AND ledger.json(f.content) ? 'replay'
            """
        )
        .decode((String).self)
        return " AND (e.share_id = \(share.id) OR \(isOf(replays: replays)))"
    }

    /// All that happened to replays, which are told by their positions.
    private static func isOf(replays: [String]) -> SQL {
        guard !replays.isEmpty else { return "false" }
        return """
            e.position = ANY (\(replays.compactMap { Int64($0) }))
            OR e.type IN ('replay.paused', 'replay.resumed', 'replay.cancelled', 'replay.finished')
            AND EXISTS (
                SELECT
                FROM ledger.payload AS p
                WHERE p.position = e.position
                    AND p.part = 'facts'
                    AND ledger.json(p.content) ->> 'replay' = ANY (\(replays))
            )
            """
    }

    /// What happened under the partner's agreements, what was done about the partner itself, and replays to it.
    private static func isOf(_ partner: PartnerRecord, in session: inout PostgresSession) throws -> SQL {
        let replays = try session.query(
            """
            SELECT e.position::text
            FROM ledger.event AS e
            JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
            JOIN projection.agreement AS a ON a.agreement = ledger.json(f.content) ->> 'agreement'
            WHERE e.stream_id = (SELECT s.stream_id FROM ledger.stream AS s WHERE s.name = 'system')
                AND e.type = 'replay.requested'
                AND a.partner_id = \(partner.id)
            """
        )
        .decode((String).self)
        return """
             AND (
                e.stream_id = ANY (ARRAY(
                    SELECT a.stream_id
                    FROM projection.agreement AS a
                    WHERE a.partner_id = \(partner.id)
                ))
                OR e.position = \(partner.id)
                OR e.stream_id = (SELECT s.stream_id FROM ledger.stream AS s WHERE s.name = 'system')
                AND EXISTS (
                    SELECT
                    FROM ledger.payload AS p
                    WHERE p.position = e.position
                        AND p.part = 'facts'
                        AND ledger.json(p.content) ->> 'partner' = \("\(partner.id)")
                )
                OR \(isOf(replays: replays))
            )
            """
    }

    private static func types(argument text: String) throws -> [EventType] {
        try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { word in
            let types = EventType.allCases.filter { $0.rawValue == word || $0.rawValue.hasPrefix("\(word).") }
            guard !types.isEmpty else {
                let known = EventType.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError("\(String(word).debugDescription) is no type of event; there are \(known)")
            }
            return types
        }
    }
}
