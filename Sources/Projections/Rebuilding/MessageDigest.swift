import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing

/// What a message's repeat is recognised by, made again from its stored bytes and the credentials that were cut out.
enum MessageDigest {
    /// `nil` where bytes are erased or damaged, or were sealed with another key file.
    static func read(
        of position: Position,
        keys: KeyRing,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Digest? {
        guard let event = try LedgerReader.event(at: position, in: &session), let exchange = event.exchange else {
            return nil
        }
        let checked = try CheckedParts(of: [event], named: [.requestLine, .body, .facts], in: &session)
        // What is wrong with them is reported where they are folded.
        let parts = (try? checked.sound(at: position)) ?? [:]
        guard let line = parts[.requestLine] else { return nil }
        // A credential in the line itself is not kept anywhere, and such a line is no line of the protocol.
        let words = line.content.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3 else { return nil }
        var body: [UInt8] = []
        if event.parts.contains(where: { $0.name == .body }) {
            let cuts = CutRecord(of: event.type, facts: parts[.facts]?.content)
            // Another key file than the one it was sealed with is as good as none.
            guard let part = parts[.body], let whole = try? cuts.restore(part, of: exchange, keys: keys) else {
                return nil
            }
            body = whole.bytes
        }
        return keys.repeatDigest(
            method: String(decoding: words[0], as: UTF8.self),
            path: String(decoding: words[1], as: UTF8.self),
            body: body
        )
    }
}
