package import Cryptography
package import Ledger
import Postgres
import TicketSharing

/// An event as it is read back, without the bytes of its parts.
package struct StoredEvent: Sendable, Equatable {
    package let position: Position
    package let event: EventID
    package let type: EventType
    package let direction: Direction?
    package let stream: StreamName
    package let streamID: Position
    package let streamLink: ChainLink
    package let ticket: String?
    package let share: Position?
    package let shareLink: ChainLink?
    package let about: EventID?
    package let exchange: EventID?
    package let attempt: Int?
    package let recorded: Timestamp
    package let status: Int?
    package let origin: Origin
    package let parts: [PartLine]
    package let leafHash: Digest

    /// The version of the form of its parts `facts` and `detail`.
    package let format: Int

    /// The leaf, put together again from what was read.
    package var leaf: Leaf {
        Leaf(
            origin: origin,
            event: event,
            type: type,
            direction: direction,
            stream: stream,
            streamLink: streamLink,
            ticket: ticket,
            shareLink: shareLink,
            about: about,
            exchange: exchange,
            attempt: attempt,
            recorded: recorded,
            status: status,
            parts: parts,
        )
    }

    package var receipt: Receipt {
        Receipt(position: position, event: event, recorded: recorded)
    }

    /// The columns that ``init(_:)`` reads, of `ledger.event AS e` with its stream `s`, share `sh` and epoch `o`.
    static let columns = """
        e.position, e.event_id, e.type, e.direction, s.name, e.stream_id, e.stream_seq, e.stream_prev,
        sh.ticket, e.share_id, e.share_seq, e.share_prev, e.about, e.exchange, e.attempt, e.recorded_at, e.status,
        o.name, o.epoch, e.part_names, e.part_lengths, e.part_commitments, e.leaf_hash, e.format
        """

    /// The tables that ``columns`` are of.
    static let tables = """
        ledger.event AS e
        JOIN ledger.stream AS s ON s.stream_id = e.stream_id
        LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
        JOIN ledger.epoch AS o ON o.epoch = e.epoch
        """

    /// Number of ``columns``.
    static let columnCount = 24

    init(_ row: Row) throws(PostgresError) {
        position = try row[0, as: Position.self]
        event = try row[1, as: EventID.self]
        type = try row.known(2)
        direction = row.isNull(3) ? nil : try row.known(3)
        let name = try row[4, as: String.self]
        let epoch = (try row[17, as: String.self], try row[18, as: Int32.self])
        guard let stream = StreamName(name), let origin = Origin(name: epoch.0, epoch: Int(epoch.1)) else {
            throw PostgresError(.decoding, "event \(position) is of a stream or an origin that cannot be")
        }
        self.stream = stream
        self.origin = origin
        streamID = try row[5, as: Position.self]
        streamLink = try Self.link(row, at: 6, of: position)
        ticket = try row[8, as: String?.self]
        share = try row[9, as: Position?.self]
        shareLink = row.isNull(10) ? nil : try Self.link(row, at: 10, of: position)
        guard (ticket == nil) == (shareLink == nil) else {
            throw PostgresError(.decoding, "event \(position) is numbered in a share that is not there")
        }
        about = try row[12, as: EventID?.self]
        exchange = try row[13, as: EventID?.self]
        attempt = try row[14, as: Int32?.self].map { Int($0) }
        recorded = try row[15, as: Timestamp.self]
        status = try row[16, as: Int32?.self].map { Int($0) }
        let names = try row[19, as: [String].self]
        let lengths = try row[20, as: [Int64].self]
        let commitments = try row[21, as: [Digest].self]
        guard !names.isEmpty, names.count == lengths.count, names.count == commitments.count else {
            throw PostgresError(.decoding, "event \(position) has no parts, or parts without a length or a commitment")
        }
        var parts: [PartLine] = []
        for (index, name) in names.enumerated() {
            guard let name = PartName(rawValue: name) else {
                throw PostgresError(.decoding, "event \(position) has a part of an unknown name")
            }
            parts.append(PartLine(name: name, byteCount: Int(lengths[index]), commitment: commitments[index]))
        }
        self.parts = parts
        leafHash = try row[22, as: Digest.self]
        format = Int(try row[23, as: Int16.self])
    }

    private static func link(_ row: Row, at column: Int, of position: Position) throws(PostgresError) -> ChainLink {
        let sequence = try row[column, as: Int64.self]
        let previous = try row[column + 1, as: Digest?.self]
        guard (sequence == 0) == (previous == nil) else {
            throw PostgresError(.decoding, "event \(position) is not chained to the one before it")
        }
        return ChainLink(sequence: sequence, previous: previous)
    }
}

/// One part of an event as it is read back; `nil` where a part was erased.
package struct StoredPart: Sendable, Equatable {
    package let name: PartName
    package let content: [UInt8]
    package let salt: [UInt8]
    package let chunkLengths: [Int]?
    package let sealedSplices: [UInt8]?

    package init(
        name: PartName,
        content: [UInt8],
        salt: [UInt8],
        chunkLengths: [Int]?,
        sealedSplices: [UInt8]? = nil,
    ) {
        self.name = name
        self.content = content
        self.salt = salt
        self.chunkLengths = chunkLengths
        self.sealedSplices = sealedSplices
    }
}
