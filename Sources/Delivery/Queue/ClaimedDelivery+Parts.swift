import Cryptography
import Ledger
import LedgerStore
import Postgres

extension ClaimedDelivery {
    /// The parts of a message that stand in a row of `delivery.claim`, each held against its commitment.
    struct Parts {
        private(set) var body: StoredBytes?
        private(set) var sentBody: StoredBytes?
        private(set) var factsDamage: PartFault?

        /// What the facts say was cut out of the others.
        private(set) var cuts = CutRecord()

        /// - Parameter isMessage: Whether the stored bytes are what is sent.
        init(_ row: Row, _ type: EventType, of message: Position, isMessage: Bool) throws(PostgresError) {
            guard isMessage else { return }
            let names = try row["part_names", as: [String].self]
            let lengths = try row["part_lengths", as: [Int64].self]
            let commitments = try row["part_commitments", as: [Digest].self]
            guard names.count == lengths.count, names.count == commitments.count else {
                throw PostgresError(.decoding, "event \(message) has parts without a length or a commitment")
            }
            var sha256 = SHA256()
            var facts: StoredBytes?
            for (index, name) in names.enumerated() {
                guard let name = PartName(rawValue: name), let column = Self.columns[name] else { continue }
                let line = PartLine(name: name, byteCount: Int(lengths[index]), commitment: commitments[index])
                let bytes = try Self.bytes(row, column, line, of: message, with: &sha256)
                switch name {
                case .body: body = bytes
                case .sentBody: sentBody = bytes
                default: facts = bytes
                }
            }
            switch facts {
            case .present(let part)?: cuts = CutRecord(of: type, facts: part.content)
            case .damaged(let fault)?: factsDamage = fault
            case .erased?, nil: factsDamage = PartFault(PartPlace(message, .facts), .missing)
            }
        }

        private static let columns: [PartName: String] = [.body: "body", .sentBody: "sent_body", .facts: "facts"]

        private static func bytes(
            _ row: Row,
            _ column: String,
            _ line: PartLine,
            of message: Position,
            with sha256: inout SHA256,
        ) throws(PostgresError) -> StoredBytes {
            let place = PartPlace(message, line.name)
            guard let content = try row[column, as: [UInt8]?.self] else { return .damaged(PartFault(place, .missing)) }
            let isChunked = line.name.isChunked
            let lengths = isChunked ? try row["\(column)_chunk_lengths", as: [Int32]?.self] : nil
            let splices = isChunked ? try row["\(column)_splices", as: [UInt8]?.self] : nil
            let part = StoredPart(
                name: line.name,
                content: content,
                salt: try row["\(column)_salt", as: [UInt8].self],
                chunkLengths: lengths.map { $0.map { Int($0) } },
                sealedSplices: splices,
            )
            return part.matches(line, with: &sha256)
                ? .present(part) : .damaged(PartFault(place, .altered))
        }
    }
}
