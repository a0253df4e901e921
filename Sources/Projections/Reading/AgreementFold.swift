import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// Folds an agreement's own messages, which are a handful however many tickets are shared under it.
enum AgreementFold {
    /// - Parameters:
    ///   - condition: On `e`, to leave out what came after a moment.
    ///   - keys: See ``AgreementState/init(_:_:id:keys:)``.
    static func read(
        _ stream: Position,
        _ id: AgreementID,
        where condition: SQL,
        keys: KeyRing?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (agreement: AgreementState?, faults: [FoldFault]) {
        var agreement: AgreementState?
        var faults: [FoldFault] = []
        var acknowledgements = Acknowledgements()
        var versions: [EventID: Int] = [:]
        var next = Position.first
        while true {
            let events = try LedgerReader.events(
                where: """
                    e.stream_id = \(stream)
                    AND e.share_id IS NULL
                    AND e.position >= \(next)
                    AND (
                        e.type IN ('agreement.invited', 'agreement.updated')
                        OR (e.type IN ('attempt.begun', 'attempt.succeeded') AND e.direction = 'out')
                    )
                    AND \(condition)
                    """,
                limit: pageCount,
                in: &session,
            )
            let messages = events.filter(\.type.changesState)
            let checked = try CheckedParts(of: messages, named: [.facts, .body, .sentBody, .detail], in: &session)
            for event in events {
                if let message = acknowledgements.take(event.type, event.event, at: event.position, about: event.about)
                {
                    if let version = versions[message] { agreement?.acknowledge(keyVersion: version) }
                    continue
                }
                guard event.type.changesState else { continue }
                do throws(FoldFault) {
                    let parts = try checked.foldable(at: event.position)
                    if event.type == .agreementInvited {
                        agreement = try AgreementState(event, parts, id: id, keys: keys)
                    } else {
                        try agreement?.apply(event, parts, keys: keys)
                    }
                    let facts = try EventFacts(parts[.facts]?.content, format: event.format, of: event.position)
                    if event.direction == .outbound { versions[event.event] = facts.accessKeyVersion }
                } catch {
                    faults.append(error)
                }
            }
            guard events.count == pageCount, let last = events.last else { return (agreement, faults) }
            next = last.position.next
        }
    }

    private static let pageCount = 200
}

extension CheckedParts {
    /// The parts of an event that is to be folded.
    func foldable(at position: Position) throws(FoldFault) -> [PartName: StoredPart] {
        do throws(PartFault) {
            return try sound(at: position)
        } catch {
            throw FoldFault(error)
        }
    }
}
