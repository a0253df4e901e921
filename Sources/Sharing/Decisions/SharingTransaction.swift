package import Cryptography
package import Ledger
package import TicketSharing

/// One transaction under the ledger's lock: the state it was loaded with, and what it adds.
///
/// Decisions read the state and change it in place, so that the next one in the same transaction sees it. Nothing
/// here does any input or output; the store loads a transaction and writes what it holds at the end.
package struct SharingTransaction: ~Copyable {
    package let settings: SharingSettings
    package let keys: KeyRing
    package let now: Timestamp
    package private(set) var sequencer: EventSequencer
    package private(set) var changes = Changes()

    private var agreements: [AgreementID: AgreementRecord]
    private var tickets: [ShareName: TicketHead]
    private var details: [ShareName: Ticket]
    private var deliveries: [DeliveryID: DeliveryRecord]
    private var replays: [Position: ReplayRecord]
    private var destinations: [Destination: DestinationRecord]
    private let watched: [LedgerWatch: [WatchedChange]]
    package private(set) var partners: PartnerDirectory
    package let idempotency: [Digest: IdempotencyRecord]
    private let stuckMessages: Set<Position>
    private let foreignShares: Set<ShareName>
    package private(set) var pendingInvitations: PendingInvitations
    private let randomness: Randomness
    private var committer: Committer
    private var sha256 = SHA256()

    package init(
        settings: SharingSettings,
        keys: KeyRing,
        now: Timestamp,
        sequencer: EventSequencer,
        state: State,
        randomness: Randomness = .system,
    ) {
        self.settings = settings
        self.keys = keys
        self.now = now
        self.sequencer = sequencer
        agreements = state.agreements
        tickets = state.tickets
        details = state.details
        deliveries = state.deliveries
        replays = state.replays
        destinations = state.destinations
        watched = state.watched
        partners = state.partners
        idempotency = state.idempotency
        stuckMessages = state.stuckMessages
        foreignShares = state.foreignShares
        pendingInvitations = state.pendingInvitations
        self.randomness = randomness
        committer = Committer(randomness: randomness)
    }

    /// What is read before the first decision.
    package struct State: Sendable {
        package var agreements: [AgreementID: AgreementRecord] = [:]
        package var tickets: [ShareName: TicketHead] = [:]

        /// Tickets of which more than the head is needed, as their agreement does not allow everything.
        package var details: [ShareName: Ticket] = [:]

        package var deliveries: [DeliveryID: DeliveryRecord] = [:]
        package var replays: [Position: ReplayRecord] = [:]

        /// Of those that were read; what is not here is up.
        package var destinations: [Destination: DestinationRecord] = [:]

        package var watched: [LedgerWatch: [WatchedChange]] = [:]

        package var partners = PartnerDirectory()
        package var idempotency: [Digest: IdempotencyRecord] = [:]

        /// Last messages whose delivery is parked.
        package var stuckMessages: Set<Position> = []

        /// Shares that are unknown under their agreement, of tickets that are known under another.
        package var foreignShares: Set<ShareName> = []

        package var pendingInvitations = PendingInvitations()

        package init() {}
    }

    /// What is written beside the events themselves.
    package struct Changes: Sendable {
        package var agreements: Set<AgreementID> = []
        package var tickets: Set<ShareName> = []
        package var partners: Set<Position> = []
        package var deliveries: [NewDelivery] = []
        package var destinations: Set<Destination> = []

        /// Destinations that are worth a try at once, if they are out.
        package var hurried: Set<Destination> = []

        /// Destinations whose waiting heads are due at once.
        package var due: Set<Destination> = []

        package var accessKeys: [NewAccessKey] = []
        package var idempotency: [Digest: IdempotencyRecord] = [:]

        /// Messages of tickets that were taken, in order of position.
        package var messages: [(position: Position, taken: TakenMessage)] = []

        /// Streams of invitations that were accepted, and the positions of the messages that did it.
        package var acceptedInvitations: [(stream: Position, acceptance: Position)] = []

        /// Streams of invitations in the place of which others came, and the positions of those.
        package var supersededInvitations: [(stream: Position, invitation: Position)] = []

        package var epoch: (origin: Origin, first: Receipt)?
    }
}

// MARK: - Reading state

extension SharingTransaction {
    package func agreement(_ id: AgreementID) -> AgreementRecord? {
        agreements[id]
    }

    package func ticket(_ name: ShareName) -> TicketHead? {
        tickets[name]
    }

    /// A ticket by which deviations are told: all of it where that was loaded, else what its head says.
    func knownTicket(_ id: TicketID, _ name: ShareName) -> Ticket {
        guard let head = tickets[name] else { return Ticket(id: id) }
        let detail = details[name]
        return Ticket(
            id: id,
            isShared: head.isShared,
            status: head.status,
            otherCommentIDs: detail?.commentIDs ?? [],
            tags: detail?.tags,
            customFields: detail?.customFields,
            customStatus: detail?.customStatus,
        )
    }

