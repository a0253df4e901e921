import Cryptography
import Foundation
import Postgres

/// Recomputes a ledger from its tables alone, by the words of the format, and lists whatever does not agree.
///
/// Shares nothing with the code that wrote them but SHA-256.
struct ReferenceLedger {
    private struct Event {
        let position: Int64
        let id: String
        let recorded: String
        let streamID: Int64
        let streamSequence: Int64
        let streamPrevious: [UInt8]?
        let shareID: Int64?
        let shareSequence: Int64?
        let sharePrevious: [UInt8]?
        let leafHash: [UInt8]
        let lines: [String]
        let partNames: [String]
        let partLengths: [Int64]
        let partCommitments: [[UInt8]]
    }

    private struct Payload {
        let salt: [UInt8]
        let content: [UInt8]
        let chunkLengths: [Int32]?
    }

    private var events: [Event] = []
    private var payloads: [Int64: [String: Payload]] = [:]

    /// What does not agree, in words.
    private(set) var faults: [String] = []

    /// How many events there are.
    var count: Int { events.count }

    /// - Parameter erased: Parts that are known to be gone, as `position part`.
    init(in session: inout PostgresSession, erased: Set<String> = []) throws {
        try read(in: &session)
        checkOrder()
        checkChains()
        for event in events {
            checkLeaf(event)
            checkParts(event, erased: erased)
        }
        let known = Set(events.map(\.position))
        for position in payloads.keys where !known.contains(position) {
            faults.append("payload \(position) has no event")
        }
    }

    // MARK: Reading

    private mutating func read(in session: inout PostgresSession) throws {
        let rows = try session.query(
            """
            SELECT e.position, e.event_id::text, to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                e.stream_id, e.stream_seq, e.stream_prev, e.share_id, e.share_seq, e.share_prev, e.leaf_hash,
                o.name || '/' || o.epoch, e.type, e.direction, s.name, sh.ticket, e.about::text, e.exchange::text,
                e.attempt::text, e.status::text, e.part_names, e.part_lengths, e.part_commitments
            FROM ledger.event AS e
            JOIN ledger.epoch AS o USING (epoch)
            JOIN ledger.stream AS s USING (stream_id)
            LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
            ORDER BY e.position
            """
        )
        for row in rows {
            func text(_ column: Int) throws -> String { try row[column, as: String?.self] ?? "-" }
            let streamPrevious = try row[5, as: [UInt8]?.self]
            let shareSequence = try row[7, as: Int64?.self]
            let sharePrevious = try row[8, as: [UInt8]?.self]
            let lines = [
                "shareledger-leaf/v1",
                "log \(try text(10))",
                "event \(try text(1))",
                "type \(try text(11))",
                "direction \(try text(12))",
                "stream \(try text(13))",
                "stream-seq \(try row[4, as: Int64.self])",
                "stream-prev \(streamPrevious.map(Self.hex) ?? "-")",
                "ticket \(try text(14))",
                "share-seq \(shareSequence.map { "\($0)" } ?? "-")",
                "share-prev \(sharePrevious.map(Self.hex) ?? "-")",
                "about \(try text(15))",
                "exchange \(try text(16))",
                "attempt \(try text(17))",
                "recorded \(try text(2))",
                "status \(try text(18))",
            ]
            events.append(
                Event(
                    position: try row[0, as: Int64.self],
                    id: try text(1),
                    recorded: try text(2),
                    streamID: try row[3, as: Int64.self],
                    streamSequence: try row[4, as: Int64.self],
                    streamPrevious: streamPrevious,
                    shareID: try row[6, as: Int64?.self],
                    shareSequence: shareSequence,
                    sharePrevious: sharePrevious,
                    leafHash: try row[9, as: [UInt8].self],
                    lines: lines,
                    partNames: try row[19, as: [String].self],
                    partLengths: try row[20, as: [Int64].self],
                    partCommitments: try row[21, as: [[UInt8]].self],
                ),
            )
        }
        for row in try session.query("SELECT position, part, salt, content, chunk_lengths FROM ledger.payload") {
            let payload = Payload(
                salt: try row[2, as: [UInt8].self],
                content: try row[3, as: [UInt8].self],
                chunkLengths: try row[4, as: [Int32]?.self],
            )
            payloads[try row[0, as: Int64.self], default: [:]][try row[1, as: String.self]] = payload
        }
    }

