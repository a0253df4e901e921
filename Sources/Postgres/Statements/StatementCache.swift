/// Which statements a session has prepared, the least recently used of them making way for new ones.
///
/// A text is prepared when it comes for the second time, so that what runs once costs the server nothing. The types of the
/// parameters are part of the key: the same text may be bound to other ones.
package struct StatementCache: Sendable {
    /// What makes two statements the same to the server.
    package struct Key: Hashable, Sendable {
        /// With its placeholders.
        package let text: String
        /// Of the parameters, in order.
        package let types: [PostgresType]

        /// From a statement.
        package init(text: String, types: [PostgresType]) {
            self.text = text
            self.types = types
        }
    }

    /// How to run a statement now.
    package enum Plan: Hashable, Sendable {
        /// Parsed for this once.
        case unnamed
        /// To be prepared under this name, then run by it.
        case prepare(String)
        /// Run by the name under which it was prepared.
        case prepared(String)
    }

    private enum State {
        case seen
        case prepared(String)
    }

    /// Names to deallocate when the session is outside a transaction.
    package private(set) var discarded: [String] = []

    private let limit: Int
    private var entries: [Key: (state: State, used: UInt64)] = [:]
    private var clock: UInt64 = 0
    private var names: UInt64 = 0

    /// Longer texts are never kept.
    private static let longestText = 65536

    /// With a limit of 0 nothing is ever prepared.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Counts as a use; the caller does what the plan says, and reports a failed preparation with ``forget(_:)``.
    package mutating func plan(for key: Key) -> Plan {
        guard limit > 0, key.text.utf8.count <= Self.longestText else { return .unnamed }
        clock += 1
        switch entries[key]?.state {
        case .prepared(let name):
            entries[key]?.used = clock
            return .prepared(name)
        case .seen:
            names += 1
            let name = "sl\(names)"
            entries[key] = (.prepared(name), clock)
            return .prepare(name)
        case nil:
            if entries.count >= limit { evictOldest() }
            entries[key] = (.seen, clock)
            return .unnamed
        }
    }

    /// The server does not have this statement.
    package mutating func forget(_ key: Key) {
        entries[key] = nil
    }

    /// The server has lost all statements (`DISCARD ALL`).
    package mutating func forgetAll() {
        entries = [:]
        discarded = []
    }

    /// The server's statements are of no more use.
    package mutating func discardAll() {
        for case .prepared(let name) in entries.values.map(\.state) {
            discarded.append(name)
        }
        entries = [:]
    }

    /// Hands over the names to deallocate.
    package mutating func takeDiscarded() -> [String] {
        defer { discarded = [] }
        return discarded
    }

    private mutating func evictOldest() {
        guard let oldest = entries.min(by: { $0.value.used < $1.value.used }) else { return }
        if case .prepared(let name) = oldest.value.state { discarded.append(name) }
        entries[oldest.key] = nil
    }
}
