import Ledger
import Sharing
import TicketSharing

/// What the last transaction of a session left behind, so that the next one need not read it again.
///
/// Whoever changes what decisions read appends an event under the ledger's lock, or counts `projection.inline_version` on.
/// So all of it is true as long as neither has moved since, and nothing of it otherwise. Pure.
struct StateCache: Sendable {
    /// A share that has events; `ticket` is `nil` where none of them is a message.
    struct Share: Sendable {
        let chain: ChainHead
        let ticket: TicketHead?
    }

    /// What tells one state of the ledger from another.
    struct Version: Sendable, Equatable {
        let head: LedgerHead?
        let inline: Int64
        let origin: Origin?
    }

    /// How many shares, of some 400 bytes each, and how many agreements are kept at least; up to twice as many are.
    private static let shareCount = 16_384
    private static let agreementCount = 1024

    /// After these a repeat of the message is one that has yet to arrive.
    private static let stuckTypes: Set<EventType> = [.deliveryParked, .deliverySkipped, .deliveryAbandoned]

    private(set) var version: Version?
    private var streams = Generations<StreamName, ChainHead?>(capacity: agreementCount)
    private var shares = Generations<ShareName, Share>(capacity: shareCount)
    private var agreements = Generations<AgreementID, AgreementRecord>(capacity: agreementCount)

    /// The head of a stream, `.some(nil)` for one that is known to have no event; `nil` where it has to be read.
    mutating func stream(_ name: StreamName) -> ChainHead?? { streams[name] }

    mutating func share(_ name: ShareName) -> Share? { shares[name] }

    mutating func agreement(_ id: AgreementID) -> AgreementRecord? { agreements[id] }

    /// Forgets everything.
    mutating func removeAll() {
        self = StateCache()
    }

    /// Takes over what a transaction read and wrote, once that is committed.
    ///
    /// What has a delivery that is parked or given up is left out: that its last message is stuck has to be read again.
    mutating func take(_ keys: StateKeys, from transaction: borrowing SharingTransaction, _ loaded: StateLoader.Loaded)
    {
        let sequencer = transaction.sequencer
        let head = sequencer.events.last.map(LedgerHead.init)
        version = Version(
            head: head ?? loaded.head,
            inline: loaded.inlineVersion,
            origin: transaction.changes.epoch?.origin ?? loaded.origin,
        )
        for name in loaded.streams.keys {
            let chain = sequencer.head(of: name)
            // Anybody can ask for agreements that do not exist.
            if chain != nil || name == .system || name == .unattributed { streams[name] = .some(chain) }
        }
        for name in keys.shares {
            guard let chain = sequencer.head(of: name) else { continue }
            let ticket = transaction.ticket(name)
            let isStuck = ticket.map { transaction.isStuck($0.last.receipt.position) } ?? false
            shares[name] = isStuck ? nil : Share(chain: chain, ticket: ticket)
        }
        for id in keys.agreements {
            let record = transaction.agreement(id)
            let isStuck = record.map { transaction.isStuck($0.last.receipt.position) } ?? false
            agreements[id] = isStuck ? nil : record
        }
        for event in sequencer.events where Self.stuckTypes.contains(event.leaf.type) {
            if let ticket = event.leaf.ticket {
                shares[ShareName(stream: event.leaf.stream, ticket: ticket)] = nil
            } else if let agreement = event.leaf.stream.agreement.flatMap({ AgreementID($0) }) {
                agreements[agreement] = nil
            }
        }
    }
}
