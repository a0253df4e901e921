import Cryptography
import Delivery
import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TicketSharing

/// Looks at the ledger and what is made of it, in samples that take about a second however long it is.
enum LedgerChecks {
    static let all = [
        origin, extent, gaps, leaves, following, deliveries, LostMessageCheck.check(isWhole: false), partners,
    ]

    /// Without those that look at the ledger's events in samples, for who looks at all of them.
    static let withoutSamples = [
        origin, extent, following, deliveries, LostMessageCheck.check(isWhole: true), partners, accessKeys,
    ]

    /// Events whose leaves are computed again, and those of them whose parts are.
    private static let leafCount = 1000
    private static let partCount = 100

    /// Faults that get a line of their own.
    private static let shownCount = 100

    /// How many positions are counted at the end, and in each of the stretches all over the ledger.
    private static let tailCount: Int64 = 10_000
    private static let stretchCount: Int64 = 16
    private static let stretchLength: Int64 = 1000

    private static let origin = DatabaseCheck("origin", isFundamental: true) { _, session in
        let rows = try session.query("SELECT name, epoch FROM ledger.epoch ORDER BY epoch DESC LIMIT 1")
            .decode((String, Int32).self)
        guard let newest = rows.first, let settings = try SavedSettings.load(in: &session) else {
            return [.fail("origin", "there is no ledger yet", advice: "'shareledger init' or 'serve' makes one")]
        }
        var findings: [Finding] = [.ok("origin", "\(newest.0)/\(newest.1)")]
        let publicURL = try settings.sharingSettings().publicURL
        if !publicURL.isSecure, !ServiceChecks.isLoopback(publicURL.host) {
            let message = "partners reach us at \(publicURL.text), without TLS"
            findings.append(.warn("public URL", message, advice: "put a TLS proxy in front, or give --tls-cert"))
        } else {
            findings.append(.ok("public URL", publicURL.text))
        }
        return findings
    }

    private static let extent = DatabaseCheck("ledger") { _, session in
        guard let last = try LedgerReader.events(where: "true", limit: 1, isDescending: true, in: &session).first else {
            return [.fail("ledger", "it has no events", advice: "restore it from its backup")]
        }
        var findings: [Finding] = [.ok("ledger", "last position \(last.position), recorded at \(last.recorded)")]
        let ahead = last.recorded.microseconds - Timestamp.now().microseconds
        if ahead > 1_000_000 {
            let message = "the last event is \(ahead / 1_000_000) s ahead of the clock"
            findings.append(.warn("ledger", message, advice: "the clock was set back; times go on from the last event"))
        }
        let next = last.position.rawValue + 1
        if let (known, end) = try missingEnd(in: &session) {
            let message = "position \(known) was recorded, but the ledger ends at \(end)"
            let advice = "somebody has deleted the ledger's end: take no more messages, and compare with a backup"
            findings.append(.fail("ledger", message, advice: advice))
        }
        let hasRoom = try session.query(
            "SELECT to_regclass('ledger.event_' || lpad((\(next)::bigint / 10000000)::text, 6, '0')) IS NOT NULL"
        ).onlyRow()[0, as: Bool.self]
        if !hasRoom {
            let advice = "'shareledger migrate', then restart the service, which makes partitions ahead"
            findings.append(.fail("ledger", "there is no partition for position \(next)", advice: advice))
        }
        return findings
    }

    /// The last position that anything beside the ledger speaks of, and the ledger's own, where that is not as far.
    private static func missingEnd(in session: inout PostgresSession) throws -> (known: Position, end: Position)? {
        let rows = try session.query(
            """
            SELECT k.position, l.position
            FROM (
                SELECT greatest(
                    (SELECT max(f.next_position) - 1 FROM projection.follower AS f),
                    (SELECT max(h.last_position) FROM projection.ticket_head AS h),
                    (SELECT max(a.last_position) FROM projection.agreement AS a),
                    (SELECT max(q.message_position) FROM delivery.queue AS q),
                    (SELECT max(k.position) FROM ledger.access_key AS k),
                    (SELECT max(s.stream_id) FROM ledger.stream AS s),
                    (SELECT max(s.share_id) FROM ledger.share AS s))
            ) AS k (position)
            JOIN (SELECT max(e.position) FROM ledger.event AS e) AS l (position) ON l.position < k.position
            """
        )
        return try rows.first.map { row in (try row[0, as: Position.self], try row[1, as: Position.self]) }
    }

