import CLibPQ
import Dispatch

/// Asks the server, over a connection of its own, to give up the statement that a session is running.
///
/// `PQcancel` blocks, without a limit when the network swallows packets, so it runs on a queue of its own. It returns only
/// after the server has signalled the backend; a session therefore waits for it before it sends anything else, or else the
/// signal could hit the next statement.
@safe final class Canceller: Sendable {
    private let address: SharedAddress
    private let queue = DispatchQueue(label: "shareledger.postgres.cancel")
    private let inFlight = DispatchGroup()

    init(taking pointer: OpaquePointer) {
        unsafe address = SharedAddress(pointer)
    }

    deinit {
        unsafe PQfreeCancel(address.pointer)
    }

    /// Returns at once; a failure shows itself as a statement that does not end.
    func requestCancel() {
        queue.async(group: inFlight) { @Sendable [self] in
            unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
                _ = unsafe PQcancel(address.pointer, message.baseAddress, Int32(message.count))
            }
        }
    }

    /// False if a request was still under way when the time was up.
    func waitUntilIdle(until deadline: ContinuousClock.Instant) -> Bool {
        let remaining = max(.zero, ContinuousClock.now.duration(to: deadline))
        return inFlight.wait(timeout: .now() + remaining.timeInterval) == .success
    }
}

extension Duration {
    /// For the interfaces of Dispatch, which count in nanoseconds; limited to what they can hold.
    var timeInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        guard seconds < 1_000_000_000 else { return .seconds(1_000_000_000) }
        return .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }

    /// Rounded up, for `poll`: a wait that ends early would spin.
    var pollMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard self > .zero else { return 0 }
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
