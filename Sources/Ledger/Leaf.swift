package import Cryptography

/// The frozen text of an event, `shareledger-leaf/v1`: what is hashed, chained and, later, signed.
///
/// LF-ended lines in a fixed order, `-` where a value is absent, no free text. It must never change: every proof
/// that was ever given rests on these bytes. A new format gets a new first line.
package struct Leaf: Sendable, Equatable {
    package let origin: Origin
    package let event: EventID
    package let type: EventType
    package let direction: Direction?
    package let stream: StreamName
    package let streamLink: ChainLink
    /// The ticket's identifier where the event belongs to a share.
    package let ticket: String?
    /// The place in the share's own chain, where there is a ``ticket``.
    package let shareLink: ChainLink?
    /// The message, attempt or other event that this one is about.
    package let about: EventID?
    /// The HTTP exchange, shared by all events that one request led to.
    package let exchange: EventID?
    /// The number of a try of a delivery, from 1.
    package let attempt: Int?
    package let recorded: Timestamp
    /// The HTTP status that was answered, by us or by the partner.
    package let status: Int?
    /// In the order of their names.
    package let parts: [PartLine]

    package init(
        origin: Origin,
        event: EventID,
        type: EventType,
        direction: Direction?,
        stream: StreamName,
        streamLink: ChainLink,
        ticket: String?,
        shareLink: ChainLink?,
        about: EventID?,
        exchange: EventID?,
        attempt: Int?,
        recorded: Timestamp,
        status: Int?,
        parts: [PartLine],
    ) {
        precondition((ticket == nil) == (shareLink == nil), "a share is numbered exactly where there is a ticket")
        precondition(!parts.isEmpty, "every event has at least one part")
        self.origin = origin
        self.event = event
        self.type = type
        self.direction = direction
        self.stream = stream
        self.streamLink = streamLink
        self.ticket = ticket
        self.shareLink = shareLink
        self.about = about
        self.exchange = exchange
        self.attempt = attempt
        self.recorded = recorded
        self.status = status
        self.parts = parts.sorted { $0.name.rawValue.utf8.lexicographicallyPrecedes($1.name.rawValue.utf8) }
    }
}

/// A place in a chain of events: its number from 0, and the leaf hash of the one before.
package struct ChainLink: Sendable, Hashable {
    package let sequence: Int64

    /// `nil` at number 0.
    package let previous: Digest?

    package init(sequence: Int64, previous: Digest?) {
        precondition((sequence == 0) == (previous == nil), "only the first of a chain has nothing before it")
        self.sequence = sequence
        self.previous = previous
    }

    /// The first place of a chain.
    package static let first = ChainLink(sequence: 0, previous: nil)
}

// MARK: - Bytes

extension Leaf {
    /// The leaf's bytes.
    package var bytes: [UInt8] {
        var text = LeafWriter()
        text.line("shareledger-leaf/v1")
        text.line("log", "\(origin)")
        text.line("event", event)
        text.line("type", type.rawValue)
        text.line("direction", direction?.rawValue)
        text.line("stream", stream.text)
        text.line("stream-seq", streamLink.sequence)
        text.line("stream-prev", streamLink.previous)
        text.line("ticket", ticket)
        text.line("share-seq", shareLink?.sequence)
        text.line("share-prev", shareLink?.previous)
        text.line("about", about)
        text.line("exchange", exchange)
        text.line("attempt", attempt.map(Int64.init))
        text.line("recorded", recorded)
        text.line("status", status.map(Int64.init))
        for part in parts {
            text.line(part)
        }
        return text.bytes
    }

    /// `SHA-256(0x00 || bytes)`, as in RFC 6962.
    package func hash(with sha256: inout SHA256) -> Digest {
        MerkleTree.leafHash(bytes, with: &sha256)
    }
}

private struct LeafWriter {
    private(set) var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(1200)
    }

    mutating func line(_ first: String) {
        bytes.append(contentsOf: first.utf8)
        end()
    }

    mutating func line(_ name: String, _ value: String?) {
        line(name, value) { $1.append(contentsOf: $0.utf8) }
    }

    mutating func line(_ name: String, _ value: Int64?) {
        line(name, value) { $1.append(contentsOf: String($0).utf8) }
    }

    mutating func line(_ name: String, _ value: EventID?) {
        line(name, value) { $0.appendText(to: &$1) }
    }

    mutating func line(_ name: String, _ value: Timestamp) {
        line(name, value) { $0.append(to: &$1) }
    }

    mutating func line(_ name: String, _ value: Digest?) {
        line(name, value) { appendHexadecimal($0, to: &$1) }
    }

    mutating func line(_ part: PartLine) {
        word("part")
        word(part.name.rawValue)
        word(String(part.byteCount))
        appendHexadecimal(part.commitment, to: &bytes)
        end()
    }

    private mutating func line<Value>(_ name: String, _ value: Value?, _ append: (Value, inout [UInt8]) -> Void) {
        word(name)
        if let value { append(value, &bytes) } else { bytes.append(UInt8(ascii: "-")) }
        end()
    }

    private mutating func word(_ text: String) {
        bytes.append(contentsOf: text.utf8)
        bytes.append(UInt8(ascii: " "))
    }

    private mutating func end() {
        bytes.append(UInt8(ascii: "\n"))
    }
}
