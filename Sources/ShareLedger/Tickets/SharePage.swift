import Delivery
import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TicketSharing

/// A share as people read it: the ticket, its comments in order, who holds what, what the agreement allows.
struct SharePage: Sendable {
    private let share: FoundShare
    private let moment: AsOf
    private let view: PointOfView
    private let partner: String
    private let held: ReconstructedShare
    private let deliveries: DeliveryLanes
    private let skipped: SkippedDeliveries

    /// - Parameter withDeliveries: Whether to look what of the share is still on its way, and was given up.
    init(
        of share: FoundShare,
        asOf moment: AsOf,
        view: PointOfView = .us,
        withDeliveries: Bool = false,
        in session: inout PostgresSession,
    ) throws {
        let agreement = share.agreement.agreement.id
        let reconstructed = try Reconstructor.share(
            agreement: agreement,
            ticket: share.ticket,
            asOf: moment,
            view: view,
            in: &session
        )
        guard let reconstructed else {
            throw try Self.absence(of: share, asOf: moment, view, in: &session)
        }
        self.share = share
        self.moment = moment
        self.view = view
        held = reconstructed
        let id = share.agreement.partner
        partner = try PartnerReader.all(in: &session).first { $0.id == id }?.name ?? "an unknown partner"
        let lanes: SQL = """
            q.partner_id IN (0, \(id))
            AND q.stream_id = \(share.agreement.stream)
            AND q.share_id = \(share.id)
            """
        deliveries =
            withDeliveries
            ? DeliveryLanes(try QueuedDelivery.all(where: lanes, order: .lanes, limit: 1000, in: &session))
            : DeliveryLanes()
        skipped = withDeliveries ? try SkippedDeliveries(of: share.id, in: &session) : SkippedDeliveries()
    }

    /// Why there is nothing to show at a moment, and from when on there is.
    private static func absence(
        of share: FoundShare,
        asOf moment: AsOf,
        _ view: PointOfView,
        in session: inout PostgresSession,
    ) throws -> CommandFailure {
        guard view == .us else {
            let text = "\(share.name) was not known to the partner yet at that moment, as far as we know"
            return CommandFailure(
                "\(text); 'shareledger ticket show \(share.name)' says what has reached it",
                status: 66
            )
        }
        guard let first = try LedgerReader.event(at: share.id, in: &session) else {
            return CommandFailure("the first event of \(share.name) is not in the ledger any more", status: 66)
        }
        var text =
            "\(share.name) was not shared yet at that moment: that was at position \(share.id), \(first.recorded)"
        if case .time = moment { text += "; --at goes by when events were recorded, not by the times in the ticket" }
        return CommandFailure(text, status: 66)
    }

    /// The ticket in the protocol's own form.
    var ticket: [UInt8] {
        held.ticket.encoded()
    }

    /// False where messages could not be folded and what they said is missing.
    var isComplete: Bool {
        held.faults.isEmpty
    }

    /// What somebody who reads the ticket should know.
    var warnings: [String] {
        var warnings = held.faults.map { "\($0.isDamage ? "Damaged" : "Missing"): \($0)" }
        if held.faults.contains(where: \.isDamage) {
            warnings.append(
                "This is what is left without it; compare with a backup, and see 'shareledger doctor --all'"
            )
        }
        if !held.state.erasedMembers.isEmpty {
            let members = held.state.erasedMembers.map(\.name).sorted().joined(separator: ", ")
            warnings.append("Erased, and so neither shown nor known: \(members)")
        }
        let comments = held.state.erasedComments.count
        if comments > 0 { warnings.append("Erased: what \(comments) of the comments said") }
        return warnings
    }
}

// MARK: - For people

extension SharePage {
    /// Head, comments in order, permissions, who holds what.
    var text: String {
        PageFields.text(fields)
            + zip(held.ticket.comments, held.comments).enumerated().map { "\n" + text(of: $1.0, $1.1, number: $0 + 1) }
            .joined()
    }

