import JSON
import Ledger
import Replay
import Sharing

/// A replay as people and programs read it.
extension ReplayJob {
    /// Lines of its page.
    var fields: [(name: String, value: String)] {
        let ends = Outcome.allCases.compactMap { outcome in
            ended[outcome].flatMap { $0 > 0 ? "\($0) \(outcome.rawValue)" : nil }
        }
        let queue = [(waitingCount, "waiting"), (claimedCount, "under way"), (parkedCount, "parked")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let place = sandboxURL ?? (destination == .desk ? "our desk" : "the partner")
        let standing = finished.map { "\(state.rawValue) at \($0)" } ?? state.rawValue
        var fields: [(name: String, value: String)] = [
            ("Replay", "\(id)"),
            ("State", standing),
            ("Mode", mode.rawValue),
            ("Partner", partners ?? "erased"),
            ("Destination", place),
            ("Requested", "\(requested) by \(self.operator)"),
            ("Reason", reason),
            ("Rate", rate.map { "\($0) a second at most" } ?? "what the partner takes"),
            ("Items", "\(itemCount)"),
            ("Ended", ends.isEmpty ? "none" : ends.joined(separator: ", ")),
            ("Left", queue.isEmpty ? "none" : queue.joined(separator: ", ")),
        ]
        if let trouble { fields.append(("Answers", "the sandbox is \(trouble)")) }
        return fields + advice.map { ("", $0) }
    }

    private var advice: [String] {
        var advice: [String] = []
        if parkedCount > 0 {
            advice.append("'shareledger delivery list --state parked' says why; 'delivery retry' or 'skip' moves them")
        }
        if state == .paused { advice.append("'shareledger replay resume \(id)' lets it go on") }
        return advice
    }

    /// Writes the members of its object.
    func write(to object: inout JSONWriter) {
        object.member("replay", id.rawValue)
        object.member("state", state.rawValue)
        object.member("mode", mode.rawValue)
        object.optional("partner", partners)
        object.member("destination", destination.rawValue)
        object.optional("url", sandboxURL)
        object.optional("trouble", trouble)
        object.member("reason", reason)
        object.member("operator", self.operator)
        object.member("requested_at", "\(requested)")
        object.optional("finished_at", finished.map { "\($0)" })
        object.optional("rate", rate.map { Int64($0) })
        object.member("items", itemCount)
        for outcome in Outcome.allCases { object.member(outcome.rawValue, ended[outcome] ?? 0) }
        object.member("waiting", waitingCount)
        object.member("under_way", claimedCount)
        object.member("parked", parkedCount)
        object.member("stands_still", standsStill)
    }
}
