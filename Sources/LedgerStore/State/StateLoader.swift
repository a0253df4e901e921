import Cryptography
package import Ledger
package import Postgres
package import Sharing
import TicketSharing

/// Loads what a transaction needs, in statements after the one that takes the ledger's lock.
///
/// Under READ COMMITTED each statement has a snapshot of its own; loaded in the statement that waits for the lock, the
/// state would be the one from before the wait.
package struct StateLoader: Sendable {
    /// The advisory lock under which the ledger grows: `shareledg` in ASCII, as a number.
    package static let lockKey: Int64 = 0x7368_6172_656c_6467

    /// Partners change rarely, and every change is an event of the stream `system`: as long as that has not grown, they
    /// need not be read again.
    private var partners: (directory: PartnerDirectory, systemSequence: Int64?, inlineVersion: Int64)?

    private var cache = StateCache()

    /// How often in a row nobody else had appended meanwhile.
    private var quietCount = 0

    /// After so many times it is taken for granted, and checked when the transaction is written.
    private static let enough = 4

    package init() {}

    /// What was loaded.
    package struct Loaded: Sendable {
        package var head: LedgerHead?
        package var origin: Origin?

        /// When the event was recorded that stands now where the caller has seen one.
        var seenRecorded: Timestamp?

        /// See `projection.inline_version`.
        package var inlineVersion: Int64 = 0

        package var streams: [StreamName: ChainHead?] = [:]
        package var shares: [ShareName: ChainHead?] = [:]
        package var state = SharingTransaction.State()
    }

    /// What a transaction needs, where nothing of it has to be read, and the statements that begin it.
    ///
    /// No round trip. The statements go before those that write: they take the lock, and fail with a serialization failure
    /// if anybody else has appended since; then ``forget()`` and decide again on what ``begin(_:in:)`` loads.
    mutating func expect(_ keys: StateKeys) -> (loaded: Loaded, opening: [SQL])? {
        guard quietCount >= Self.enough, let version = cache.version, let head = version.head, let partners,
            partners.inlineVersion == version.inline, statements(for: keys).isEmpty
        else { return nil }
        var loaded = Loaded()
        guard keep(Wanted(keys), in: &loaded).statements.isEmpty,
            partners.systemSequence == (loaded.streams[.system] ?? nil)?.next.sequence,
            Self.limitedShares(of: keys, loaded).isEmpty
        else { return nil }
        loaded.head = head
        loaded.origin = version.origin
        loaded.inlineVersion = version.inline
        loaded.state.partners = partners.directory
        return (loaded, ["BEGIN", StateStatements.lockAt(Self.lockKey, head.position, head.recorded, version.inline)])
    }

    /// Begins a transaction, takes the lock and loads.
    ///
    /// One round trip; another one where somebody else has changed what was kept from the last transaction, where partners
    /// have changed, or where an agreement does not allow all that is said.
    ///
    /// - Parameters:
    ///   - seen: An event that was committed; where it is gone no more is loaded than the head.
    ///   - isBegun: Whether the caller has begun the transaction.
    package mutating func begin(
        _ keys: StateKeys,
        seen: LedgerHead? = nil,
        isBegun: Bool = false,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Loaded {
        var loaded = Loaded()
        let wanted = Wanted(keys)
        let missing = keep(wanted, in: &loaded)
        let opening: [SQL] = (isBegun ? [] : ["BEGIN"]) + [StateStatements.lock(Self.lockKey)]
        var results = try session.pipeline(
            opening + [StateStatements.head(seen?.position ?? .first)] + missing.statements + statements(for: keys)
        )[opening.count...]
        try read(head: results.removeFirst(), into: &loaded)
        guard loaded.holds(seen) else { return loaded }
        try read(missing, &results, into: &loaded)
        let found = StateCache.Version(head: loaded.head, inline: loaded.inlineVersion, origin: loaded.origin)
        quietCount = cache.version == found ? quietCount + 1 : 0
        if quietCount == 0 {
            cache.removeAll()
            let stale = wanted.subtracting(missing)
            loaded.forget(stale)
            if !stale.statements.isEmpty {
                var answers = try session.pipeline(stale.statements)[...]
                try read(stale, &answers, into: &loaded)
            }
        }
        try read(keys, &results, into: &loaded)
        loaded.state.partners = try currentPartners(loaded, in: &session)
        try Self.readDetails(for: keys, into: &loaded, in: &session)
        return loaded
    }

    /// Keeps what a transaction read and wrote for the next one; call it when it is committed.
    mutating func committed(_ keys: StateKeys, _ transaction: borrowing SharingTransaction, _ loaded: Loaded) {
        cache.take(keys, from: transaction, loaded)
    }

    /// Forgets what was kept from one transaction to the next.
    package mutating func forget() {
        partners = nil
        cache.removeAll()
        quietCount = 0
    }

    private mutating func currentPartners(
        _ loaded: Loaded,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> PartnerDirectory {
        let sequence = (loaded.streams[.system] ?? nil)?.next.sequence
        if let partners, partners.systemSequence == sequence, partners.inlineVersion == loaded.inlineVersion {
            return partners.directory
        }
        let directory = PartnerDirectory(try PartnerRow.all(in: &session))
        partners = (directory, sequence, loaded.inlineVersion)
        return directory
    }
}

// MARK: - What may be kept

extension StateLoader {
    /// Streams, agreements and shares to be read.
    fileprivate struct Wanted {
        var streams: [StreamName]
        var agreements: [AgreementID]
        var shares: [ShareName]

        init(_ keys: StateKeys) {
            streams = Array(
                keys.streams.union(keys.agreements.map { StreamName.agreement($0.text) })
                    .union([.system, .unattributed]),
            )
            agreements = Array(keys.agreements)
            shares = Array(keys.shares)
        }

        func subtracting(_ other: Wanted) -> Wanted {
            var rest = self
            rest.streams = Array(Set(streams).subtracting(other.streams))
            rest.agreements = Array(Set(agreements).subtracting(other.agreements))
            rest.shares = Array(Set(shares).subtracting(other.shares))
            return rest
        }

        var statements: [SQL] {
            var statements: [SQL] = []
            if !streams.isEmpty { statements.append(StateStatements.streams(streams.map(\.text))) }
            if !agreements.isEmpty { statements.append(StateStatements.agreements(agreements.map(\.text))) }
            if !shares.isEmpty {
                statements.append(StateStatements.shares(shares.map(\.stream.text), shares.map(\.ticket)))
            }
            return statements
        }
    }

    /// Takes over what is kept of `wanted`, which may turn out to be stale, and returns what has to be read.
    private mutating func keep(_ wanted: Wanted, in loaded: inout Loaded) -> Wanted {
        var missing = wanted
        missing.streams = wanted.streams.filter { name in
            guard let chain = cache.stream(name) else { return true }
            loaded.streams[name] = .some(chain)
            return false
        }
        missing.agreements = wanted.agreements.filter { id in
            guard let record = cache.agreement(id) else { return true }
            loaded.state.agreements[id] = record
            return false
        }
        missing.shares = wanted.shares.filter { name in
            guard let share = cache.share(name) else { return true }
            loaded.shares[name] = share.chain
            loaded.state.tickets[name] = share.ticket
            return false
        }
        return missing
    }

    private func read(
        _ wanted: Wanted,
        _ results: inout ArraySlice<Rows>,
        into loaded: inout Loaded,
    ) throws(PostgresError) {
        for name in wanted.streams { loaded.streams[name] = .some(nil) }
        for name in wanted.shares { loaded.shares[name] = .some(nil) }
        if !wanted.streams.isEmpty { try read(streams: results.removeFirst(), into: &loaded) }
        if !wanted.agreements.isEmpty { try read(agreements: results.removeFirst(), into: &loaded) }
        if !wanted.shares.isEmpty { try read(shares: results.removeFirst(), into: &loaded) }
    }
}

extension StateLoader.Loaded {
    /// Whether an event that was seen is still where it was.
    func holds(_ seen: LedgerHead?) -> Bool {
        seen.map { $0.recorded == seenRecorded } ?? true
    }

    fileprivate mutating func forget(_ stale: StateLoader.Wanted) {
        for id in stale.agreements { state.agreements[id] = nil }
        for name in stale.shares { state.tickets[name] = nil }
    }
}

// MARK: - What is read every time

extension StateLoader {
    private func statements(for keys: StateKeys) -> [SQL] {
        var statements: [SQL] = []
        let digests = Array(keys.idempotencyDigests)
        if !digests.isEmpty { statements.append(StateStatements.idempotency(digests)) }
        if keys.needsPendingInvitations { statements.append(StateStatements.pendingInvitations) }
        if !keys.deliveries.isEmpty { statements.append(StateStatements.deliveries(keys.deliveries.map(\.rawValue))) }
        if !keys.replays.isEmpty { statements.append(StateStatements.replays(Array(keys.replays))) }
        if !keys.destinations.isEmpty { statements.append(DestinationRow.read(keys.destinations)) }
        return statements + keys.watches.map(Self.changes)
    }

    private func read(
        _ keys: StateKeys,
        _ results: inout ArraySlice<Rows>,
        into loaded: inout Loaded,
    ) throws(PostgresError) {
        if !keys.idempotencyDigests.isEmpty { try read(idempotency: results.removeFirst(), into: &loaded) }
        if keys.needsPendingInvitations { try read(invitations: results.removeFirst(), into: &loaded) }
        if !keys.deliveries.isEmpty { try read(deliveries: results.removeFirst(), into: &loaded) }
        if !keys.replays.isEmpty { try read(replays: results.removeFirst(), into: &loaded) }
        if !keys.destinations.isEmpty {
            for record in try DestinationRow.records(results.removeFirst()) {
                loaded.state.destinations[record.destination] = record
            }
        }
        for watch in keys.watches {
            loaded.state.watched[watch] = try Self.changes(results.removeFirst())
        }
    }
}