    private static let gaps = DatabaseCheck("gaps") { _, session in
        let size = try LedgerReader.size(in: &session).rawValue
        var stretches = [max(0, size - tailCount)..<size]
        for number in 0..<stretchCount {
            let start = size / stretchCount * number
            stretches.append(start..<min(size, start + stretchLength))
        }
        for stretch in stretches {
            let missing = try session.query(
                """
                SELECT wanted.position
                FROM generate_series(\(stretch.lowerBound)::bigint, \(stretch.upperBound)::bigint - 1) AS wanted (position)
                LEFT JOIN ledger.event AS e ON e.position = wanted.position
                WHERE e.position IS NULL
                ORDER BY wanted.position
                LIMIT 1
                """
            )
            if let row = missing.first {
                let position = try row[0, as: Int64.self]
                let advice = "somebody has deleted from the ledger, or a partition is detached: compare with a backup"
                return [.fail("gaps", "there is no event at position \(position)", advice: advice)]
            }
        }
        let extent =
            size > tailCount
            ? "the last \(tailCount) positions, nor in \(stretchCount) stretches of \(stretchLength)"
            : "\(size) positions"
        return [.ok("gaps", "none in \(extent)")]
    }

    private static let leaves = DatabaseCheck("leaves") { _, session in
        let events = Array(
            try LedgerReader.events(where: "true", limit: leafCount, isDescending: true, in: &session).reversed()
        )
        if let fault = ChainCheck.fault(in: events) {
            return [.fail("leaves", fault, advice: "somebody has changed the ledger: compare with a backup")]
        }
        let newest = Array(events.suffix(partCount))
        let faults = try CheckedParts(of: newest, in: &session).faults
        if let first = faults.min(by: { $0.key.position < $1.key.position }) {
            let message = PartFault(first.key, first.value).description
            return [.fail("leaves", message, advice: "somebody has changed the ledger: compare with a backup")]
        }
        return [.ok("leaves", "those of the last \(events.count) events are right, and \(newest.count) events' parts")]
    }

    private static let accessKeys = DatabaseCheck("access keys") { context, session in
        let keys = try KeyFile.load(context.keyFile, mayCreate: false)
        let faults = try AccessKeyAudit.faults(keys, in: &session)
        guard !faults.isEmpty else { return [.ok("access keys", "all are there, and what they are recognised by")] }
        var findings = faults.prefix(shownCount).map { Finding.fail("access keys", $0.description, advice: nil) }
        let advice = "put back the rows of ledger.access_key from a backup, or have those agreements invited again"
        findings.append(.fail("access keys", "\(faults.count) are not as they were", advice: advice))
        return findings
    }

    private static let following = DatabaseCheck("following") { _, session in
        let progress = try FollowerProgress.read(in: &session)
        let unfolded = try session.query("SELECT count(*) FROM projection.unfolded").onlyRow()[0, as: Int64.self]
        guard progress.next <= progress.end else {
            let message = "tickets are folded as far as position \(progress.next), where the ledger has not come yet"
            let advice = "nothing more is folded: 'shareledger projection rebuild', once the ledger is whole"
            return [.fail("following", message, advice: advice)]
        }
        guard unfolded == 0 else {
            let message = "\(unfolded) messages could not be folded into tickets"
            return [.warn("following", message, advice: "'shareledger projection verify' names them")]
        }
        guard progress.lag < 10_000 else {
            let message = "tickets and comments are \(progress.lag) events behind"
            return [
                .warn("following", message, advice: "the running service catches up; if it does not, look at its log")
            ]
        }
        return [.ok("following", progress.lag == 0 ? "up to date" : "\(progress.lag) events behind")]
    }

