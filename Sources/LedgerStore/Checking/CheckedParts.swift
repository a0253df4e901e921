import Cryptography
package import Ledger
package import Postgres

/// Parts of events as they were read, each held against the commitment in its event.
package struct CheckedParts: Sendable {
    /// The parts that are there, true or not.
    package private(set) var parts: [Position: [PartName: StoredPart]]

    /// Those that are altered, or gone without an erasure.
    package private(set) var faults: [PartPlace: PartFault.Kind] = [:]

    /// The parts of an event that are what its leaf commits to.
    ///
    /// Throws the first of its faults by name: an event is read as a whole or not at all.
    package func sound(at position: Position) throws(PartFault) -> [PartName: StoredPart] {
        guard !faults.isEmpty else { return parts[position] ?? [:] }
        let found = faults.filter { $0.key.position == position }
        guard let first = found.min(by: { $0.key.part.rawValue < $1.key.part.rawValue }) else {
            return parts[position] ?? [:]
        }
        throw PartFault(first.key, first.value)
    }

    /// Reads parts of events and checks them.
    package init(
        of events: [StoredEvent],
        named names: [PartName] = PartName.allCases,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        parts = try LedgerReader.parts(of: events.map(\.position), named: names, in: &session)
        var sha256 = SHA256()
        var missing: Set<PartPlace> = []
        for event in events {
            for line in event.parts where names.contains(line.name) {
                let place = PartPlace(event.position, line.name)
                guard let part = parts[event.position]?[line.name] else {
                    missing.insert(place)
                    continue
                }
                if !part.matches(line, with: &sha256) { faults[place] = .altered }
            }
        }
        guard !missing.isEmpty else { return }
        let erased = try Erasures.accounting(for: missing, in: &session)
        for place in missing.subtracting(erased) { faults[place] = .missing }
    }
}

extension LedgerReader {
    /// Looks which of many parts are gone or altered, a few MiB of them at a time.
    package static func faults(
        of wanted: [(position: Position, line: PartLine)],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (faults: [PartPlace: PartFault.Kind], erased: Set<PartPlace>) {
        var faults: [PartPlace: PartFault.Kind] = [:]
        var missing: Set<PartPlace> = []
        var sha256 = SHA256()
        var rest = wanted[...]
        while !rest.isEmpty {
            let page = rest.prefix(while: byteCount(below: pageByteCount))
            rest = rest.dropFirst(page.count)
            let parts = try parts(
                of: Array(Set(page.map(\.position))),
                named: Array(Set(page.map(\.line.name))),
                in: &session
            )
            for (position, line) in page {
                let place = PartPlace(position, line.name)
                guard let part = parts[position]?[line.name] else {
                    missing.insert(place)
                    continue
                }
                if !part.matches(line, with: &sha256) { faults[place] = .altered }
            }
        }
        guard !missing.isEmpty else { return (faults, []) }
        let erased = try Erasures.accounting(for: missing, in: &session)
        for place in missing.subtracting(erased) { faults[place] = .missing }
        return (faults, erased)
    }

    private static let pageByteCount = 4 << 20

    /// True for the first, and until as many bytes have come together.
    private static func byteCount(below limit: Int) -> ((position: Position, line: PartLine)) -> Bool {
        var sum = 0
        return { wanted in
            let isFirst = sum == 0
            sum += max(1, wanted.line.byteCount)
            return isFirst || sum <= limit
        }
    }
}
