package import Cryptography
package import Ledger
import LedgerStore
package import Postgres
import Projections
import Sharing

/// Makes a ledger of an export, in one transaction: all of it, or nothing.
///
/// The rows are taken in as they are, and then everything is looked at as `doctor --all` does: each leaf is computed from its
/// columns, each part is held against its commitment, chains, positions and times are followed, and the root over all leaves
/// must be the one that the export ends with. What no leaf vouches for is compared with what the events make it. At last a
/// new epoch begins, in which nothing is sent until somebody says so: where the export came from may be alive, and has sent
/// more than is known here.
package struct LedgerImport: Sendable {
    /// What came of it.
    package struct Report: Sendable {
        /// The ledger as it was exported, and the epoch in which it goes on.
        package internal(set) var oldOrigin: Origin
        package internal(set) var origin: Origin

        /// Events of the export, which is the position of the one that opens the new epoch, and the root over their leaves.
        package internal(set) var eventCount: Int64
        package internal(set) var root: Digest

        /// Parts that are there, and parts of which only the trace of their erasure is.
        package internal(set) var partCount = 0
        package internal(set) var erasedCount = 0

        /// What is held back: partners by their names, replays by their events, deliveries to our desk.
        package internal(set) var pausedPartners: [String] = []
        package internal(set) var pausedReplays: [Position] = []
        package internal(set) var heldDeskCount = 0

        /// Deliveries that wait, or are parked.
        package internal(set) var deliveryCount: Int64 = 0

        /// Agreements of which the access key is not to be had.
        package internal(set) var muteAgreements: [MuteAgreement] = []
    }

    private let keys: KeyRing?
    private let `operator`: String
    private let now: Timestamp

    /// - Parameters:
    ///   - keys: Of the key file, if there is one.
    ///   - operator: Who does it.
    package init(keys: KeyRing?, operator: String, now: Timestamp = .now()) {
        self.keys = keys
        self.operator = `operator`
        self.now = now
    }

    /// How a session has to be set for ``run(in:from:progress:)``: no table has statistics yet, and all are long.
    package static func configured(_ configuration: PostgresConfiguration) -> PostgresConfiguration {
        var configuration = configuration
        configuration.applicationName = "shareledger import"
        configuration.statementTimeout = .seconds(3600)
        configuration.settings["jit"] = "off"
        configuration.settings["plan_cache_mode"] = "force_custom_plan"
        configuration.settings["random_page_cost"] = "1.1"
        for method in ["seqscan", "hashjoin", "mergejoin"] { configuration.settings["enable_\(method)"] = "off" }
        return configuration
    }

    /// - Parameter session: As the service's role, outside of a transaction, in a database with the whole schema and no ledger.
    package func run(
        in session: inout PostgresSession,
        from source: ImportSource,
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in },
    ) throws -> Report {
        var rows = ImportedRows(source)
        try session.execute("BEGIN")
        do {
            try begin(in: &session)
            let trailer = try rows.copy(in: &session, progress)
            try ImportedState.derive(in: &session)
            let identity = try LedgerIdentity.read(in: &session)
            guard identity?.origin == source.header.origin, identity?.firstLeaf == source.header.firstLeaf else {
                throw TransferFault(
                    .file,
                    "its events are not those of \(source.header.origin), as it says",
                    position: .first
                )
            }
            let sound = soundKeys(try SealedKeys.read(in: &session))
            let audit = try check(sound, in: &session, progress)
            try ImportedState.check(in: &session)
            try fold(sound, in: &session, progress)
            var report = Report(
                oldOrigin: source.header.origin,
                origin: source.header.origin,
                eventCount: trailer.size,
                root: trailer.root,
            )
            report.partCount = audit.partCount
            report.erasedCount = audit.erasedCount
            report.deliveryCount = try session.query("SELECT count(*) FROM delivery.queue").onlyRow()[0, as: Int64.self]
            report.muteAgreements = try MuteAgreement.all(keys, in: &session)
            try EpochOpening(operator: self.operator, now: now, keys: keys).run(after: &report, in: &session)
            return report
        } catch {
            // What went wrong first matters; a session that cannot roll back is closed, which does.
            if !session.isBroken { _ = try? session.execute("ROLLBACK") }
            guard let error = error as? PostgresError, error.isAboutRows else { throw error }
            throw TransferFault(.file, "the database does not take what the file says: \(error)")
        }
    }

    // MARK: Steps

    private func begin(in session: inout PostgresSession) throws {
        _ = try session.query("SELECT pg_advisory_xact_lock(\(StateLoader.lockKey))")
        let size = try LedgerReader.size(in: &session)
        guard size == .first, try session.query("SELECT FROM ledger.epoch LIMIT 1").isEmpty else {
            let identity = try LedgerIdentity.read(in: &session)
            let name = identity.map { "the ledger \($0.origin)" } ?? "a ledger"
            let advice = "an export becomes a ledger of its own: name another data directory or database"
            throw TransferFault(.state, "there is \(name) with \(size) events already; \(advice)")
        }
    }

    /// The keys, if they are this ledger's.
    private func soundKeys(_ stored: SealedKeys) -> KeyRing? {
        keys.flatMap { keys in
            if case .all = stored.fit(keys) { keys } else { nil }
        }
    }

    private func check(
        _ keys: KeyRing?,
        in session: inout PostgresSession,
        _ progress: @escaping @Sendable (TransferProgress) -> Void,
    ) throws -> AuditReport {
        let report = try LedgerAudit.run(keys: keys, in: &session) { audit in
            let done = TransferProgress(step: .checking, done: audit.done, total: audit.total, eventCount: audit.done)
            progress(done)
        }
        if let fault = report.faults.min(by: { $0.position < $1.position }) {
            let more = report.faultCount > 1 ? ", and \(report.faultCount - 1) more faults" : ""
            throw TransferFault(.file, "\(fault)\(more)", position: fault.position)
        }
        // One that the key file does not open is lost, which is said of its agreement.
        let faults = try AccessKeyAudit.faults(keys, in: &session)
        if let fault = faults.first(where: { $0.kind != .sealed }) {
            throw TransferFault(.file, "\(fault)", position: fault.position)
        }
        return report
    }

    private func fold(
        _ keys: KeyRing?,
        in session: inout PostgresSession,
        _ progress: @escaping @Sendable (TransferProgress) -> Void,
    ) throws {
        let differences = try ProjectionFilling.run(keys: keys, in: &session) { fold in
            let done = TransferProgress(
                step: .folding,
                done: fold.done,
                total: fold.total,
                eventCount: fold.eventCount,
            )
            progress(done)
        }
        // What could not be folded where it came from cannot be here.
        guard differences.count > differences.unfoldableCount else { return }
        let wrong = differences.first.filter { if case .unfoldable = $0.kind { false } else { true } }
        let difference = wrong.min { $0.since < $1.since }
        let what = difference.map { "\($0)" } ?? "\(differences.count) rows are not what their events make them"
        let advice =
            "'shareledger projection rebuild' where it was exported puts that right, unless the file was altered"
        throw TransferFault(.file, "\(what); \(advice)", position: difference?.since)
    }
}

extension PostgresError {
    /// Whether the server refuses values, and not to work at all.
    var isAboutRows: Bool {
        if kind == .decoding { return true }
        return code.map { ["21", "22", "23", "54", "P0", "SL"].contains($0.errorClass) } ?? false
    }
}
