import Delivery
import JSON
import Ledger
import Sharing

/// How a delivery reads on the pages of shares, agreements and partners.
extension QueuedDelivery {
    /// What it is of, as people type it.
    var subject: String {
        ticket.map { "\(agreement)/\($0)" } ?? agreement
    }

    /// Where it goes.
    var place: String {
        switch lane.destination {
        case .partner: partner
        case .desk: "our desk"
        case .sandbox: "the sandbox"
        }
    }

    /// Its number, what it delivers, and how it stands.
    ///
    /// - Parameter ahead: How many go before it in its lane, where that is known.
    func line(ahead: Int? = nil, now: Timestamp = .now()) -> String {
        "\(id.rawValue): the \(type.rawValue) of position \(message) to \(place) \(standing(ahead: ahead, now: now))"
    }

    /// How it stands, as the end of a sentence.
    func standing(ahead: Int? = nil, now: Timestamp = .now()) -> String {
        let attempts = attempts == 1 ? "1 attempt" : "\(attempts) attempts"
        switch state {
        case .parked:
            return "is parked after \(attempts): \(error ?? "nobody has said why")"
        case .claimed:
            let begun = claim?.begun.map { "was begun at \($0), its end is not recorded" } ?? "is about to be tried"
            guard let claim else { return begun }
            let successor = claim.end <= now ? "whoever serves next takes it over" : "taken over at \(claim.end)"
            return "\(begun); \(successor) if its process has gone"
        case .behind:
            let others = ahead.map { $0 == 1 ? "1 other" : "\($0) others" } ?? "others"
            return "waits behind \(others)"
        case .waiting:
            let time = due <= now ? "is due now" : "is due \(due)"
            let story = self.attempts == 0 ? "" : ", after \(attempts)" + (error.map { ", the last: \($0)" } ?? "")
            let barrier = barrier.map { "; delivery \($0.rawValue) goes first" } ?? ""
            return time + story + barrier
        }
    }

    /// What keeps it, in a table: the delivery that goes before it, or what the last attempt came to.
    var obstacle: String? {
        if state == .waiting, holding == .out { return "\(place) is out" }
        if state == .waiting, holding == .replayPaused { return "its replay is paused" }
        if state == .waiting, holding == .replayPreparing { return "its replay is being enqueued" }
        if state == .waiting, let barrier { return "delivery \(barrier.rawValue) goes first" }
        return error.map { TerminalText.shortened($0, to: 80) }
    }

    /// What an operator can do about it: nothing where it goes by itself.
    func advice(now: Timestamp = .now()) -> [String] {
        var advice: [String] = []
        switch holding {
        case .paused: advice.append("\(partner) is paused: 'shareledger partner resume \(partner)' lets it go")
        case .proposed: advice.append("\(partner) is only proposed: 'shareledger agreement accept' lets it go")
        case .out where lane.destination.kind != .partner:
            advice.append("\(place) does not answer: one delivery at a time, once a minute or more often, tries it")
        case .out:
            let place = "'shareledger partner show \(partner)' says since when and what is tried"
            advice.append("\(partner) is out: \(place); 'shareledger partner resume \(partner)' does not wait")
        case .replayPaused:
            let id = replay.map { "\($0)" } ?? "ID"
            advice.append("its replay is paused: 'shareledger replay resume \(id)' or 'cancel' lets the lane go on")
        case .replayPreparing: advice.append("its replay is still being enqueued, and begins when all of it is")
        case .noDesk: advice.append("'shareledger serve' was last run without --desk-url: nothing goes to the desk")
        case nil: break
        }
        if state == .parked || (state == .waiting && due > now) {
            advice.append("'shareledger delivery retry \(id.rawValue) --reason TEXT' has it tried at once")
        }
        if state == .parked {
            advice.append("'shareledger delivery skip \(id.rawValue) --reason TEXT' gives it up: the next one goes")
        }
        return advice
    }

    /// Writes the members of its object.
    func write(to object: inout JSONWriter, ahead: Int? = nil) {
        object.member("id", id.rawValue)
        object.member("state", state.rawValue)
        object.member("message", message.rawValue)
        object.member("type", type.rawValue)
        object.member("agreement", agreement)
        object.optional("ticket", ticket)
        object.member("partner", partner)
        object.member("to", lane.destination.kind.rawValue)
        object.optional("held", holding?.rawValue)
        object.member("attempts", attempts)
        object.member("enqueued_at", "\(enqueued)")
        object.member("due_at", "\(due)")
        if let claim {
            object.optional("begun_at", claim.begun.map { "\($0)" })
            object.member("taken_over_at", "\(claim.end)")
        }
        if let ahead { object.member("behind", ahead) }
        object.optional("waits_for", barrier?.rawValue)
        object.optional("reason", reason)
        object.optional("last_attempt", lastAttempt?.type.rawValue)
        object.optional("last_attempt_at", lastAttempt.map { "\($0.recorded)" })
        object.optional("last_attempt_position", lastAttempt?.position.rawValue)
        object.optional("last_status", lastAttempt?.status.map { Int64($0) })
        object.optional("last_error", lastAttempt?.error)
        object.optional("replay", replay?.rawValue)
    }
}

/// Deliveries in the order in which they go, each with how many of its lane are before it.
struct DeliveryLanes: Sendable {
    let entries: [(delivery: QueuedDelivery, ahead: Int)]

    /// - Parameter deliveries: Read lane by lane, each from its first.
    init(_ deliveries: [QueuedDelivery] = []) {
        var counts: [ShareLane: Int] = [:]
        entries = deliveries.map { delivery in
            defer { counts[delivery.lane, default: 0] += 1 }
            return (delivery, counts[delivery.lane, default: 0])
        }
    }

    /// Lines of a page: each delivery, and under it what to do.
    var fields: [(name: String, value: String)] {
        entries.flatMap { delivery, ahead in
            [("Delivery", delivery.line(ahead: ahead))] + delivery.advice().map { ("", $0) }
        }
    }

    /// Writes the member `deliveries`.
    func write(to object: inout JSONWriter) {
        object.name("deliveries")
        object.array { array in
            for (delivery, ahead) in entries {
                array.object { delivery.write(to: &$0, ahead: ahead) }
            }
        }
    }
}
