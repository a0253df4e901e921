import Ledger
import LedgerStore
import Sharing

/// Something to be recorded of a delivery, with the change of the queue that goes with it.
enum AttemptEntry: Sendable {
    /// An attempt is about to be made; until this is committed not a byte may leave.
    case begin(AttemptBeginning)
    case end(AttemptEnd)
    /// An attempt that ended before anything could be sent.
    case endAtOnce(AttemptBeginning, AttemptEnd)
    /// A delivery that cannot be sent at all.
    case park(AttemptSubject, reason: String)
    /// A delivery whose worker is gone; whether its attempt arrived is not known.
    case reclaim(AttemptSubject, tryLimit: Int, now: Timestamp)
    /// A claim that is given back without an attempt.
    case release(AttemptSubject, due: Timestamp?)
    /// A delivery of which nothing is left to be sent.
    case abandon(AttemptSubject, reason: String)
    case finishReplay(Position)

    var keys: StateKeys {
        switch self {
        case .begin(let beginning): return beginning.subject.keys
        case .end(let end), .endAtOnce(_, let end): return end.keys
        case .park(let subject, _), .abandon(let subject, _), .reclaim(let subject, _, _): return subject.keys
        case .release(let subject, _):
            var keys = StateKeys()
            keys.deliveries = [subject.delivery]
            return keys
        case .finishReplay(let replay):
            var keys = StateKeys()
            keys.replays = [replay]
            return keys
        }
    }

    /// Whether it ends work on a delivery, so that others may be claimed.
    var mayFreeOthers: Bool {
        switch self {
        case .begin, .finishReplay: false
        default: true
        }
    }

    var byteCount: Int {
        switch self {
        case .begin(let beginning): beginning.byteCount
        case .end(let end): end.byteCount
        case .endAtOnce(let beginning, let end): beginning.byteCount + end.byteCount
        case .park, .abandon, .reclaim, .finishReplay: 512
        case .release: 64
        }
    }
}

/// What became of an entry.
enum EntryResult: Sendable, Equatable {
    /// An attempt is begun, the message's attempts so far counted from 1.
    case begun(attempt: Int)
    /// It is in the ledger, and the queue says so too.
    case recorded
    /// The delivery is somebody else's meanwhile: what happened is in the ledger, the queue was left alone.
    case claimLost
    /// The partner was paused or has moved since the claim, so nothing was begun and the claim was given back.
    case held
}
