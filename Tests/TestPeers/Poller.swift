import Foundation
import Glibc
import Synchronization

/// Waits for sockets on one thread, however many clients a test has.
final class Poller: Sendable {
    static let shared = Poller()

    private struct Waiter {
        let descriptor: Int32
        let events: Int16
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private let waiters = Mutex<[Waiter]>([])
    /// A byte through this pipe has the thread look at its list again.
    private let (reading, writing): (Int32, Int32)

    private init() {
        var ends: [Int32] = [-1, -1]
        unsafe pipe(&ends)
        (reading, writing) = (ends[0], ends[1])
        Thread.detachNewThread { @Sendable [self] in run() }
    }

    /// Waits until the socket is ready; false if it is not within this time.
    func wait(_ descriptor: Int32, for events: Int32, atMost duration: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            waiters.withLock { waiters in
                waiters.append(
                    Waiter(
                        descriptor: descriptor,
                        events: Int16(events),
                        deadline: .now.advanced(by: duration),
                        continuation: continuation
                    )
                )
            }
            var byte: UInt8 = 0
            unsafe write(writing, &byte, 1)
        }
    }

    private func run() {
        while true {
            let waiting = waiters.withLock { $0 }
            var polled = [pollfd(fd: reading, events: Int16(POLLIN), revents: 0)]
            polled += waiting.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
            let next = waiting.map(\.deadline).min().map { max(.zero, ContinuousClock.now.duration(to: $0)) }
            let timeout = next.map { Int32($0 / .milliseconds(1)) + 1 } ?? -1
            unsafe poll(&polled, nfds_t(polled.count), timeout)
            if polled[0].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 4096)
                unsafe read(reading, &bytes, bytes.count)
            }
            let now = ContinuousClock.now
            let isDue = waiting.indices.map { polled[$0 + 1].revents != 0 || waiting[$0].deadline <= now }
            // What was added meanwhile stands behind what was waited for.
            waiters.withLock { waiters in
                waiters = waiting.indices.filter { !isDue[$0] }.map { waiting[$0] } + waiters.dropFirst(waiting.count)
            }
            for index in waiting.indices where isDue[index] {
                waiting[index].continuation.resume(returning: polled[index + 1].revents != 0)
            }
        }
    }
}
