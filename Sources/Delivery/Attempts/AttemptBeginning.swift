import Cryptography
import HTTPClient
import Ledger
import Sharing
import TicketSharing

/// An attempt that is about to be made, ready to be recorded: what will be sent, to where.
struct AttemptBeginning: Sendable {
    let subject: AttemptSubject
    let exchange: EventID

    /// Request line, headers and, where the message's event does not hold it, body.
    let parts: [Part]

    let url: String

    /// Where it will connect to; `nil` where nothing will be sent.
    let addresses: String?

    /// False for the second and further requests of one try.
    let countsAsTry: Bool

    /// The partner as it was when the delivery was claimed.
    private let partner: PartnerRecord

    init(
        _ request: OutgoingRequest,
        of delivery: ClaimedDelivery,
        exchange: EventID,
        target: VettedAddresses?,
        countsAsTry: Bool,
        randomness: Randomness,
    ) {
        subject = delivery.subject
        self.exchange = exchange
        self.countsAsTry = countsAsTry
        partner = delivery.partner
        url = request.url.description
        addresses = target.map { target in
            target.addresses.map { "\(Endpoint(address: $0, port: target.port))" }.joined(separator: ", ")
        }
        var committer = Committer(randomness: randomness)
        var parts = [
            committer.part(.requestLine, request.requestLine),
            committer.part(.sentHeaders, request.recordedHeaders),
        ]
        if let body = request.recordedBody {
            parts.append(
                committer.part(.sentBody, body.bytes, chunks: body.chunks, splices: body.splices),
            )
        }
        self.parts = parts
    }

    /// Whether it may still be made to the partner as that stands now: nobody has moved it, or taken back what was allowed.
    func isAllowed(to current: PartnerRecord) -> Bool {
        current.state == .active && !current.isPaused && current.baseURL == partner.baseURL
            && (current.allowsHTTP || !partner.allowsHTTP)
            && (current.allowsPrivateAddress || !partner.allowsPrivateAddress)
    }

    var byteCount: Int {
        parts.reduce(512) { $0 + $1.content.count }
    }
}