    private static let deliveries = DatabaseCheck("deliveries") { context, session in
        let latest = Timestamp.now().advanced(by: context.longestWait)
        let row = try session.query(
            """
            SELECT count(*),
                count(*) FILTER (WHERE q.state = 'parked'),
                count(*) FILTER (WHERE \(OverdueDeliveries.condition(before: .now().advanced(by: .seconds(-600))))),
                count(*) FILTER (WHERE q.is_barrier <> (q.share_id IS NULL)),
                count(*) FILTER (WHERE q.state = 'waiting' AND q.due_at > \(latest))
            FROM \(OverdueDeliveries.tables)
            """
        ).onlyRow()
        let (all, parked, overdue, mislabelled, remote) = try row.decode((Int64, Int64, Int64, Int64, Int64).self)
        let misdirected = try misdirectedCount(in: &session)
        let lanes = try HeadlessLanes.count(in: &session)
        var findings: [Finding] = []
        if parked > 0 {
            let advice =
                "'shareledger delivery list --state parked' says why; 'delivery retry' has them tried again, 'delivery skip' gives one up"
            findings.append(.warn("deliveries", "\(parked) parked, waiting for a decision", advice: advice))
        }
        let desk = try session.query(
            "SELECT coalesce(reason, '') FROM delivery.destination WHERE partner_id = 0 AND state = 'out'"
        ).first
        if let desk {
            let advice = "it is tried once a minute or more often; 'shareledger delivery retry' does not wait for that"
            let reason = TerminalText.line(try desk[0, as: String.self])
            findings.append(.warn("deliveries", "our own desk does not answer: \(reason)", advice: advice))
        }
        if lanes.none > 0 {
            let advice = "somebody has deleted from delivery.queue: restart 'shareledger serve', which mends that"
            findings.append(
                .fail("deliveries", "\(lanes.none) lanes stand still, as their first delivery is gone", advice: advice)
            )
        }
        if lanes.several > 0 {
            let message = "\(lanes.several) lanes have several heads, so that their messages may overtake one another"
            let advice = "somebody has changed delivery.queue: only the first row of a lane may have is_head set"
            findings.append(.fail("deliveries", message, advice: advice))
        }
        if mislabelled > 0 {
            let message = "\(mislabelled) are marked as an agreement's own message and are none, or the other way round"
            let advice = "somebody has changed delivery.queue: is_barrier must be what share_id IS NULL says"
            findings.append(.fail("deliveries", message, advice: advice))
        }
        if remote > 0 {
            let hours = context.longestWait.components.seconds / 3600
            let message = "\(remote) are due in more than \(hours) hours, later than any retry"
            let advice = """
                'shareledger delivery retry' has them tried at once; where 'serve' has a --retry-schedule, give it to doctor \
                as well
                """
            findings.append(.fail("deliveries", message, advice: advice))
        }
        if misdirected > 0 {
            let message = "\(misdirected) name another partner, message or share than the ledger does"
            let advice = "somebody has changed delivery.queue: they are parked when they come up, and can be skipped"
            findings.append(.fail("deliveries", message, advice: advice))
        }
        if overdue > 0 {
            let advice = "the running service delivers them; if it runs, look at its log"
            findings.append(.warn("deliveries", "\(overdue) should have been tried 10 minutes ago", advice: advice))
        }
        return findings.isEmpty ? [.ok("deliveries", "\(all) on their way")] : findings
    }

    /// Heads of lanes that are not what the ledger and the agreement make them; see `delivery.claim`.
    private static func misdirectedCount(in session: inout PostgresSession) throws -> Int64 {
        try session.query(
            """
            SELECT count(*)
            FROM delivery.queue AS q
            JOIN projection.agreement AS a ON a.stream_id = q.stream_id
            LEFT JOIN LATERAL (
                SELECT e.event_id, e.stream_id, e.share_id
                FROM ledger.event AS e
                WHERE e.position = q.message_position
                OFFSET 0
            ) AS e ON true
            WHERE q.is_head
                AND q.message_position >= a.first_position
                AND (
                    q.partner_id NOT IN (0, a.partner_id, coalesce(-q.replay_id, 0))
                    OR e.event_id IS DISTINCT FROM q.message_id
                    OR e.stream_id IS DISTINCT FROM q.stream_id
                    OR e.share_id IS DISTINCT FROM q.share_id
                )
            """
        ).onlyRow()[0, as: Int64.self]
    }

    private static let partners = DatabaseCheck("partners") { _, session in
        let partners = try PartnerReader.all(in: &session)
        var findings: [Finding] = []
        // A stranger whose invitation is declined stays proposed, and waits for nothing.
        let invitations = try AgreementReader.all(
            where: "a.status = 'pending' AND a.our_role = 'receiver'",
            in: &session
        )
        let waiting = Set(invitations.map(\.partner))
        let proposed = partners.count { $0.state == .proposed && waiting.contains($0.id) }
        if proposed > 0 {
            let advice = "'shareledger agreement list' shows their invitations; accept with --partner-name, or decline"
            findings.append(.warn("partners", "\(proposed) are only proposed, and wait for an answer", advice: advice))
        }
        let active = Set(partners.filter { $0.state == .active }.map(\.id))
        let count = invitations.count { active.contains($0.partner) }
        if count > 0 {
            let advice = "ask the partner whether it is its own; then 'shareledger agreement accept' or 'decline'"
            let message = "\(count) invitations in the name of active partners wait for an answer"
            findings.append(.warn("partners", message, advice: advice))
        }
        let paused = partners.filter(\.isPaused).map(\.name)
        if !paused.isEmpty {
            let advice = "'shareledger partner resume NAME' lets deliveries go on"
            findings.append(.warn("partners", "paused: \(paused.joined(separator: ", "))", advice: advice))
        }
        let health = try PartnerHealth.all(of: partners, in: &session)
        for partner in partners where !partner.isPaused {
            guard let known = health[partner.id], known.trouble != nil else { continue }
            let advice = "'shareledger delivery list --partner \(partner.name)' shows what waits"
            findings.append(.warn("partners", "\(partner.name): \(known.story)", advice: advice))
        }
        return findings.isEmpty ? [.ok("partners", "\(partners.count)")] : findings
    }
}
