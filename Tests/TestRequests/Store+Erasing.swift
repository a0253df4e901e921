import JSON
package import Ledger
package import LedgerStore
import Postgres
package import Sharing

extension Store {
    /// Erases parts as a command would: with an event of the same transaction that names them, whose position it returns.
    @discardableResult
    package func erase(_ parts: [(position: Position, part: String)]) async throws(AppendError) -> Position {
        let call: @Sendable (Receipt) -> [SQL] = { receipt in
            parts.map { "SELECT ledger.erase_part(\(receipt.position), \($0.position), \($0.part))" }
        }
        let receipt = try await appender.append(StateKeys(), byteCount: 1000, additional: call) { transaction in
            transaction.recordErasure(of: parts)
        }
        return receipt.position
    }
}

extension SharingTransaction {
    /// Records that parts are erased.
    package mutating func recordErasure(of parts: [(position: Position, part: String)]) -> Receipt {
        let facts = Facts.object { facts in
            facts.name("erased")
            facts.array { array in
                for (position, part) in parts {
                    array.object { object in
                        object.member("position", position.rawValue)
                        object.member("part", part)
                    }
                }
            }
        }
        return append(EventDraft(.payloadErased, stream: .system, parts: [part(.facts, facts)]))
    }
}
