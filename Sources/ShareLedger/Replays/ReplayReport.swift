import Arguments
import JSON
import Ledger
import Replay
import Sharing
import TicketSharing

/// A plan as it is printed, with the replay that came of it.
struct ReplayReport {
    private let plan: ReplayPlan
    private let started: StartedReplay?

    /// Lanes in a table, and in JSON with all their positions.
    private static let tableCount = 40
    private static let listCount = 10_000

    init(_ plan: ReplayPlan, _ started: StartedReplay? = nil) {
        self.plan = plan
        self.started = started
    }

    func print(_ arguments: ParsedArguments) {
        if arguments[Options.json] {
            JSONText.print(write)
        } else {
            printTable()
        }
    }

    // MARK: For people

    private func printTable() {
        var table = TextTable([
            "agreement", "ticket", "messages", "first", "last", "acknowledged", "waiting", "then state",
        ])
        for lane in plan.lanes.prefix(Self.tableCount) {
            table.add([
                ShortIdentifier.of(lane.agreement.text),
                lane.ticket.map { ShortIdentifier.of($0.text) } ?? "-",
                "\(lane.messages.count)",
                lane.messages.first.map { "\($0)" },
                lane.messages.last.map { "\($0)" },
                "\(lane.acknowledgedCount)",
                "\(lane.waitingCount)",
                lane.hasState ? "yes" : "",
            ])
        }
        if !plan.lanes.isEmpty { Console.print(table.text) }
        let hidden = plan.lanes.count - Self.tableCount
        if hidden > 0 { Console.note("and \(hidden) more; --json shows them") }
        Console.note(summary)
        note("warning", plan.warnings)
        note("refused", plan.refusals)
        if let started {
            let count = started.itemCount == 1 ? "1 delivery" : "\(started.itemCount) deliveries"
            let id = started.receipt.position
            Console.note("Replay \(id) is recorded, \(count) that 'shareledger serve' makes")
            Console.note("'shareledger replay watch \(id)' shows how far it is")
        }
    }

    private var summary: String {
        var what: [String] = []
        if let range = plan.messageRange {
            let places =
                range.lowerBound == range.upperBound
                ? "at position \(range.lowerBound)" : "from position \(range.lowerBound) to \(range.upperBound)"
            let acknowledged = "\(plan.acknowledgedCount) of them acknowledged before"
            what.append("\(counted(plan.messageCount, "message")) \(places), \(acknowledged)")
        }
        if plan.stateCount > 0 { what.append("the state of \(counted(plan.stateCount, "ticket"))") }
        let pace = plan.seconds.map { seconds in
            ", at \(plan.request.rate ?? 0) a second in \(ProgressBar.time(Double(seconds))) or more"
        }
        return "To \(place): \(what.isEmpty ? "nothing" : what.joined(separator: ", then "))\(pace ?? "")"
    }

    private var place: String {
        let partners = plan.partners.map(\.name).joined(separator: ", ")
        return switch plan.request.target {
        case .partner: partners
        case .desk: "our desk, as shared with \(partners)"
        case .sandbox(let sandbox): "\(sandbox.url.text) instead of \(partners)"
        }
    }

    private func counted(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    private func note(_ word: String, _ notices: ReplayNotices) {
        for notice in notices.kept {
            let place = [notice.agreement?.text, notice.ticket?.text].compactMap(\.self).map(ShortIdentifier.of)
                .joined(separator: "/")
            Console.note("\(word): \(place.isEmpty ? "" : "\(place): ")\(notice.text)")
        }
        for (code, count) in notices.counts.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where count > ReplayNotices.keptCount {
            Console.note("\(word): \(count - ReplayNotices.keptCount) more of this kind (\(code.rawValue))")
        }
    }

    // MARK: For programs

    private func write(_ object: inout JSONWriter) {
        object.optional("replay", started?.receipt.position.rawValue)
        object.member("mode", plan.request.mode.rawValue)
        object.member("destination", plan.request.target.kind.rawValue)
        object.strings("partners", plan.partners.map(\.name))
        object.member("refused", plan.isRefused)
        object.member("messages", plan.messageCount)
        object.member("states", plan.stateCount)
        object.member("acknowledged", plan.acknowledgedCount)
        object.member("skipped", plan.replacedCount)
        object.optional("first", plan.messageRange?.lowerBound.rawValue)
        object.optional("last", plan.messageRange?.upperBound.rawValue)
        object.member("planned_at", plan.end.rawValue)
        object.optional("rate", plan.request.rate.map { Int64($0) })
        object.optional("seconds", plan.seconds.map { Int64($0) })
        object.name("shares")
        object.array { array in
            var count = 0
            for lane in plan.lanes {
                guard count < Self.listCount else { break }
                count += lane.messages.count + 1
                array.object { write(lane, &$0) }
            }
        }
        object.member("shares_in_all", plan.lanes.count)
        write("warnings", plan.warnings, &object)
        write("refusals", plan.refusals, &object)
    }

    private func write(_ lane: ReplayLanePlan, _ object: inout JSONWriter) {
        object.member("agreement", lane.agreement.text)
        object.optional("ticket", lane.ticket?.text)
        object.name("positions")
        object.array { array in
            for position in lane.messages { array.raw(Array("\(position)".utf8)) }
        }
        object.member("acknowledged", lane.acknowledgedCount)
        object.member("waiting", lane.waitingCount)
        object.member("then_state", lane.hasState)
    }

    private func write(_ name: String, _ notices: ReplayNotices, _ object: inout JSONWriter) {
        object.name(name)
        object.array { array in
            for notice in notices.kept {
                array.object { object in
                    object.member("code", notice.code.rawValue)
                    object.member("count", notices.counts[notice.code] ?? 0)
                    object.optional("agreement", notice.agreement?.text)
                    object.optional("ticket", notice.ticket?.text)
                    object.optional("position", notice.position?.rawValue)
                    object.member("text", notice.text)
                }
            }
        }
    }
}
