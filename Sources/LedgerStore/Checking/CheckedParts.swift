import Cryptography
package import Ledger
package import Postgres

/// Parts of events as they were read, each held against the commitment in its event.
package struct CheckedParts: Sendable {
    /// The parts that are there, true or not.
    package private(set) var parts: [Position: [PartName: StoredPart]]

    /// Those that are altered, gone without an erasure, or without all that was cut out of them.
    package private(set) var faults: [PartPlace: PartFault.Kind] = [:]

    /// Those that an erasure accounts for.
    private(set) var erased: Set<PartPlace> = []

    /// The parts of an event that are what its leaf commits to.
    ///
    /// Throws the first of its faults by name: an event is read as a whole or not at all. What was cut out of a part is
    /// needed to send it, not to read it.
    package func sound(at position: Position) throws(PartFault) -> [PartName: StoredPart] {
        guard !faults.isEmpty else { return parts[position] ?? [:] }
        let found = faults.filter { $0.key.position == position && $0.value != .incomplete }
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
        let wanted = events.map { event in
            WantedParts(of: event.position, event.type, event.parts.filter { names.contains($0.name) })
        }
        try self.init(wanted[...], in: &session)
    }

    init(_ wanted: ArraySlice<WantedParts>, in session: inout PostgresSession) throws(PostgresError) {
        let names = Set(wanted.lazy.flatMap(\.lines).map(\.name))
        parts = try LedgerReader.parts(of: wanted.map(\.position), named: Array(names), in: &session)
        var sha256 = SHA256()
        var missing: Set<PartPlace> = []
        for event in wanted {
            for line in event.lines {
                let place = PartPlace(event.position, line.name)
                guard let part = parts[event.position]?[line.name] else {
                    missing.insert(place)
                    continue
                }
                if !part.matches(line, with: &sha256) { faults[place] = .altered }
            }
            checkCuts(of: event)
        }
        guard !missing.isEmpty else { return }
        erased = try Erasures.accounting(for: missing, in: &session)
        for place in missing.subtracting(erased) { faults[place] = .missing }
    }

    /// Looks whether what was cut out of an event's parts is there, where its facts are among them.
    private mutating func checkCuts(of event: WantedParts) {
        guard let parts = parts[event.position], let facts = parts[.facts],
            faults[PartPlace(event.position, .facts)] == nil
        else { return }
        let cuts = CutRecord(of: event.type, facts: facts.content)
        for line in event.lines {
            let place = PartPlace(event.position, line.name)
            guard let part = parts[line.name], faults[place] == nil, cuts.lacks(part) else { continue }
            faults[place] = .incomplete
        }
    }
}

/// The parts of an event that somebody wants to read, as its leaf has them.
package struct WantedParts: Sendable {
    package let position: Position
    let type: EventType
    let lines: [PartLine]

    package init(of position: Position, _ type: EventType, _ lines: [PartLine]) {
        self.position = position
        self.type = type
        self.lines = lines
    }
}

extension LedgerReader {
    /// Looks which of many parts are at fault, a few MiB of them at a time.
    package static func faults(
        of wanted: [WantedParts],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (faults: [PartPlace: PartFault.Kind], erased: Set<PartPlace>) {
        var faults: [PartPlace: PartFault.Kind] = [:]
        var erased: Set<PartPlace> = []
        var rest = wanted[...]
        while !rest.isEmpty {
            let page = rest.prefix(while: byteCount(below: pageByteCount))
            rest = rest.dropFirst(page.count)
            let checked = try CheckedParts(page, in: &session)
            faults.merge(checked.faults) { $1 }
            erased.formUnion(checked.erased)
        }
        return (faults, erased)
    }

    private static let pageByteCount = 4 << 20

    /// True for the first, and until as many bytes have come together.
    private static func byteCount(below limit: Int) -> (WantedParts) -> Bool {
        var sum = 0
        return { wanted in
            let isFirst = sum == 0
            sum += wanted.lines.reduce(1) { $0 + $1.byteCount }
            return isFirst || sum <= limit
        }
    }
}
