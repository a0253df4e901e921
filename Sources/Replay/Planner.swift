import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// Judges, lane by lane, what of the material can be sent again; pure.
struct Planner {
    private(set) var items: [ReplayItem] = []
    private(set) var lanes: [ReplayLanePlan] = []
    private(set) var refusals = ReplayNotices()
    private(set) var warnings = ReplayNotices()
    private(set) var replaced: [ReplacedDelivery] = []

    /// Skipped deliveries cost an event each, all in one transaction under the ledger's lock.
    static let replacedLimit = 10_000

    private let request: ReplayRequest
    private let material: ReplayMaterial
    private let agreements: [Position: AgreementRecord]

    init(_ request: ReplayRequest, _ material: ReplayMaterial) {
        self.request = request
        self.material = material
        agreements = Dictionary(material.agreements.map { ($0.stream, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func plan(_ partners: [PartnerRecord]) {
        switch request.target.kind {
        case .partner: for partner in partners { judge(partner) }
        case .desk: judgeDesk()
        case .sandbox: break
        }
        var states: [ReplayItem] = []
        for lane in material.lanes {
            guard let agreement = agreements[lane.lane.stream], mayBeSent(lane, under: agreement) else { continue }
            let hasState = needsState(lane)
            judgeGap(lane, needsAll: hasState || request.mode == .state)
            judgeMessages(lane, under: agreement, hasState: hasState)
            judgeEnd(lane, hasState: hasState)
            let waitingCount = judgeQueue(lane, hasState: hasState)
            items += lane.messages.map {
                ReplayItem(lane: lane.lane, position: $0.position, event: $0.event, kind: .message)
            }
            if hasState, let newest = lane.newest {
                states.append(ReplayItem(lane: lane.lane, position: newest.position, event: newest.event, kind: .state))
            }
            lanes.append(
                ReplayLanePlan(
                    lane: lane.lane,
                    agreement: lane.agreement,
                    ticket: lane.ticket,
                    messages: lane.messages.map(\.position),
                    hasState: hasState,
                    acknowledgedCount: lane.messages.count(where: \.isAcknowledged),
                    waitingCount: waitingCount,
                ),
            )
        }
        order(states)
        if replaced.count > Self.replacedLimit {
            let text =
                "more than \(Self.replacedLimit) deliveries stand still: select one agreement or share after the other"
            refusals.append(ReplayNotice(.tooLarge, text: text))
        } else if items.isEmpty, refusals.isEmpty {
            let isAll = request.from == nil && request.to == nil && request.filter == ReplayRequest.Filter()
            let text =
                isAll ? "nothing was sent that could be sent again" : "nothing of what is selected can be sent again"
            refusals.append(ReplayNotice(.nothing, text: text))
        }
    }

    /// All messages in the order of the ledger, then the states: each lane is in order, and none waits for another's end.
    private mutating func order(_ states: [ReplayItem]) {
        items.sort { $0.position < $1.position }
        items += states.sorted { $0.position < $1.position }
        lanes.sort { first, second in
            let (one, other) = (first.messages.first, second.messages.first)
            return switch (one, other) {
            case (let one?, let other?): one < other
            case (nil, nil): (first.lane.share ?? first.lane.stream) < (second.lane.share ?? second.lane.stream)
            case (_?, nil): true
            case (nil, _?): false
            }
        }
    }
}

// MARK: - What may be sent at all

extension Planner {
    private mutating func judge(_ partner: PartnerRecord) {
        if partner.state == .proposed {
            let advice = "'shareledger partner add NAME --url \(partner.baseURL.text)' accepts it"
            refusals.append(ReplayNotice(.partnerProposed, text: "partner \(partner.name) is only proposed; \(advice)"))
        } else if partner.isPaused {
            let advice = "nothing is sent before 'shareledger partner resume \(partner.name)'"
            warnings.append(ReplayNotice(.partnerPaused, text: "partner \(partner.name) is paused; \(advice)"))
        }
    }

    private mutating func judgeDesk() {
        guard !material.hasDesk else { return }
        let text = "no URL of our desk is known: run 'shareledger serve' with --desk-url"
        refusals.append(ReplayNotice(.noDesk, text: text))
    }

    /// Whether the story is told from its beginning, so that each message finds what those before it have made of the target;
    /// and at a sandbox nothing can stand that matters.
    private var tellsAll: Bool {
        guard request.mode == .messages else { return false }
        switch request.target.kind {
        case .partner: return false
        case .sandbox: return true
        case .desk:
            let isWhole = request.filter.types == nil && request.filter.extent == .all && request.from == nil
            return isWhole && request.directions.count == 2 && !isShareOnly
        }
    }

    /// Whether the target would take anything of the lane, as the agreement and the ticket stand now.
    private mutating func mayBeSent(_ lane: LaneMaterial, under record: AgreementRecord) -> Bool {
        guard !tellsAll else { return true }
        let status = record.agreement.status
        guard let ticket = lane.ticket else {
            guard status == .declined else { return mayBeSent(agreement: lane) }
            let text = "agreement \(lane.agreement) is declined, for good: its messages would be refused"
            leaveOut(ReplayNotice(.declined, lane.agreement, text: text), isWhole: !isPartnerWide)
            return false
        }
        guard status == .accepted else {
            let text =
                "agreement \(lane.agreement) is \(status.rawValue): messages of ticket \(ticket) would be refused"
            leaveOut(ReplayNotice(.notAccepted, lane.agreement, ticket, text: text), isWhole: !isPartnerWide)
            return false
        }
        guard !lane.isShared else { return true }
        // An end of a share that goes to the target is a message like any other; after one of its own nothing is to be
        // sent, and an end cannot be said by a state.
        guard request.mode == .messages, lane.newest.map({ request.directions.contains($0.direction) }) ?? false else {
            let text = "ticket \(ticket) is not shared any more: the other side keeps what it has"
            leaveOut(
                ReplayNotice(.unshared, lane.agreement, ticket, at: lane.newest?.position, text: text),
                isWhole: isShareOnly
            )
            return false
        }
        return true
    }

    /// Refuses where this was all that was asked for, and goes on without it where more was.
    private mutating func leaveOut(_ notice: ReplayNotice, isWhole: Bool) {
        if isWhole { refusals.append(notice) } else { warnings.append(notice) }
    }

    private var isPartnerWide: Bool {
        if case .partner = request.scope { return true }
        return false
    }

    private var isShareOnly: Bool {
        if case .share = request.scope { return true }
        return false
    }
}

// MARK: - Messages

extension Planner {
    /// Without what is gone of a share its state is not known; messages that are there can be sent all the same.
    private mutating func judgeGap(_ lane: LaneMaterial, needsAll: Bool) {
        guard let gap = lane.gap else { return }
        let text = "events of the ticket are gone from the ledger (\(gap)): compare with a backup"
        let notice = ReplayNotice(.incomplete, lane.agreement, lane.ticket, at: gap.position, text: text)
        leaveOut(notice, isWhole: needsAll)
    }

    private mutating func judgeMessages(_ lane: LaneMaterial, under record: AgreementRecord, hasState: Bool) {
        if hasState, let position = lane.unfolded {
            let text = "the message at \(position) cannot be folded: the ticket's state is not known"
            refusals.append(ReplayNotice(.unfolded, lane.agreement, lane.ticket, at: position, text: text))
        }
        for message in lane.messages {
            if let damage = message.damage {
                let text = "nothing altered is sent: \(damage); compare with a backup, and begin after it with --from"
                refusals.append(ReplayNotice(.damaged, lane.agreement, lane.ticket, at: message.position, text: text))
            }
            if message.isErased {
                let advice = lane.ticket == nil ? "begin after it with --from" : "'--mode state' sends what is left"
                let text = "the body of the message at \(message.position) is erased; \(advice)"
                refusals.append(ReplayNotice(.erased, lane.agreement, lane.ticket, at: message.position, text: text))
            }
            if request.target == .partner, let version = message.keyVersion, version != record.key?.number {
                let current = record.key.map { "version \($0.number)" } ?? "none"
                let text = """
                    the message at \(message.position) carries version \(version) of the access key, the current one is \
                    \(current); begin after it with --from
                    """
                refusals.append(ReplayNotice(.keySuperseded, lane.agreement, at: message.position, text: text))
            }
        }
    }

    /// Whether the range leaves out the share's newest message, and the operator wants its state then.
    private func needsState(_ lane: LaneMaterial) -> Bool {
        guard let newest = lane.newest, lane.ticket != nil, lane.isShared else { return false }
        if request.mode == .state { return true }
        guard request.endsWithState, let last = lane.messages.last else { return false }
        return last.position < newest.position || lane.leftOut != nil || lane.revived != nil
            || otherChange(in: lane) != nil
    }

    /// Where the other side changed a value that would be sent again, and not followed by a newer one.
    private func otherChange(in lane: LaneMaterial) -> Position? {
        guard let first = lane.messages.first, let change = lane.otherChange, first.position <= change.sent else {
            return nil
        }
        return change.other
    }

    /// Old values must not be the last that the target hears.
    private mutating func judgeEnd(_ lane: LaneMaterial, hasState: Bool) {
        guard !hasState, request.target.kind != .sandbox, let last = lane.messages.last else { return }
        if let leftOut = lane.leftOut {
            let advice = lane.ticket != nil && lane.isShared ? "'--then-state' ends with what stands now" : "select all"
            let text =
                "the message at \(leftOut) came after one that is sent, and is not selected: old values would stand"
            refusals.append(
                ReplayNotice(.leavesOut, lane.agreement, lane.ticket, at: leftOut, text: "\(text); \(advice)")
            )
        } else if let (old, new) = lane.revived {
            let text = """
                the message at \(old) was given up, and the one at \(new) after it is known there or goes first: it may be taken \
                for a repeat then, and old values would stand
                """
            let advice =
                lane.ticket != nil && lane.isShared
                ? "'--then-state' ends with what stands now, '--mode state' sends that alone"
                : "begin after it with --from"
            refusals.append(ReplayNotice(.revives, lane.agreement, lane.ticket, at: old, text: "\(text); \(advice)"))
        } else if let newest = lane.newestSent, last.position < newest {
            let advice =
                switch (lane.ticket, lane.isShared) {
                case (nil, _): "end after it"
                case (_, true): "end after it, or with '--then-state'"
                case (_, false): "end after it, as it ends the share"
                }
            let text = "the range ends before the newest message at \(newest): old values would stand; \(advice)"
            refusals.append(ReplayNotice(.endsEarly, lane.agreement, lane.ticket, at: newest, text: text))
        } else if let change = otherChange(in: lane) {
            let side = request.directions == [.outbound] ? "the partner" : "our desk"
            let text = """
                \(side) changed the ticket at position \(change), after a message that is sent again: older values would \
                stand; '--then-state' ends with what stands now
                """
            warnings.append(ReplayNotice(.otherIsAhead, lane.agreement, lane.ticket, at: change, text: text))
        }
    }
}

// MARK: - An agreement's own messages

extension Planner {
    /// What says the agreement's status must not come after something newer of the other side, and is its author's to say.
    private mutating func mayBeSent(agreement lane: LaneMaterial) -> Bool {
        if request.target == .partner, let theirs = lane.messages.first(where: { $0.direction == .inbound }) {
            let text =
                "the message at \(theirs.position) is the partner's own: only tickets' go back to it (--type ticket)"
            refusals.append(ReplayNotice(.notOurs, lane.agreement, at: theirs.position, text: text))
            return false
        }
        guard let last = lane.messages.last(where: \.setsStatus), let other = lane.otherStatus, last.position < other
        else {
            return true
        }
        let side = request.directions == [.outbound] ? "the partner" : "our desk"
        let text = """
            \(side) has set the agreement's status at \(other), after the message at \(last.position): the old one would \
            stand; end before that message, or begin after it
            """
        leaveOut(ReplayNotice(.otherIsAhead, lane.agreement, at: other, text: text), isWhole: !isPartnerWide)
        return false
    }
}

// MARK: - What is in the queue already

extension Planner {
    /// Takes the place of deliveries that stand still; returns how many go before the replay.
    private mutating func judgeQueue(_ lane: LaneMaterial, hasState: Bool) -> Int {
        guard lane.waitingCount > 0 else { return 0 }
        guard let head = lane.parked.first else {
            let others = "\(lane.waitingCount) deliveries wait already and go first"
            let text = lane.waitingCount == 1 ? "1 delivery waits already and goes first" : others
            warnings.append(ReplayNotice(.waiting, lane.agreement, lane.ticket, text: text))
            return lane.waitingCount
        }
        let positions = Set(lane.messages.map(\.position))
        // Without one left out, all are there with the oldest and the newest.
        let holdsAll =
            lane.leftOut == nil && lane.messages.first?.position == lane.oldest
            && lane.messages.last?.position == lane.newestSent
        let isWhole = hasState || (holdsAll && lane.oldest != nil)
        let open = lane.parked.first { delivery in
            switch delivery.kind {
            case .state: !isWhole
            case .message: !hasState && !positions.contains(delivery.message)
            }
        }
        if let open {
            let text = """
                the lane stands still at \(head.message), and the delivery of \(open.message) is not in the range: include it, \
                use '--mode state', or give it up with 'shareledger delivery skip'
                """
            refusals.append(ReplayNotice(.blocked, lane.agreement, lane.ticket, at: head.message, text: text))
            return lane.waitingCount
        }
        let text =
            "the lane stands still at \(head.message): \(lane.waitingCount) deliveries are skipped in favour of the replay"
        warnings.append(ReplayNotice(.takesOver, lane.agreement, lane.ticket, at: head.message, text: text))
        replaced += lane.parked.map {
            ReplacedDelivery(
                lane: lane.lane,
                partner: agreements[lane.lane.stream]?.partner,
                stream: .agreement(lane.agreement.text),
                ticket: lane.ticket?.text,
                delivery: $0,
            )
        }
        return 0
    }
}
