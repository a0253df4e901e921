import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Finds agreements and shares by their identifiers or unambiguous beginnings of them.
enum Lookup {
    /// What people type for a share: `AGREEMENT/TICKET`.
    static let shareHelp = "The share as AGREEMENT/TICKET; unambiguous beginnings of the uuids will do"
    static let agreementHelp = "The agreement's uuid, or an unambiguous beginning of it"

    /// The one agreement that `text` begins.
    static func agreement(_ text: String, in session: inout PostgresSession) throws -> AgreementRecord {
        let rows = try session.query(
            """
            SELECT agreement
            FROM projection.agreement
            WHERE starts_with(agreement, \(text))
            ORDER BY agreement <> \(text), agreement
            LIMIT 5
            """
        )
        .decode((String).self)
        let id = try only(rows, of: text, kind: "agreement", list: "shareledger agreement list")
        guard let record = try AgreementReader.all(where: "a.agreement = \(id)", in: &session).first else {
            throw CommandFailure("there is no agreement \(text)", status: 66)
        }
        return record
    }

    /// The one share that `text` begins; a part that is written out goes before one that only begins alike.
    static func share(_ text: String, in session: inout PostgresSession) throws -> FoundShare {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandFailure("\(text.debugDescription) is no share; a share is AGREEMENT/TICKET", status: 64)
        }
        let rows = try session.query(
            """
            SELECT a.agreement || '/' || sh.ticket,
                sh.share_id,
                CASE WHEN a.agreement = \(parts[0]) THEN 0 ELSE 2 END + CASE WHEN sh.ticket = \(parts[1]) THEN 0 ELSE 1 END
            FROM projection.agreement AS a
            JOIN ledger.share AS sh ON sh.stream_id = a.stream_id
            WHERE starts_with(a.agreement, \(parts[0]))
                AND starts_with(sh.ticket, \(parts[1]))
            ORDER BY 3, 1
            LIMIT 5
            """
        )
        .decode((String, Position, Int32).self)
        let nearest = rows.filter { $0.2 == rows.first?.2 }
        let found = try only(nearest.map(\.0), of: text, kind: "share", list: "shareledger ticket list")
        let names = found.split(separator: "/").map(String.init)
        guard names.count == 2, let ticket = TicketID(names[1]), let share = nearest.first?.1 else {
            throw CommandFailure("there is no share \(text)", status: 66)
        }
        return FoundShare(id: share, agreement: try agreement(names[0], in: &session), ticket: ticket)
    }

    /// The partner of that name.
    static func partner(_ name: String, in session: inout PostgresSession) throws -> PartnerRecord {
        guard let partner = try PartnerReader.all(in: &session).first(where: { $0.name == name }) else {
            throw CommandFailure("there is no partner \(name); 'shareledger partner list' shows all", status: 66)
        }
        return partner
    }

    private static func only(_ found: [String], of text: String, kind: String, list: String) throws -> String {
        guard let first = found.first else {
            throw CommandFailure("there is no \(kind) \(text); '\(list)' shows all", status: 66)
        }
        guard found.count == 1 || first == text else {
            throw CommandFailure(
                "\(text) is the beginning of several: \(found.joined(separator: ", "))\(found.count == 5 ? ", …" : "")",
                status: 64,
            )
        }
        return first
    }
}

/// A share that was named on the command line.
struct FoundShare: Sendable {
    /// Position of the share's first event.
    let id: Position
    let agreement: AgreementRecord
    let ticket: TicketID

    /// As people type it, in full.
    var name: String {
        "\(agreement.agreement.id.text)/\(ticket.text)"
    }
}
