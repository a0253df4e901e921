import Cryptography
import JSON
import Ledger
import LedgerStore
import Postgres

/// All that can be shown of one event without reading what people wrote.
struct EventPage: Sendable {
    private let event: StoredEvent
    private let partner: String?
    private let parts: [PartName: StoredPart]
    private let hasTrueLeaf: Bool
    private let faults: [PartName: PartFault.Kind]

    init(of event: StoredEvent, in session: inout PostgresSession) throws {
        self.event = event
        var names = PartnerNames()
        partner = try names.entries(of: [event], in: &session).first?.partner
        let checked = try CheckedParts(of: [event], in: &session)
        parts = checked.parts[event.position] ?? [:]
        faults = Dictionary(checked.faults.map { ($0.key.part, $0.value) }, uniquingKeysWith: { $1 })
        var sha256 = SHA256()
        hasTrueLeaf = event.hasTrueLeaf(with: &sha256)
    }

    /// Whether the leaf is the stored one and every part is the committed one, or erased by an event that names it.
    var isSound: Bool {
        hasTrueLeaf && faults.isEmpty
    }

    /// What became of a part's bytes.
    private func state(of part: PartName) -> String {
        switch faults[part] {
        case .altered: "damaged"
        case .missing: "missing"
        case .incomplete: "incomplete"
        case nil: parts[part] == nil ? "erased" : "held"
        }
    }
}

// MARK: - For people

extension EventPage {
    /// The event, its leaf and its parts, with the contents of those that are no bodies.
    var text: String {
        var text = "Event \(event.position) of \(event.stream.text)"
        if let partner { text += ", partner \(TerminalText.line(partner))" }
        text += "\n\n" + TerminalText.lines(String(decoding: event.leaf.bytes, as: UTF8.self))
        text += "\nleaf hash \(event.leafHash)\(hasTrueLeaf ? "" : ", WHICH IS NOT THAT OF THIS LEAF")\n\n"
        var table = TextTable(["part", "bytes", "chunks", "state"])
        for line in event.parts {
            let chunks = parts[line.name]?.chunkLengths.map { "\($0.count)" }
            table.add([line.name.rawValue, "\(line.byteCount)", chunks, state(of: line.name)])
        }
        text += table.text
        for line in event.parts where !line.name.isChunked {
            guard let part = parts[line.name] else { continue }
            text += "\n\(line.name.rawValue)\n" + Self.indented(part)
        }
        return text
    }

    private static func indented(_ part: StoredPart) -> String {
        let lines =
            switch part.name {
            case .headers, .sentHeaders, .answerHeaders:
                HeaderBlock(bytes: part.content).fields.map { "\($0.name): \($0.value)" }
            case .facts, .detail: members(of: part.content)
            default: [String(decoding: part.content, as: UTF8.self)]
            }
        return lines.map { "    \(TerminalText.line($0))\n" }.joined()
    }

    /// The members of an object, one a line; anything else as it is.
    private static func members(of content: [UInt8]) -> [String] {
        // What is no JSON is damaged, which the table says.
        guard let root = try? JSONDocument(parsing: content).root, root.kind == .object else {
            return [String(decoding: content, as: UTF8.self)]
        }
        return root.members.map { "\($0.name ?? ""): \($0.value.string ?? $0.value.rawText)" }
    }
}

// MARK: - For programs

extension EventPage {
    /// Writes the members of the event's object.
    func write(to object: inout JSONWriter) {
        object.member("position", event.position.rawValue)
        object.member("event_id", "\(event.event)")
        object.member("type", event.type.rawValue)
        object.optional("direction", event.direction?.rawValue)
        object.member("stream", event.stream.text)
        object.member("stream_seq", event.streamLink.sequence)
        object.optional("agreement", event.stream.agreement)
        object.optional("ticket", event.ticket)
        object.optional("share_seq", event.shareLink?.sequence)
        object.optional("partner", partner)
        object.optional("about", event.about.map { "\($0)" })
        object.optional("exchange", event.exchange.map { "\($0)" })
        object.optional("attempt", event.attempt.map { Int64($0) })
        object.member("recorded_at", "\(event.recorded)")
        object.optional("status", event.status.map { Int64($0) })
        object.member("leaf", String(decoding: event.leaf.bytes, as: UTF8.self))
        object.member("leaf_hash", "\(event.leafHash)")
        object.member("leaf_matches", hasTrueLeaf)
        object.name("parts")
        object.array { array in
            for line in event.parts {
                array.object { write(line, to: &$0) }
            }
        }
    }

    private func write(_ line: PartLine, to object: inout JSONWriter) {
        object.member("name", line.name.rawValue)
        object.member("bytes", line.byteCount)
        object.member("commitment", "\(line.commitment)")
        object.member("state", state(of: line.name))
        guard let part = parts[line.name] else { return }
        if let lengths = part.chunkLengths { object.member("chunks", lengths.count) }
        guard !line.name.isChunked else { return }
        object.name("content")
        switch line.name {
        case .headers, .sentHeaders, .answerHeaders:
            object.array { array in
                for field in HeaderBlock(bytes: part.content).fields {
                    array.array { pair in
                        pair.string(field.name)
                        pair.string(field.value)
                    }
                }
            }
        case _ where (line.name == .facts || line.name == .detail) && isJSON(part.content): object.raw(part.content)
        default: object.string(String(decoding: part.content, as: UTF8.self))
        }
    }

    private func isJSON(_ content: [UInt8]) -> Bool {
        // Why it is none does not matter: the part's state says that it is damaged.
        (try? JSONDocument(parsing: content)) != nil
    }
}
