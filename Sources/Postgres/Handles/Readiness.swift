import Glibc

/// What ended a wait for a socket.
enum Readiness {
    case ready
    case timedOut
    case interrupted
    case failed(Int32)

    /// Sleeps until the socket can be read or written, the session is interrupted, or the time is up.
    ///
    /// Without an interrupt to listen for, only the time ends the wait.
    static func await(
        _ socket: Int32,
        _ interrupt: SessionInterrupt?,
        reading: Bool,
        writing: Bool,
        until deadline: ContinuousClock.Instant,
    ) -> Readiness {
        guard socket >= 0 else { return .failed(EBADF) }
        let events = Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0))
        // poll passes over a negative descriptor.
        var descriptors = [
            pollfd(fd: socket, events: events, revents: 0),
            pollfd(fd: interrupt?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let remaining = ContinuousClock.now.duration(to: deadline)
            let count = unsafe poll(&descriptors, 2, remaining.pollMilliseconds)
            if count < 0 {
                guard errno == EINTR else { return .failed(errno) }
                continue
            }
            // An answer that has come counts for more than the wish to stop waiting for it.
            if descriptors[0].revents != 0 { return .ready }
            if descriptors[1].revents != 0 { return .interrupted }
            if ContinuousClock.now >= deadline { return .timedOut }
        }
    }

    /// Whether something has come that nobody asked for, such as the server's farewell.
    static func hasInput(_ socket: Int32) -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&descriptor, 1, 0) > 0
    }
}