    /// A delivery that is still in the queue.
    package func delivery(_ id: DeliveryID) -> DeliveryRecord? {
        deliveries[id]
    }

    /// A replay by the position of its `replay.requested` event.
    package func replay(_ id: Position) -> ReplayRecord? {
        replays[id]
    }

    /// How a destination that was read has answered lately.
    package func destination(_ destination: Destination) -> DestinationRecord {
        destinations[destination] ?? DestinationRecord(destination)
    }

    /// What a watch has found, in order of position; its limit is for what was there before this transaction.
    package func changes(since watch: LedgerWatch) -> [WatchedChange] {
        let own = sequencer.events.lazy.filter(watch.sees)
        return (watched[watch] ?? []) + own.map(WatchedChange.init)
    }

    /// Whether a share is unknown, but its ticket is shared under another agreement.
    package func isForeign(_ name: ShareName) -> Bool {
        foreignShares.contains(name)
    }

    /// Whether the delivery of a message, the last one of its share or agreement, is parked.
    package func isStuck(_ message: Position) -> Bool {
        stuckMessages.contains(message)
    }
}

// MARK: - Adding

extension SharingTransaction {
    /// A part with a salt of its own.
    package mutating func part(
        _ name: PartName,
        _ content: [UInt8],
        chunks: ChunkBoundaries = .whole,
        splices: SealedSplices? = nil,
    ) -> Part {
        committer.part(name, content, chunks: chunks, splices: splices)
    }

    /// Adds an event to the ledger.
    package mutating func append(_ draft: EventDraft) -> Receipt {
        sequencer.append(draft, now: now, with: &sha256)
    }

    package mutating func put(_ record: AgreementRecord) {
        agreements[record.agreement.id] = record
        changes.agreements.insert(record.agreement.id)
    }

    package mutating func put(_ head: TicketHead, _ name: ShareName) {
        tickets[name] = head
        changes.tickets.insert(name)
    }

    /// Has later deviations of this transaction be told by a ticket as it is after a change.
    mutating func put(_ ticket: Ticket, _ name: ShareName) {
        details[name] = ticket
    }

    /// Whether all of a ticket is known: what was loaded, or nothing as nothing was said of it yet.
    func knowsAll(of name: ShareName) -> Bool {
        details[name] != nil || tickets[name] == nil
    }

    /// Keeps what a message said for who folds it once it is committed.
    mutating func took(_ message: TakenMessage, at position: Position) {
        changes.messages.append((position, message))
    }

    /// Has later decisions of this transaction see a delivery's new state; its row is written by whoever decides.
    package mutating func put(_ delivery: DeliveryRecord) {
        deliveries[delivery.id] = delivery
    }

    /// Has later decisions of this transaction see a replay's new state; its row is written by whoever decides.
    package mutating func put(_ replay: ReplayRecord) {
        replays[replay.id] = replay
    }

    package mutating func put(_ destination: DestinationRecord) {
        destinations[destination.destination] = destination
        changes.destinations.insert(destination.destination)
    }

    /// Has the next canary go at once: somebody has a reason to think that it is worth a try.
    package mutating func tryAtOnce(_ destination: Destination) {
        hurry(destination)
        changes.due.insert(destination)
    }

    /// Has the next canary of a destination that is out go at once.
    package mutating func hurry(_ destination: Destination) {
        changes.hurried.insert(destination)
    }

    /// Takes a delivery out of later decisions' sight.
    package mutating func remove(_ delivery: DeliveryID) {
        deliveries[delivery] = nil
    }

    package mutating func put(_ partner: PartnerRecord) {
        partners.put(partner)
        changes.partners.insert(partner.id)
    }

    package mutating func enqueue(_ delivery: NewDelivery) {
        changes.deliveries.append(delivery)
    }

    package mutating func add(_ key: NewAccessKey) {
        changes.accessKeys.append(key)
    }

    package mutating func remember(_ record: IdempotencyRecord, under digest: Digest) {
        changes.idempotency[digest] = record
    }

    /// Has what the desk was not told of an agreement before it was accepted delivered to it.
    package mutating func releaseToDesk(_ stream: Position, at acceptance: Position) {
        changes.acceptedInvitations.append((stream, acceptance))
    }

    /// Has what was still to be said under a declined invitation given up.
    package mutating func supersede(_ stream: Position, at invitation: Position) {
        changes.supersededInvitations.append((stream, invitation))
    }

    package mutating func countInvitation(from source: String) {
        pendingInvitations.add(source)
    }

    package mutating func opened(_ origin: Origin, first: Receipt) {
        changes.epoch = (origin, first)
    }

    /// Encrypts for storage, bound to the place where it is kept.
    package func seal(_ plaintext: [UInt8], context: String) -> [UInt8] {
        keys.seal(plaintext, context: context, randomness: randomness)
    }

    /// An id for an exchange that no request of the wire began.
    package func newExchange() -> EventID {
        EventID(at: now, randomness: randomness)
    }
}
