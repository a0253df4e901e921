import Foundation
import Glibc
package import PostgresCluster
import Synchronization

/// A Unix socket in front of a PostgreSQL that can lose the answer to a COMMIT of whoever appends to the ledger.
package final class CommitProxy: Sendable {
    private struct State {
        var swallowsNext = false
        var refusesAfterwards = false
        var refuses = false
        var swallowCount = 0
    }

    /// The directory of the socket.
    package let directory: TemporaryDirectory

    private let listener: Int32
    private let target: String
    private let state = Mutex(State())

    /// - Parameter endpoint: The server's own socket.
    package init(to endpoint: ClusterEndpoint) throws {
        directory = try TemporaryDirectory()
        target = "\(endpoint.socketDirectory)/.s.PGSQL.\(endpoint.port)"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard unsafe Self.with(address: directory.path(of: ".s.PGSQL.5432"), { unsafe bind(listener, $0, $1) }) == 0,
            listen(listener, 64) == 0,
            // Whoever tests as root runs the service as somebody else.
            unsafe chmod(directory.path(of: ".s.PGSQL.5432"), 0o777) == 0
        else { throw POSIXError(.EADDRNOTAVAIL) }
        self.listener = listener
        let proxy = Weak(self)
        Thread { @Sendable in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0, let proxy = proxy.value else { break }
                proxy.serve(client)
            }
            close(listener)
        }.start()
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Has the answer to the next COMMIT dropped, and the connection with it.
    ///
    /// - Parameter thenRefuses: Whether nobody gets through afterwards, until ``admit()``.
    package func swallowNextCommit(thenRefuses: Bool = false) {
        state.withLock { state in
            state.swallowsNext = true
            state.refusesAfterwards = thenRefuses
        }
    }

    /// Lets connections through again.
    package func admit() {
        state.withLock { $0.refuses = false }
    }

    /// How many answers were dropped.
    package var swallowCount: Int { state.withLock(\.swallowCount) }

    // MARK: Connections

    private func serve(_ client: Int32) {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let isRefused = state.withLock(\.refuses)
        guard !isRefused, unsafe Self.with(address: target, { unsafe connect(server, $0, $1) }) == 0 else {
            close(client)
            close(server)
            return
        }
        let done = Countdown(count: 2) {
            close(client)
            close(server)
        }
        // Others commit as well, the follower and whoever claims deliveries.
        let appends = Flag()
        Thread { @Sendable in
            Self.pump(from: client, to: server, lookingFor: "pg_advisory_xact_lock") { isFound in
                if isFound { appends.raise() }
                return true
            }
            done.finish()
        }.start()
        Thread { @Sendable [self] in
            Self.pump(from: server, to: client, lookingFor: "COMMIT\0") { isFound in
                !(isFound && appends.isRaised && swallows())
            }
            done.finish()
        }.start()
    }

    /// Whether an answer to a COMMIT is to be dropped.
    private func swallows() -> Bool {
        state.withLock { state in
            guard state.swallowsNext else { return false }
            state.swallowsNext = false
            state.refuses = state.refusesAfterwards
            state.swallowCount += 1
            return true
        }
    }

    /// Passes bytes on until one side ends or `mayPass`, which is told whether `words` are among them, says no; then ends both.
    private static func pump(
        from source: Int32,
        to sink: Int32,
        lookingFor words: String,
        mayPass: (Bool) -> Bool,
    ) {
        let words = Data(words.utf8)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var tail: [UInt8] = []
        while true {
            let count = unsafe recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let text = tail + buffer.prefix(count)
            tail = text.suffix(words.count - 1)
            guard mayPass(Data(text).range(of: words) != nil) else { break }
            var rest = buffer.prefix(count)
            while !rest.isEmpty {
                let sent = unsafe rest.withUnsafeBytes { bytes in
                    unsafe send(sink, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { break }
                rest = rest.dropFirst(sent)
            }
            guard rest.isEmpty else { break }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(sink, Int32(SHUT_RDWR))
    }

    private static func with(address path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &name.sun_path) { bytes in
            unsafe bytes.copyBytes(from: path.utf8)
        }
        return unsafe withUnsafePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe body(generic, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private struct Weak: Sendable {
        weak let value: CommitProxy?
        init(_ value: CommitProxy) { self.value = value }
    }
}

/// Runs something when a number of threads are done.
private final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let last: @Sendable () -> Void

    init(count: Int, _ last: @escaping @Sendable () -> Void) {
        left = Mutex(count)
        self.last = last
    }

    func finish() {
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { last() }
    }
}

/// Something that happened, once and for all.
private final class Flag: Sendable {
    private let storage = Atomic(false)

    var isRaised: Bool { storage.load(ordering: .acquiring) }

    func raise() {
        storage.store(true, ordering: .releasing)
    }
}
