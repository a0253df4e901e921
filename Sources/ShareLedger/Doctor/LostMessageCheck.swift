import Delivery
import Ledger
import LedgerStore
import Postgres

/// Looks for messages that were to be delivered and that nothing says the end of.
enum LostMessageCheck {
    private static let subject = "lost messages"

    /// Positions that one statement looks at, and at the end of the ledger all that are looked at in samples.
    private static let pageCount: Int64 = 10_000

    /// Messages that get a line of their own; more have one cause.
    private static let shownCount = 20

    /// - Parameter isWhole: Whether all messages are looked at, and not the last ones alone.
    static func check(isWhole: Bool) -> DatabaseCheck {
        DatabaseCheck(subject) { _, session in
            let size = try LedgerReader.size(in: &session).rawValue
            var lost: [LostMessage] = []
            var start = isWhole ? 0 : max(0, size - pageCount)
            while start < size, lost.count <= shownCount {
                try Task.checkCancellation()
                let page = Position(rawValue: start)..<Position(rawValue: min(size, start + pageCount))
                lost += try LostMessage.all(in: page, limit: shownCount + 1, in: &session)
                start += pageCount
            }
            return findings(lost, extent: isWhole || size <= pageCount ? "" : " among the last \(pageCount) events")
        }
    }

    private static func findings(_ lost: [LostMessage], extent: String) -> [Finding] {
        guard !lost.isEmpty else { return [.ok(subject, "none\(extent)")] }
        var findings = lost.prefix(shownCount).map { message in
            let whom = message.isForDesk ? "our desk" : "the partner"
            let text = "the \(message.type.rawValue) of \(message.subject) at position \(message.position)"
            var finding = Finding.fail(
                subject,
                "\(text) was neither delivered to \(whom) nor given up, and is not on its way",
                advice: advice(for: message),
            )
            finding.position = message.position.rawValue
            return finding
        }
        if lost.count > shownCount {
            let advice = "somebody has deleted from delivery.queue: 'shareledger replay --partner NAME' sends all again"
            findings.append(.fail(subject, "there are more than \(shownCount)", advice: advice))
        }
        return findings
    }

    private static func advice(for message: LostMessage) -> String {
        let destination = message.isForDesk ? " --destination desk" : ""
        guard message.ticket != nil else {
            let again = "'shareledger replay --agreement \(message.agreement)\(destination) --reason TEXT'"
            return "\(again) sends all of it again"
        }
        return """
            'shareledger replay \(message.subject) --from \(message.position) --then-state\(destination) --reason TEXT' sends \
            it and what followed again, and then the ticket as it stands; '--mode state' that alone
            """
    }
}
