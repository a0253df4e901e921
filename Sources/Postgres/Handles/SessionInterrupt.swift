import Glibc
import Synchronization

/// Wakes a session that waits for the server, from any thread.
///
/// A pipe, because the session sleeps in `poll`. Once triggered every further statement of the session fails with
/// ``PostgresError/Kind/cancelled`` until ``begin(_:)`` starts the next piece of work; rollbacks are exempt.
package final class SessionInterrupt: Sendable {
    /// One piece of work, so that a late trigger does not hit the next.
    package struct Ticket: Sendable, Hashable {
        fileprivate let number: UInt64
    }

    private struct State {
        var issued: UInt64 = 0
        var current = Ticket(number: 0)
        var isTriggered = false
    }

    private let readEnd: Int32
    private let writeEnd: Int32
    private let state = Mutex(State())

    /// Throws ``PostgresError`` of kind `connection` when the process has no file descriptors left.
    package init() throws(PostgresError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw PostgresError(.connection, "no pipe for a session's interrupt: errno \(errno)")
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// A number for work that is going to begin.
    package func makeTicket() -> Ticket {
        state.withLock { state in
            state.issued += 1
            return Ticket(number: state.issued)
        }
    }

    /// Starts a piece of work, on the session's thread, and forgets an earlier trigger.
    package func begin(_ ticket: Ticket) {
        state.withLock { state in
            state.current = ticket
            guard state.isTriggered else { return }
            state.isTriggered = false
            var byte: UInt8 = 0
            while unsafe read(readEnd, &byte, 1) > 0 {}
        }
    }

    /// Stops a piece of work; does nothing if it has ended or not begun.
    package func trigger(_ ticket: Ticket) {
        state.withLock { state in
            if state.current == ticket { trigger(&state) }
        }
    }

    /// Stops whatever the session is doing, and what it goes on to do.
    package func trigger() {
        state.withLock { trigger(&$0) }
    }

    private func trigger(_ state: inout State) {
        guard !state.isTriggered else { return }
        state.isTriggered = true
        var byte: UInt8 = 1
        // The pipe is empty, so it takes the byte; it cannot be closed on the other side, which is ours too.
        _ = unsafe write(writeEnd, &byte, 1)
    }

    var isTriggered: Bool {
        state.withLock { $0.isTriggered }
    }

    /// Readable from the trigger until the next ``begin(_:)``.
    var descriptor: Int32 {
        readEnd
    }
}
