import Synchronization

/// What a server is doing and has done, for metrics.
package struct HTTPServerCounts: Sendable, Hashable {
    /// Requests inside the handler now.
    package internal(set) var activeRequests = 0
    /// Bytes of bodies being received or handled now.
    package internal(set) var bufferedBodyBytes = 0
    /// Open connections now.
    package internal(set) var connections = 0

    /// Requests given to the handler since the start.
    package internal(set) var handled = 0
    /// Requests answered with the overload response since the start.
    package internal(set) var overloaded = 0
    /// Requests whose handler missed its deadline, or was cut off by a stop, since the start.
    package internal(set) var timedOut = 0
    /// Requests that we refused for an ambiguous head since the start.
    package internal(set) var refused = 0
    /// Requests that libmicrohttpd refused by itself since the start; no handler ever saw them.
    package internal(set) var refusedByLibrary = 0
    /// Connections closed at once because of a connection limit since the start.
    package internal(set) var connectionsRefused = 0
    /// Connections cut because a request or an answer took too long, or a body was endless, since the start.
    package internal(set) var connectionsCut = 0
}

/// Admits requests and body bytes within their bounds, and keeps count.
///
/// What every request touches is atomic, since all loops and handlers meet here.
final class ServerLoad: Sendable {
    private let maximumActiveRequests: Int
    private let bufferedBodyByteLimit: Int
    private let activeRequests = Atomic(0)
    private let bufferedBodyBytes = Atomic(0)
    private let handled = Atomic(0)
    private let others = Mutex(HTTPServerCounts())

    init(maximumActiveRequests: Int, bufferedBodyByteLimit: Int) {
        self.maximumActiveRequests = maximumActiveRequests
        self.bufferedBodyByteLimit = bufferedBodyByteLimit
    }

    /// All counts but that of the connections, which the loops know.
    var counts: HTTPServerCounts {
        var counts = others.withLock { $0 }
        counts.activeRequests = activeRequests.load(ordering: .relaxed)
        counts.bufferedBodyBytes = bufferedBodyBytes.load(ordering: .relaxed)
        counts.handled = handled.load(ordering: .relaxed)
        return counts
    }

    /// Counts one of the rarer events.
    func count(_ member: any WritableKeyPath<HTTPServerCounts, Int> & Sendable) {
        others.withLock { $0[keyPath: member] += 1 }
    }

    /// Takes one place in the handler, or says that there is none.
    func admit() -> Bool {
        guard take(1, of: activeRequests, limit: maximumActiveRequests) else { return false }
        handled.add(1, ordering: .relaxed)
        return true
    }

    /// Gives the place back: the handler has returned, whether or not anybody still waited for it.
    func handlerReturned(bodyByteCount: Int) {
        activeRequests.subtract(1, ordering: .relaxed)
        giveBack(bodyByteCount)
    }

    /// Takes room for so many body bytes, or says that there is none.
    func reserve(_ byteCount: Int) -> Bool {
        take(byteCount, of: bufferedBodyBytes, limit: bufferedBodyByteLimit)
    }

    func giveBack(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        bufferedBodyBytes.subtract(byteCount, ordering: .relaxed)
    }

    /// Takes first and looks afterwards: two that meet at the limit may both be refused, and never both be let in.
    private func take(_ amount: Int, of total: borrowing Atomic<Int>, limit: Int) -> Bool {
        if total.add(amount, ordering: .relaxed).newValue <= limit { return true }
        total.subtract(amount, ordering: .relaxed)
        return false
    }
}
