import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// A delivery that this process has claimed, with all that is needed to send it.
struct ClaimedDelivery: Sendable {
    let subject: AttemptSubject

    /// `message`: the stored bytes; `state`: the ticket as reconstructed now.
    let kind: Kind

    let stream: Position
    let share: Position?
    let type: EventType
    let ourRole: AgreementRole

    /// The exchange of the message itself, to which its encrypted credentials are bound.
    let messageExchange: EventID?

    /// The other end of the agreement, also where the desk is the destination.
    let partner: PartnerRecord

    /// Where it goes instead, and without credentials; only of a replay to a sandbox.
    let sandbox: Sandbox?

    private(set) var body: StoredBytes?
    private(set) var sentBody: StoredBytes?

    /// What is wrong with the facts, which say what credentials go with a message.
    let factsDamage: PartFault?

    /// What the facts say was cut out of the message's bodies.
    let cuts: CutRecord

    /// The key that the request is to carry.
    let tokenKey: SealedKey?

    /// The version of the access key that the message brings, if it brings one.
    let offeredKey: AgreementRecord.KeyVersion?

    /// Whether it was said under an invitation in the place of which there is another one.
    let isSuperseded: Bool

    /// Whether the queue names another partner, message or share than the agreement and the ledger do.
    let isMisdirected: Bool

    /// Tries before this one.
    let tries: Int

    let due: Timestamp

    enum Kind: String, Sendable {
        case message
        case state
    }

    /// A part as it is stored.
    enum StoredBytes: Sendable {
        case present(StoredPart)
        case erased

        /// It is there, but is not what the leaf commits to; or it is gone without an erasure.
        case damaged(PartFault)

        var byteCount: Int {
            switch self {
            case .present(let part): part.content.count
            case .erased, .damaged: 0
            }
        }
    }

    /// A URL that an operator has named for one replay.
    struct Sandbox: Sendable {
        let baseURL: BaseURL
        let allowsHTTP: Bool
        let allowsPrivateAddress: Bool
    }

    /// An access key as it is stored.
    struct SealedKey: Sendable {
        let number: Int
        let sealed: [UInt8]
    }

    /// Whether it was tried before, or is of a replay.
    var isRepeated: Bool { tries > 0 || subject.replay != nil }

    var byteCount: Int {
        (body?.byteCount ?? 0) + (sentBody?.byteCount ?? 0)
    }
}

// MARK: - Reading

extension ClaimedDelivery {
    /// Parts of the message that are gone, erased or not.
    var missingParts: [PartPlace] {
        [body, sentBody].compactMap { bytes in
            guard case .damaged(let fault)? = bytes, fault.kind == .missing else { return nil }
            return fault.place
        }
    }

    /// Takes over which of ``missingParts`` were erased.
    mutating func note(erased: Set<PartPlace>) {
        func noted(_ bytes: StoredBytes?) -> StoredBytes? {
            guard case .damaged(let fault)? = bytes, fault.kind == .missing, erased.contains(fault.place) else {
                return bytes
            }
            return .erased
        }
        body = noted(body)
        sentBody = noted(sentBody)
    }

    /// Reads a row of `delivery.claim`.
    init(_ row: Row, claim: EventID) throws(PostgresError) {
        let agreement = try row["agreement", as: String.self]
        guard let agreement = AgreementID(agreement) else {
            throw PostgresError(.decoding, "a delivery is of an agreement whose name is no identifier")
        }
        partner = PartnerRecord(
            id: try row["partner_id", as: Position.self],
            name: try row["partner", as: String.self],
            baseURL: try Self.url(try row["base_url", as: String.self]),
            dialect: try Self.known(row, "dialect"),
            state: .active,
            allowsPrivateAddress: try row["allow_private_address", as: Bool.self],
            allowsHTTP: try row["allow_http", as: Bool.self],
            concurrency: Int(try row["concurrency", as: Int32.self]),
        )
        sandbox = try row["sandbox_url", as: String?.self].map { url throws(PostgresError) in
            Sandbox(
                baseURL: try Self.url(url),
                allowsHTTP: try row["sandbox_allow_http", as: Bool.self],
                allowsPrivateAddress: try row["sandbox_allow_private_address", as: Bool.self],
            )
        }
        subject = AttemptSubject(
            delivery: DeliveryID(rawValue: try row["delivery_id", as: Int64.self]),
            claim: claim,
            agreement: agreement,
            ticket: try row["ticket", as: String?.self],
            destination: Destination(rawValue: try row["destination", as: Int64.self]),
            partner: partner.id,
            partnerName: partner.name,
            message: try row["message_position", as: Position.self],
            messageID: try row["message_id", as: EventID.self],
            direction: try Self.known(row, "direction"),
            replay: try row["replay_id", as: Position?.self],
        )
        kind = try Self.known(row, "kind")
        stream = try row["stream_id", as: Position.self]
        share = try row["share_id", as: Position?.self]
        type = try Self.known(row, "type")
        ourRole = try Self.known(row, "our_role")
        messageExchange = try row["exchange", as: EventID?.self]
        let parts = try Parts(row, type, of: subject.message, isMessage: kind == .message)
        body = parts.body
        sentBody = parts.sentBody
        factsDamage = parts.factsDamage
        cuts = parts.cuts
        tokenKey = try row["token_version", as: Int32?.self].map { number throws(PostgresError) in
            SealedKey(number: Int(number), sealed: try row["token_sealed", as: [UInt8].self])
        }
        offeredKey = try row["offered_version", as: Int32?.self].map { number throws(PostgresError) in
            AgreementRecord.KeyVersion(
                number: Int(number),
                fingerprint: try row["offered_fingerprint", as: Digest.self],
            )
        }
        isSuperseded = try row["is_superseded", as: Bool.self]
        isMisdirected = try row["is_misdirected", as: Bool.self]
        tries = Int(try row["tries", as: Int32.self])
        due = try row["due_at", as: Timestamp.self]
    }

    private static func known<Value: RawRepresentable<String>>(
        _ row: Row,
        _ column: String,
    ) throws(PostgresError) -> Value {
        guard let value = Value(rawValue: try row[column, as: String.self]) else {
            throw PostgresError(.decoding, "column \(column) holds no \(Value.self)")
        }
        return value
    }

    private static func url(_ text: String) throws(PostgresError) -> BaseURL {
        do throws(BaseURLFault) {
            return try BaseURL(text)
        } catch {
            throw PostgresError(.decoding, "the URL of a partner or a sandbox \(error.rawValue)")
        }
    }
}
