import Ledger
import Postgres

/// The parts of a stretch's events.
extension StretchAudit {
    /// About how many bytes of parts are read at once.
    private static let pageByteCount = 4 << 20

    /// Missing parts for which erasures are looked up together.
    private static let missingCount = 10_000

    /// Checks the parts of events, and that from one position to another there are no others.
    mutating func checkParts(
        of events: [StoredEvent],
        from start: Position,
        to end: Position,
        in session: inout PostgresSession,
    ) throws {
        var lower = start
        var rest = events[...]
        repeat {
            var byteCount = 0
            let group = rest.prefix { event in
                let isFirst = byteCount == 0
                byteCount += event.parts.reduce(1) { $0 + $1.byteCount }
                return isFirst || byteCount <= Self.pageByteCount
            }
            rest = rest.dropFirst(group.count)
            let upper = rest.first?.position ?? end
            let rows = try session.query(Statements.parts(lower, upper))
            try checkParts(rows, of: group)
            lower = upper
            if missing.count >= Self.missingCount { try settleMissing(in: &session) }
        } while !rest.isEmpty
    }

    private mutating func checkParts(_ rows: Rows, of events: ArraySlice<StoredEvent>) throws(PostgresError) {
        var number = 0
        for event in events {
            var copies: [StoredCopy] = []
            var soundFacts: [UInt8]?
            while number < rows.count {
                let row = rows[number]
                let position = try row[0, as: Position.self]
                guard position <= event.position else { break }
                number += 1
                guard position == event.position else {
                    addStray(position)
                    continue
                }
                if let copy = try copy(row, of: event) { copies.append(copy) }
            }
            for line in event.parts {
                guard let part = copies.first(where: { $0.part.name == line.name })?.part else {
                    missing.insert(PartPlace(event.position, line.name))
                    continue
                }
                found.partCount += 1
                if !part.matches(line, with: &sha256) {
                    found.add(AuditFault(PartFault(PartPlace(event.position, line.name), .altered)))
                } else if line.name == .facts {
                    soundFacts = part.content
                }
            }
            let cuts = CutRecord(of: event.type, facts: soundFacts)
            for copy in copies {
                for fault in copy.faults(in: event, cuts, keys: keys) { found.add(fault) }
            }
        }
        while number < rows.count {
            addStray(try rows[number][0, as: Position.self])
            number += 1
        }
    }

    /// The part in a row; `nil`, and a fault, for one that the event's leaf does not name.
    private mutating func copy(_ row: Row, of event: StoredEvent) throws(PostgresError) -> StoredCopy? {
        let text = try row[1, as: String.self]
        guard let name = PartName(rawValue: text), event.parts.contains(where: { $0.name == name }) else {
            let description = "event \(event.position) has bytes for a part that its leaf does not name"
            found.add(AuditFault(event.position, description))
            return nil
        }
        let part = StoredPart(
            name: name,
            content: try row[2, as: [UInt8].self],
            salt: try row[3, as: [UInt8].self],
            chunkLengths: try row[4, as: [Int32]?.self].map { $0.map { Int($0) } },
            sealedSplices: try row[6, as: [UInt8]?.self],
        )
        if !name.isChunked, part.chunkLengths != nil {
            let fault = "has chunks, and its leaf commits to it as a whole"
            let text = "the part \(name.rawValue) of event \(event.position) \(fault)"
            found.add(AuditFault(PartPlace(event.position, name), text))
        }
        return StoredCopy(part: part, isCastable: try row[5, as: Bool?.self])
    }

    private mutating func addStray(_ position: Position) {
        guard stray != position, !unreadable.contains(position) else { return }
        stray = position
        found.add(AuditFault(stray: position))
    }

    mutating func settleMissing(in session: inout PostgresSession) throws(PostgresError) {
        guard !missing.isEmpty else { return }
        let erased = try Erasures.accounting(for: missing, in: &session)
        found.erasedCount += erased.count
        for place in missing.subtracting(erased) { found.add(AuditFault(PartFault(place, .missing))) }
        missing.removeAll()
    }

    private enum Statements {
        static let parts = Statement<Position, Position>(
            """
            SELECT p.position, p.part, p.content, p.salt, p.chunk_lengths, p.castable, p.splices
            FROM ledger.payload AS p
            WHERE p.position >= $1
                AND p.position < $2
            ORDER BY p.position, p.part
            """
        )
    }
}
