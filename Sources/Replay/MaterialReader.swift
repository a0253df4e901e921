import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Reads what a plan is made of, in pages; all of it in one snapshot.
struct MaterialReader {
    /// Rows of a page, and lanes whose state is asked for at once.
    static let pageCount = 5_000

    var material = ReplayMaterial()
    var places: [ShareLane: Int] = [:]

    /// Of each stream.
    private(set) var destinations: [Position: Destination] = [:]

    let request: ReplayRequest

    static func read(_ request: ReplayRequest, in session: inout PostgresSession) throws -> ReplayMaterial {
        try session.transaction(.snapshot) { session in
            var reader = MaterialReader(request: request)
            try reader.readAll(in: &session)
            return reader.material
        }
    }

    private init(request: ReplayRequest) {
        self.request = request
    }

    private mutating func readAll(in session: inout PostgresSession) throws {
        material.end = try LedgerReader.size(in: &session)
        try readScope(in: &session)
        let share = try share(in: &session)
        for agreement in material.agreements {
            switch request.mode {
            case .messages: try readMessages(of: agreement, share, in: &session)
            case .state: try readShares(of: agreement, share, in: &session)
            }
        }
        if request.mode == .messages { dropEmptyLanes() }
        let lanes = material.lanes.map(\.lane)
        for start in stride(from: 0, to: lanes.count, by: Self.pageCount) {
            let page = lanes[start..<min(start + Self.pageCount, lanes.count)]
            let shares = page.compactMap(\.share)
            try readShareState(of: shares, in: &session)
            if request.mode == .messages { try readOtherChanges(of: shares, in: &session) }
            try readAgreementState(of: page.filter { $0.share == nil }.map(\.stream), in: &session)
        }
        try readQueue(of: share, in: &session)
    }
}

// MARK: - Scope

extension MaterialReader {
    private mutating func readScope(in session: inout PostgresSession) throws {
        let known = try PartnerReader.all(in: &session)
        switch request.scope {
        case .share(let id, _), .agreement(let id):
            material.agreements = try AgreementReader.all(where: "a.agreement = \(id.text)", in: &session)
            guard !material.agreements.isEmpty else {
                throw UnknownReplayScope(description: "there is no agreement \(id)")
            }
        case .partner(let name):
            guard let partner = known.first(where: { $0.name == name }) else {
                throw UnknownReplayScope(
                    description: "there is no partner \(name); 'shareledger partner list' shows all"
                )
            }
            material.agreements = try AgreementReader.all(
                where: "a.partner_id = \(partner.id)",
                limit: .max,
                in: &session
            )
            material.partners[partner.id] = partner
        }
        let wanted = Set(material.agreements.map(\.partner))
        for partner in known where wanted.contains(partner.id) {
            material.partners[partner.id] = partner
        }
        for agreement in material.agreements {
            destinations[agreement.stream] = request.target.destination(agreement.partner)
        }
        material.hasDesk = try session.query(
            "SELECT EXISTS (SELECT FROM delivery.setting WHERE desk_url IS NOT NULL)"
        ).onlyRow()[0, as: Bool.self]
    }

    /// The share of the scope; `nil` where that is wider.
    private func share(in session: inout PostgresSession) throws -> Position? {
        guard case .share(let agreement, let ticket) = request.scope, let stream = material.agreements.first?.stream
        else {
            return nil
        }
        let rows = try session.query(
            """
            SELECT share_id
            FROM ledger.share
            WHERE stream_id = \(stream)
                AND ticket = \(ticket.text)
            """
        )
        guard let row = rows.first else {
            throw UnknownReplayScope(description: "there is no ticket \(ticket) under agreement \(agreement)")
        }
        return try row[0, as: Position.self]
    }

    /// The range as a condition on `e`.
    var range: SQL {
        var condition: SQL = "true"
        switch request.from {
        case .time(let time): condition = "e.recorded_at >= \(time)"
        case .position(let position): condition = "e.position >= \(position)"
        case nil: break
        }
        switch request.to {
        case .time(let time): condition += " AND e.recorded_at < \(time)"
        case .position(let position): condition += " AND e.position < \(position)"
        case nil: break
        }
        return condition
    }

    /// The directions of the messages that are sent, as an array.
    var directions: [String] {
        request.directions.map(\.rawValue)
    }

    /// The types of messages that change state, as a list.
    static let messageTypes: SQL =
        "('agreement.invited', 'agreement.updated', 'ticket.shared', 'ticket.updated', 'ticket.unshared')"
}
