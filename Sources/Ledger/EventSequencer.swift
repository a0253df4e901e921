package import Cryptography

/// Gives decided events their place: position, time, id, stream and share numbers, previous hashes, leaf.
///
/// A value that lives as long as one transaction under the ledger's lock. It is told the heads of every chain that
/// the transaction may extend; chains that do not exist yet are begun.
package struct EventSequencer: Sendable {
    package let origin: Origin

    /// What was sequenced so far, in order of position.
    package private(set) var events: [SequencedEvent] = []

    /// Streams that have their first event in ``events``.
    package private(set) var newStreams: [(name: StreamName, id: Position)] = []

    /// Shares that have their first event in ``events``.
    package private(set) var newShares: [(name: ShareName, stream: Position, id: Position)] = []

    /// The position that the next event gets.
    package private(set) var next: Position

    private var lastRecorded: Timestamp?
    private var streams: [StreamName: ChainHead?]
    private var shares: [ShareName: ChainHead?]
    private var random: RandomPool

    /// Starts behind the event `last`; `streams` and `shares` hold `nil` for chains that have no event yet.
    package init(
        origin: Origin,
        after last: LedgerHead?,
        streams: [StreamName: ChainHead?],
        shares: [ShareName: ChainHead?],
        randomness: Randomness = .system,
    ) {
        self.origin = origin
        self.streams = streams
        self.shares = shares
        random = RandomPool(randomness)
        next = last?.position.next ?? .first
        lastRecorded = last?.recorded
    }

    /// Adds an event at the end of the ledger, of its stream and, if it has a ticket, of its share.
    ///
    /// It is recorded at `now`, or a microsecond after the event before it where the clock has not moved on.
    package mutating func append(_ draft: EventDraft, now: Timestamp, with sha256: inout SHA256) -> Receipt {
        let position = next
        var recorded = now
        if let lastRecorded, recorded <= lastRecorded {
            recorded = Timestamp(microseconds: lastRecorded.microseconds + 1)
        }
        let id = EventID(at: recorded, random: random.take(8))
        let stream = head(of: draft.stream, beginningAt: position)
        let share = draft.ticket.map {
            head(of: ShareName(stream: draft.stream, ticket: $0), in: stream.id, at: position)
        }
        let leaf = Leaf(
            origin: origin,
            event: id,
            type: draft.type,
            direction: draft.direction,
            stream: draft.stream,
            streamLink: stream.next,
            ticket: draft.ticket,
            shareLink: share?.next,
            about: draft.about,
            exchange: draft.exchange,
            attempt: draft.attempt,
            recorded: recorded,
            status: draft.status,
            parts: draft.parts.map(\.line),
        )
        let hash = leaf.hash(with: &sha256)
        streams[draft.stream] = stream.followed(by: hash)
        if let ticket = draft.ticket {
            shares[ShareName(stream: draft.stream, ticket: ticket)] = share?.followed(by: hash)
        }
        events.append(
            SequencedEvent(
                position: position,
                stream: stream.id,
                share: share?.id,
                leaf: leaf,
                leafHash: hash,
                draft: draft
            ),
        )
        next = position.next
        lastRecorded = recorded
        return Receipt(position: position, event: id, recorded: recorded)
    }

    /// The identifier of a share that was loaded or begun; `nil` where it has no event.
    package func shareID(_ name: ShareName) -> Position? {
        head(of: name)?.id
    }

    /// The identifier of a stream that was loaded or begun; `nil` where it has no event.
    package func streamID(_ name: StreamName) -> Position? {
        head(of: name)?.id
    }

    /// Where a stream that was loaded or begun goes on; `nil` where it has no event.
    package func head(of name: StreamName) -> ChainHead? {
        streams[name] ?? nil
    }

    /// Where a share that was loaded or begun goes on; `nil` where it has no event.
    package func head(of name: ShareName) -> ChainHead? {
        shares[name] ?? nil
    }

    // MARK: Chains

    private mutating func head(of name: StreamName, beginningAt position: Position) -> ChainHead {
        guard let known = streams[name] else { preconditionFailure("the head of a stream was not loaded") }
        if let known { return known }
        newStreams.append((name, position))
        return ChainHead(id: position, next: .first)
    }

    private mutating func head(of name: ShareName, in stream: Position, at position: Position) -> ChainHead {
        guard let known = shares[name] else { preconditionFailure("the head of a share was not loaded") }
        if let known { return known }
        newShares.append((name, stream, position))
        return ChainHead(id: position, next: .first)
    }
}

/// The last event of the ledger.
package struct LedgerHead: Sendable, Hashable {
    package let position: Position
    package let recorded: Timestamp

    package init(position: Position, recorded: Timestamp) {
        self.position = position
        self.recorded = recorded
    }

    /// The ledger's end after an event.
    package init(_ event: SequencedEvent) {
        self.init(position: event.position, recorded: event.leaf.recorded)
    }
}

/// Where the next event of a stream or share goes.
package struct ChainHead: Sendable, Hashable {
    /// Position of the chain's first event, which names it in the tables.
    package let id: Position

    package let next: ChainLink

    package init(id: Position, next: ChainLink) {
        self.id = id
        self.next = next
    }

    fileprivate func followed(by hash: Digest) -> ChainHead {
        ChainHead(id: id, next: ChainLink(sequence: next.sequence + 1, previous: hash))
    }
}

/// A share by what it is called: a ticket in the stream of its agreement.
package struct ShareName: Sendable, Hashable {
    package let stream: StreamName
    package let ticket: String

    package init(stream: StreamName, ticket: String) {
        self.stream = stream
        self.ticket = ticket
    }

    /// By the ticket alone, which tells nearly all shares apart.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(ticket)
    }
}

/// An event with its place, ready to be stored.
package struct SequencedEvent: Sendable {
    package let position: Position
    package let stream: Position
    package let share: Position?
    package let leaf: Leaf
    package let leafHash: Digest
    package let draft: EventDraft
}