    private var fields: [(name: String, value: String)] {
        let ticket = held.ticket
        var fields = [
            (name: "Ticket", value: ticket.id.text),
            ("Agreement", agreement),
            ("Copy", "\(view == .us ? "ours" : "\(partner)'s, as far as we know"), \(when)"),
            (
                "Shared",
                isComplete ? ticket.isShared ? "yes" : "no, it was unshared: an orphan" : "not known for certain"
            ),
            ("Messages", messages),
        ]
        func add(_ name: String, _ value: String?) {
            if let value { fields.append((name, value)) }
        }
        add("Subject", ticket.subject)
        add("Status", ticket.status.map { status in ticket.customStatus.map { "\(status) (\($0))" } ?? status })
        add("Requested", ticket.requestedAt.map(Self.utc))
        add("Requester", ticket.requester.map(Self.name))
        add("Acted last", ticket.currentActor.map(Self.name))
        add("Number there", ticket.originalID?.text)
        add("Tags", ticket.tags?.joined(separator: ", "))
        add("Custom", ticket.customFields?.text)
        for member in ticket.unknownMembers {
            add("Also said", "\(String(decoding: member.rawName, as: UTF8.self)): \(member.value.text)")
        }
        for member in held.state.erasedMembers.map(\.name).sorted() {
            fields.append(("Erased", member))
        }
        fields += held.faults.map { ($0.isDamage ? "Damaged" : "Missing", "\($0)") }
        add("Permissions", held.agreement.map { Self.permissions($0.agreement.permissions) })
        fields += deliveries.fields + skipped.fields(partner: partner)
        return fields
    }

    private var agreement: String {
        let id = share.agreement.agreement.id.text
        guard let state = held.agreement else { return "\(id) with \(partner)" }
        let sides = state.ourRole == .sender ? "we share with \(partner)" : "\(partner) shares with us"
        return "\(id), \(state.agreement.status.rawValue): \(sides)"
    }

    private var when: String {
        switch moment {
        case .now: "as it is now"
        case .time(let time): "as it was at \(time)"
        case .position(let position): "as it was at position \(position)"
        }
    }

    private var messages: String {
        let range = "from position \(held.firstPosition) to \(held.lastPosition)"
        let open = held.unacknowledgedCount
        return open == 0 ? range : "\(range); \(open) to \(partner) not acknowledged"
    }

    private func text(of comment: TicketComment, _ held: HeldComment, number: Int) -> String {
        var head = "Comment \(number)  \(comment.isPublic ? "public" : "private")"
        if let author = comment.author { head += ", by \(Self.name(author))" }
        if let time = comment.authoredAt { head += ", \(Self.utc(time))" }
        let holder = held.partnerSince.map { "\(partner) holds it since position \($0)" }
        let origin = held.direction == .inbound ? "from \(partner)" : "from our desk"
        var lines = [
            TerminalText.line(head),
            TerminalText.line(
                "  \(comment.id.text), \(origin) at position \(held.position); \(holder ?? "not known to be with \(partner)")"
            ),
        ]
        if self.held.state.erasedComments.contains(comment.id) { lines.append("    [erased]") }
        let body = comment.body ?? comment.htmlBody ?? ""
        for line in TerminalText.lines(body).split(separator: "\n", omittingEmptySubsequences: false)
        where !body.isEmpty {
            lines.append("    \(line)")
        }
        for file in comment.attachments ?? [] {
            let kind = file.contentType.map { ", \($0)" } ?? ""
            lines.append(TerminalText.line("    file \(file.displayFilename ?? file.filename)\(kind): \(file.url)"))
        }
        if let fields = comment.customFields { lines.append(TerminalText.line("    custom \(fields.text)")) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// In UTC; a time beyond the years of the protocol's forms stays as it was written.
    private static func utc(_ time: WireTime) -> String {
        WireTime(microseconds: time.microseconds, in: .xml)?.text ?? time.text
    }

    private static func name(_ actor: TicketActor) -> String {
        let name = actor.name ?? actor.id?.text ?? "somebody without a name"
        return actor.role.map { "\(name) (\($0))" } ?? name
    }

    private static func permissions(_ permissions: Agreement.Permissions) -> String {
        let allowed = [
            ("tags", permissions.syncsTags), ("custom fields", permissions.syncsCustomFields),
            ("public comments of the receiver", permissions.allowsPublicComments),
        ]
        return allowed.map { "\($0.0) \($0.1 ? "yes" : "no")" }.joined(separator: ", ")
    }
}

// MARK: - For programs

extension SharePage {
    /// Writes the members of the share's object.
    func write(to object: inout JSONWriter) {
        object.member("agreement", share.agreement.agreement.id.text)
        object.optional("agreement_status", held.agreement?.agreement.status.rawValue)
        object.member("partner", partner)
        object.member("shared", held.ticket.isShared)
        object.member("first_position", held.firstPosition.rawValue)
        object.member("last_position", held.lastPosition.rawValue)
        object.member("unacknowledged", held.unacknowledgedCount)
        object.name("comments")
        object.array { array in
            for (comment, held) in zip(held.ticket.comments, held.comments) {
                array.object { object in
                    object.member("uuid", comment.id.text)
                    object.member("public", comment.isPublic)
                    object.member("direction", held.direction.rawValue)
                    object.member("position", held.position.rawValue)
                    object.optional("partner_since", held.partnerSince?.rawValue)
                }
            }
        }
        deliveries.write(to: &object)
        skipped.write(to: &object)
        object.strings("faults", held.faults.map(\.description))
        object.name("ticket")
        object.raw(ticket)
    }
}
