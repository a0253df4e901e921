import Foundation
import Ledger
import Sharing
import Testing
import TicketSharing

/// A ledger of made-up histories, and what a plain fold makes of them after each message.
struct GeneratedLedger {
    struct Share: Hashable {
        let agreement: String
        let ticket: String
    }

    struct Message {
        let share: Share
        let position: Position
        let isInbound: Bool
        let after: ReferenceTicket
        /// What the partner holds after it, all of which has reached it.
        let partnerAfter: ReferenceTicket
    }

    let ledger: LedgerFixture
    private(set) var messages: [Message] = []
    private var tickets: [Share: ReferenceTicket] = [:]
    private var held: [Share: ReferenceTicket] = [:]
    private var waiting: [Share: [(receipt: Receipt, method: String, body: [String: Any], byReceiver: Bool)]] = [:]
    private var agreements: [(id: String, token: String, weSend: Bool, allowed: ReferenceTicket.Permissions)] = []
    private var random: SeededGenerator
    private var commentNumber = 0

    static let partner = "lens"
    static let partnerURL = "https://lens.example/sharing"

    init(seed: UInt64, messageCount: Int) async throws {
        ledger = try await LedgerFixture()
        random = SeededGenerator(seed: seed)
        try await ledger.addPartner(Self.partner, Self.partnerURL)
        for number in 0..<4 {
            var allowed = ReferenceTicket.Permissions()
            allowed.tags = number != 1
            allowed.customFields = number != 2
            allowed.publicComments = number < 2
            let id = "agreement-\(number)"
            let said = """
                ,"sync_tags":\(allowed.tags),"sync_custom_fields":\(allowed.customFields),\
                "allows_public_comments":\(allowed.publicComments)
                """
            let weSend = number % 2 == 0
            let token = try await ledger.agree(id, with: Self.partner, at: Self.partnerURL, weSend: weSend, said)
            agreements.append((id, token, weSend, allowed))
        }
        try await extend(by: messageCount)
    }

    mutating func extend(by count: Int) async throws {
        let target = messages.count + count
        while messages.count < target { try await step() }
    }

    var shares: [Share] { Array(tickets.keys) }

    func ticket(_ share: Share) -> ReferenceTicket { tickets[share] ?? ReferenceTicket() }

    // MARK: One message

    private mutating func step() async throws {
        let agreement = random.one(of: agreements)
        let share = Share(agreement: agreement.id, ticket: "ticket-\(Int.random(in: 0..<5, using: &random))")
        let isShared = tickets[share]?.isShared ?? false
        let method = !isShared ? "POST" : random.chance(8) ? "DELETE" : "PUT"
        let weWrite = isShared ? random.chance(50) : agreement.weSend
        let byReceiver = weWrite != agreement.weSend
        let body = method == "DELETE" ? [:] : message(of: share, isWhole: method == "POST")
        let json = method == "DELETE" ? Data() : try JSONSerialization.data(withJSONObject: body)
        let answer = try await ledger.send(
            method,
            "tickets/\(share.ticket)",
            Array(json),
            token: agreement.token,
            to: weWrite ? Self.partner : nil,
        )
        // Two empty updates in a row are one message.
        guard !answer.isRepeat else { return }
        let receipt = try #require(answer.receipt)
        try #require(answer.fault == nil, "\(String(describing: answer.fault))")
        tickets[share, default: ReferenceTicket()].apply(method, body, byReceiver: byReceiver, agreement.allowed)
        if weWrite {
            waiting[share, default: []].append((receipt, method, body, byReceiver))
        } else {
            held[share, default: ReferenceTicket()].apply(method, body, byReceiver: byReceiver, .init(), isOwn: true)
        }
        if random.chance(40) { try await deliver(share) }
        messages.append(
            Message(
                share: share,
                position: receipt.position,
                isInbound: !weWrite,
                after: tickets[share]!,
                partnerAfter: held[share] ?? ReferenceTicket(),
            )
        )
    }

    /// Delivers what waits, in order; sometimes only after a failed attempt.
    private mutating func deliver(_ share: Share) async throws {
        for message in waiting.removeValue(forKey: share) ?? [] {
            if random.chance(20) {
                try await ledger.attempt(
                    message.receipt,
                    agreement: share.agreement,
                    ticket: share.ticket,
                    succeeds: false
                )
            }
            try await ledger.attempt(message.receipt, agreement: share.agreement, ticket: share.ticket)
            held[share, default: ReferenceTicket()]
                .apply(message.method, message.body, byReceiver: message.byReceiver, .init())
        }
    }

    /// What the partner holds now.
    func partnerTicket(_ share: Share) -> ReferenceTicket? { held[share] }

    private mutating func message(of share: Share, isWhole: Bool) -> [String: Any] {
        var body: [String: Any] = ["uuid": share.ticket]
        func maybe(_ name: String, _ value: @autoclosure () -> Any, _ random: inout SeededGenerator) {
            if random.chance(isWhole ? 80 : 35) { body[name] = random.chance(10) ? NSNull() : value() }
        }
        let number = Int.random(in: 0..<1000, using: &random)
        maybe("subject", "Subject \(number) — “soft” \u{1F4F7}", &random)
        maybe("status", ["new", "open", "pending", "solved"][number % 4], &random)
        maybe("custom_status", "waiting \(number % 7)", &random)
        maybe("requested_at", "2011-06-07 09:12:\(10 + number % 50) -0700", &random)
        maybe("tags", (0..<number % 4).map { "tag \($0 * number)" }, &random)
        maybe("custom_fields", ["serial": "LX-\(number)", "nested": ["n": [1, number], "s": "\u{0}"]], &random)
        maybe("original_id", number % 2 == 0 ? "\(number)" : number, &random)
        maybe("requester", ["uuid": "actor-\(number % 9)", "name": "Jörg \(number)", "x_team": "blue"], &random)
        maybe("current_actor", ["uuid": "actor-\(number % 5)", "role": "agent"], &random)
        maybe("x_\(number % 3)", ["kept": number], &random)
        if random.chance(70) {
            body["comments"] = (0..<Int.random(in: 0..<4, using: &random)).map { _ in comment() }
        }
        return body
    }

    private mutating func comment() -> [String: Any] {
        commentNumber += 1
        let isOld = commentNumber > 5 && random.chance(20)
        let number = isOld ? Int.random(in: 1...commentNumber, using: &random) : commentNumber
        var comment: [String: Any] = ["uuid": "comment-\(number)", "body": "Text \(commentNumber)\n\"quoted\" \\ ü"]
        if random.chance(60) { comment["public"] = random.chance(50) }
        if random.chance(60) { comment["author"] = ["uuid": "actor-\(number % 5)", "name": "Åsa"] }
        if random.chance(60) { comment["authored_at"] = "2011-06-08T08:00:\(10 + number % 50)Z" }
        if random.chance(30) { comment["html_body"] = "<p>\(number)</p>" }
        if random.chance(30) { comment["custom_fields"] = ["level": number] }
        if random.chance(20) { comment["attachments"] = [["url": "https://x.example/\(number)", "filename": "ñ.jpg"]] }
        return comment
    }
}
