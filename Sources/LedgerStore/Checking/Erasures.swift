import Cryptography
import JSON
import Ledger
package import Postgres

/// Tells parts that were erased from parts that are gone: an erasure is an event that names what it erases.
package enum Erasures {
    /// Erasures that are read at a time.
    private static let pageCount = 500

    /// Those of `missing` that the facts of a later `payload.erased` event name.
    ///
    /// An erasure counts only if its own leaf and facts are what was hashed, so that nobody can name a part in it
    /// afterwards. Facts are never erased, whatever an event says.
    package static func accounting(
        for missing: Set<PartPlace>,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Set<PartPlace> {
        let wanted = missing.filter { $0.part != .facts }
        guard let first = wanted.map(\.position).min() else { return [] }
        var found: Set<PartPlace> = []
        var next = first.next
        var sha256 = SHA256()
        while found.count < wanted.count {
            let events = try LedgerReader.events(
                where: "e.type = 'payload.erased' AND e.position >= \(next)",
                limit: pageCount,
                in: &session,
            )
            let parts = try LedgerReader.parts(of: events.map(\.position), named: [.facts], in: &session)
            for event in events {
                guard let facts = parts[event.position]?[.facts],
                    let line = event.parts.first(where: { $0.name == .facts }),
                    event.hasTrueLeaf(with: &sha256), facts.matches(line, with: &sha256)
                else { continue }
                for place in places(namedBy: facts.content) where place.position < event.position {
                    if wanted.contains(place) { found.insert(place) }
                }
            }
            guard events.count == pageCount, let last = events.last else { break }
            next = last.position.next
        }
        return found
    }

    /// `{"erased":[{"position":N,"part":"NAME"}, …]}`; nothing for anything else.
    private static func places(namedBy facts: [UInt8]) -> [PartPlace] {
        // Facts that are true but no JSON erase nothing: ledger.erase_part could not have read them either.
        guard let root = try? JSONDocument(parsing: facts, maximumDepth: 8, maximumValueCount: 16_000_000).root,
            let erased = root.member("erased")
        else { return [] }
        return erased.elements.compactMap { element in
            guard let position = element.member("position")?.integer,
                let part = element.member("part")?.string.flatMap({ PartName(rawValue: $0) })
            else { return nil }
            return PartPlace(Position(rawValue: Int64(position)), part)
        }
    }
}
