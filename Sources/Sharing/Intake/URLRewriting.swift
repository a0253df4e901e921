import JSON
import Ledger
package import TicketSharing

/// Replaces the base URLs in an agreement message by a splice, so that each side reads what it knows; nothing else changes.
package enum URLRewriting {
    /// The body with other values of `sender_url` and `receiver_url`, where it says any.
    package static func rewrite(
        _ body: [UInt8],
        _ message: AgreementMessage,
        senderURL: String?,
        receiverURL: String?,
    ) -> [UInt8] {
        var replacements: [(range: Range<Int>, text: String)] = []
        if let senderURL, let range = message.byteRange(of: .senderURL) { replacements.append((range, senderURL)) }
        if let receiverURL, let range = message.byteRange(of: .receiverURL) {
            replacements.append((range, receiverURL))
        }
        var rewritten: [UInt8] = []
        rewritten.reserveCapacity(body.count + 128)
        var end = 0
        for (range, text) in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            rewritten += body[end..<range.lowerBound]
            var writer = JSONWriter(capacity: text.utf8.count + 2)
            writer.string(text)
            rewritten += writer.bytes
            end = range.upperBound
        }
        return rewritten + body[end...]
    }

    /// Whether a URL in a message of our desk means the partner called `name`.
    static func means(_ url: BaseURL, _ name: String, at address: BaseURL) -> Bool {
        url.isSameAddress(as: address) || url.path == "/to/\(name)" || url.path == "/to/\(name)/"
    }
}

extension SharingTransaction {
    /// An outbound agreement message as the partner gets it.
    struct SentMessage {
        let message: AgreementMessage
        let part: Part?
    }

    /// The message with the partner's view of both base URLs; `nil` for what did not come from our desk.
    ///
    /// - Parameters:
    ///   - theirURL: The partner's URL as the agreement has it.
    ///   - ourRole: Our side of the agreement: its URL becomes the public one, whatever the desk calls itself.
    mutating func sentOn(
        _ capture: Capture,
        _ message: AgreementMessage,
        partner: PartnerRecord?,
        theirURL: BaseURL?,
        ourRole: AgreementRole,
    ) throws(ProtocolFault) -> SentMessage? {
        guard let partner else { return nil }
        let theirURL = theirURL ?? partner.baseURL
        let theirs = ourRole == .sender ? message.receiverURL : message.senderURL
        let known = [theirURL, partner.baseURL]
        if let theirs, !known.contains(where: { URLRewriting.means(theirs, partner.name, at: $0) }) {
            let member = ourRole == .sender ? "receiver_url" : "sender_url"
            let local = "\(settings.privateURL.text)/to/\(partner.name)"
            throw ProtocolFault(.unprocessable, .invalidValue, "\(member) must be \(local) or \(partner.baseURL.text)")
        }
        let ours = settings.publicURL.text
        let body = URLRewriting.rewrite(
            capture.body,
            message,
            senderURL: ourRole == .sender ? ours : theirURL.text,
            receiverURL: ourRole == .sender ? theirURL.text : ours,
        )
        guard body != capture.body else { return SentMessage(message: message, part: nil) }
        do {
            let document = try JSONDocument(parsing: body)
            let stored = StoredBody(
                body,
                document: document,
                isAgreement: true,
                secrets: capture.secrets,
                maximumDepth: 64
            )
            let context = Splice.context(exchange: capture.exchange, part: .sentBody)
            let sealed = SealedSplices(stored.splices) { seal($0, context: context) }
            return SentMessage(
                message: try AgreementMessage(document, id: message.id),
                part: part(.sentBody, stored.bytes, chunks: stored.chunks, splices: sealed),
            )
        } catch let fault as ProtocolFault {
            throw fault
        } catch {
            throw ProtocolFault(.unprocessable, .malformedJSON, "the body cannot be sent on: \(error)")
        }
    }

    func sentParts(_ sent: SentMessage?) -> [Part] {
        sent?.part.map { [$0] } ?? []
    }
}
