import Cryptography
package import Ledger
package import Sharing
import TicketSharing

/// A ledger in memory: carries requests out one transaction each, and keeps from one to the next what a store would.
package struct MemoryLedger {
    /// Where our own help desk is.
    package static let publicURL = "https://desk.example/sharing"

    /// What decisions depend on.
    package let settings: SharingSettings

    /// Keys of a key file that every test has.
    package let keys = MemoryLedger.keys

    /// The time of the next transaction.
    package var now = Timestamp(microseconds: 1_800_000_000_000_000)

    /// Everything that was appended.
    package private(set) var events: [SequencedEvent] = []

    /// Everything that was to be written beside events, a transaction each.
    package private(set) var changes: [SharingTransaction.Changes] = []

    /// What the next transaction is loaded with.
    package var state = SharingTransaction.State()

    /// Access keys that are looked for in requests, wherever they stand.
    package let knownKeys = KnownKeys()

    private let reader: RequestReader
    private var streams: [StreamName: ChainHead?] = [.system: nil, .unattributed: nil]
    private var shares: [ShareName: ChainHead?] = [:]

    /// A ledger whose first epoch is not even opened.
    package init(deskURL: String? = nil, isStrict: Bool = false) throws {
        settings = try Self.settings(deskURL: deskURL, isStrict: isStrict)
        reader = RequestReader(keys: keys, knownKeys: knownKeys)
    }

    /// The keys of every test.
    package static var keys: KeyRing {
        KeyRing(master: [UInt8](repeating: 7, count: KeyRing.masterByteCount))
    }

    /// Settings of a help desk at ``publicURL``.
    package static func settings(deskURL: String? = nil, isStrict: Bool = false) throws -> SharingSettings {
        SharingSettings(
            publicURL: try BaseURL(publicURL),
            deskURL: try deskURL.map { try BaseURL($0) },
            privateURL: try BaseURL("http://127.0.0.1:8411"),
            isStrict: isStrict,
        )
    }

    // MARK: Requests

    /// What a request is answered.
    package mutating func answer(_ request: TestRequest, operator: String? = nil, mayRecord: Bool = true) -> Answer {
        answer(request, operator: `operator`, within: IntakeBounds(mayRecordRefusal: { mayRecord }))
    }

    /// What a request is answered within bounds on what it may have recorded.
    package mutating func answer(
        _ request: TestRequest,
        operator: String? = nil,
        within bounds: IntakeBounds,
    ) -> Answer {
        let capture = capture(request, operator: `operator`)
        let answer = run(capture) { transaction in
            guard capture.method != "GET" else { return transaction.answerRead(capture, within: bounds) }
            return transaction.decide(capture, within: bounds)
        }
        if answer.fault == nil { reader.remember(capture) }
        return answer
    }

    /// A request as it is taken in.
    package func capture(_ request: TestRequest, operator: String? = nil) -> Capture {
        reader.read(request.incoming, at: now, operator: `operator`)
    }

    /// One transaction, loaded with what a capture needs.
    package mutating func run<Result>(
        _ capture: Capture? = nil,
        _ body: (inout SharingTransaction) throws -> Result,
    ) rethrows -> Result {
        var streams = streams
        var shares = shares
        var state = state
        if let agreement = capture?.agreement {
            streams[.agreement(agreement.text), default: nil] = streams[.agreement(agreement.text)] ?? nil
        }
        if let share = capture?.share {
            shares[share, default: nil] = shares[share] ?? nil
            let isKnownElsewhere = self.shares.keys.contains { $0.ticket == share.ticket && $0 != share }
            if self.shares[share] == nil, isKnownElsewhere { state.foreignShares.insert(share) }
        }
        var transaction = SharingTransaction(
            settings: settings,
            keys: keys,
            now: now,
            sequencer: EventSequencer(
                origin: Origin(name: "desk.example/sharing", epoch: 1)!,
                after: events.last.map { LedgerHead(position: $0.position, recorded: $0.leaf.recorded) },
                streams: streams,
                shares: shares,
            ),
            state: state,
        )
        let result = try body(&transaction)
        keep(transaction)
        now = now.advanced(by: .seconds(1))
        return result
    }

    private mutating func keep(_ transaction: borrowing SharingTransaction) {
        for event in transaction.sequencer.events {
            events.append(event)
            let next = ChainLink(sequence: event.leaf.streamLink.sequence + 1, previous: event.leafHash)
            streams[event.leaf.stream] = ChainHead(id: event.stream, next: next)
            if let ticket = event.leaf.ticket, let share = event.share, let link = event.leaf.shareLink {
                let next = ChainLink(sequence: link.sequence + 1, previous: event.leafHash)
                shares[ShareName(stream: event.leaf.stream, ticket: ticket)] = ChainHead(id: share, next: next)
            }
        }
        let changes = transaction.changes
        for id in changes.agreements { state.agreements[id] = transaction.agreement(id) }
        for name in changes.tickets { state.tickets[name] = transaction.ticket(name) }
        state.partners = transaction.partners
        state.idempotency.merge(changes.idempotency) { $1 }
        state.pendingInvitations = pendingInvitations
        self.changes.append(changes)
    }

    private var pendingInvitations: PendingInvitations {
        let pending = state.agreements.values.filter { $0.agreement.status == .pending && $0.ourRole == .receiver }
        return PendingInvitations(
            total: pending.count,
            bySource: Dictionary(pending.map { ($0.invitedFrom ?? "", 1) }, uniquingKeysWith: +),
        )
    }
}

// MARK: - Looking

extension MemoryLedger {
    /// A part of an event, as text.
    package func text(_ name: PartName, of event: SequencedEvent) -> String? {
        event.draft.parts.first { $0.name == name }.map { String(decoding: $0.content, as: UTF8.self) }
    }

    /// A part of the last event, as text.
    package func lastText(_ name: PartName) -> String? {
        events.last.flatMap { text(name, of: $0) }
    }

    /// An agreement as it stands.
    package func agreement(_ id: String) -> AgreementRecord? {
        AgreementID(id).flatMap { state.agreements[$0] }
    }

    /// A share as it stands.
    package func ticket(_ id: String, under agreement: String) -> TicketHead? {
        state.tickets[ShareName(stream: .agreement(agreement), ticket: id)]
    }
}