    // MARK: Order and chains

    private mutating func checkOrder() {
        for (index, event) in events.enumerated() where event.position != Int64(index) {
            faults.append("a gap before position \(event.position)")
        }
        for (earlier, later) in zip(events, events.dropFirst()) {
            if earlier.recorded >= later.recorded {
                faults.append("event \(later.position) is not after the one before")
            }
            if earlier.id >= later.id { faults.append("the id of event \(later.position) does not increase") }
        }
    }

    private mutating func checkChains() {
        var streams: [Int64: Event] = [:]
        var shares: [Int64: Event] = [:]
        for event in events {
            let before = streams.updateValue(event, forKey: event.streamID)
            if event.streamSequence != (before?.streamSequence ?? -1) + 1 || event.streamPrevious != before?.leafHash {
                faults.append("event \(event.position) is not chained to the one before it in its stream")
            }
            if before == nil, event.streamID != event.position {
                faults.append("stream \(event.streamID) has a wrong name")
            }
            guard let share = event.shareID else { continue }
            let last = shares.updateValue(event, forKey: share)
            if event.shareSequence != (last?.shareSequence ?? -1) + 1 || event.sharePrevious != last?.leafHash {
                faults.append("event \(event.position) is not chained to the one before it in its share")
            }
            if last == nil, share != event.position { faults.append("share \(share) has a wrong name") }
            if let last, last.streamID != event.streamID { faults.append("share \(share) is of two streams") }
        }
    }

    // MARK: Hashes

    private mutating func checkLeaf(_ event: Event) {
        var text = event.lines.map { $0 + "\n" }.joined()
        for (index, name) in event.partNames.enumerated() {
            text += "part \(name) \(event.partLengths[index]) \(Self.hex(event.partCommitments[index]))\n"
        }
        if event.partNames != event.partNames.sorted() || Set(event.partNames).count != event.partNames.count {
            faults.append("the parts of event \(event.position) are not in order")
        }
        if Self.sha256([0] + Array(text.utf8)) != event.leafHash {
            faults.append("event \(event.position) has another leaf")
        }
    }

    private mutating func checkParts(_ event: Event, erased: Set<String>) {
        let stored = payloads[event.position] ?? [:]
        for name in stored.keys where !event.partNames.contains(name) {
            faults.append("event \(event.position) has a part \(name) that its leaf does not name")
        }
        for (index, name) in event.partNames.enumerated() {
            guard let payload = stored[name] else {
                if !erased.contains("\(event.position) \(name)") {
                    faults.append("event \(event.position) lacks part \(name)")
                }
                continue
            }
            if Int64(payload.content.count) != event.partLengths[index] {
                faults.append("part \(name) of event \(event.position) has another length")
            }
            if commitment(to: payload, name) != event.partCommitments[index] {
                faults.append("part \(name) of event \(event.position) is not what its leaf commits to")
            }
        }
    }

    private func commitment(to payload: Payload, _ name: String) -> [UInt8] {
        let label = Array("shareledger-part/v1".utf8) + [0] + Array(name.utf8) + [0]
        guard let lengths = payload.chunkLengths else { return Self.sha256(label + payload.salt + payload.content) }
        var start = 0
        var leaves: [[UInt8]] = []
        for (number, length) in lengths.enumerated() {
            let chunk = payload.content[start..<start + Int(length)]
            let salt = Self.hmac(networkOrder(number), key: payload.salt)
            leaves.append(Self.sha256([0] + Self.sha256(label + salt + chunk)))
            start += Int(length)
        }
        return start == payload.content.count ? Self.root(leaves) : []
    }

    private func networkOrder(_ number: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }

    /// RFC 6962, section 2.1, as it is defined: split at the largest power of two below the size.
    private static func root(_ leaves: [[UInt8]]) -> [UInt8] {
        guard leaves.count > 1 else { return leaves.first ?? sha256([]) }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        return sha256([1] + root(Array(leaves[..<half])) + root(Array(leaves[half...])))
    }

    /// RFC 2104.
    private static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let padded = key + [UInt8](repeating: 0, count: 64 - key.count)
        return sha256(padded.map { $0 ^ 0x5C } + sha256(padded.map { $0 ^ 0x36 } + message))
    }

    private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        SHA256.hash(bytes).bytes
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
