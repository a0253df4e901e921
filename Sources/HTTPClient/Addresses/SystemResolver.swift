import Foundation
import Synchronization

/// Asks `getaddrinfo` on threads of its own, since it blocks for as long as it likes and cannot be interrupted.
///
/// A look-up that outlives its deadline keeps its thread, but one name never takes more than one, and the number of
/// threads and of waiting names is bounded: a name service that hangs costs time-outs, not threads.
package final class SystemResolver: Sendable {
    /// Bounds of a resolver.
    package struct Configuration: Sendable {
        /// Look-ups that may be with the system at once.
        package var maximumThreads = 8

        /// Names that may wait for a thread.
        package var maximumWaiting = 1_024

        /// How long an answer is given again without asking, so that draining a queue is not one look-up a message.
        package var freshness = Duration.seconds(5)

        /// What stands for `getaddrinfo`; blocks the thread that it is called on.
        package var blockingLookUp: @Sendable (String) -> Resolver.Resolution = SystemResolver.askSystem

        /// Bounds that suit a service with some dozen partners.
        package init() {}
    }

    private struct LookUp {
        var waiters: [UInt64: Reply<Resolver.Resolution>] = [:]
        var isStarted = false
    }

    private struct Answer {
        let addresses: [IPAddress]
        let expiry: ContinuousClock.Instant
    }

    private struct State {
        var lookUps: [String: LookUp] = [:]
        var waiting: [String] = []
        var threadCount = 0
        var lastID: UInt64 = 0
        var answers: [String: Answer] = [:]
    }

    private static let maximumAnswers = 1_024

    private let configuration: Configuration
    private let state = Mutex(State())

    /// Starts no thread before the first look-up.
    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// All addresses of a name, or why there are none, at the latest after `limit`.
    package func resolve(_ name: String, within limit: Duration) async -> Resolver.Resolution {
        let now = ContinuousClock.now
        let kept = state.withLock { $0.answers[name] }
        if let kept, kept.expiry > now {
            return .addresses(kept.addresses)
        }
        return await withTaskGroup(of: Resolver.Resolution.self) { group in
            group.addTask { await self.wait(for: name) }
            group.addTask {
                do {
                    try await Task.sleep(for: limit)
                    return .failed(.timedOut)
                } catch {
                    return .failed(.cancelled)
                }
            }
            let first = await group.next() ?? .failed(.cancelled)
            group.cancelAll()
            return first
        }
    }

    /// Look-ups that are with the system now, those that nobody waits for any more included.
    package var activeCount: Int {
        state.withLock { $0.threadCount }
    }
}

// MARK: - Waiting

extension SystemResolver {
    private func wait(for name: String) async -> Resolver.Resolution {
        let reply = Reply<Resolver.Resolution>()
        let id = enqueue(name, reply)
        return await withTaskCancellationHandler {
            await reply.value()
        } onCancel: {
            abandon(name, id: id)
        }
    }

    private func enqueue(_ name: String, _ reply: Reply<Resolver.Resolution>) -> UInt64 {
        let (id, startsThread) = state.withLock { state -> (UInt64, Bool) in
            state.lastID += 1
            let id = state.lastID
            if state.lookUps[name] != nil {
                state.lookUps[name]?.waiters[id] = reply
                return (id, false)
            }
            guard state.waiting.count < configuration.maximumWaiting else {
                reply.give(.failed(.busy))
                return (id, false)
            }
            state.lookUps[name] = LookUp(waiters: [id: reply])
            state.waiting.append(name)
            guard state.threadCount < configuration.maximumThreads else { return (id, false) }
            state.threadCount += 1
            return (id, true)
        }
        if startsThread {
            Thread { @Sendable in self.work() }.start()
        }
        return id
    }

    private func abandon(_ name: String, id: UInt64) {
        let reply = state.withLock { state -> Reply<Resolver.Resolution>? in
            guard let reply = state.lookUps[name]?.waiters.removeValue(forKey: id) else { return nil }
            if let lookUp = state.lookUps[name], lookUp.waiters.isEmpty, !lookUp.isStarted {
                state.lookUps[name] = nil
                state.waiting.removeAll { $0 == name }
            }
            return reply
        }
        reply?.give(.failed(.cancelled))
    }
}

// MARK: - Asking

extension SystemResolver {
    private func work() {
        while let name = nextName() {
            let resolution = configuration.blockingLookUp(name)
            let expiry = ContinuousClock.now + configuration.freshness
            let waiters = state.withLock { state in
                if case .addresses(let addresses) = resolution {
                    if state.answers.count >= Self.maximumAnswers {
                        state.answers.removeAll()
                    }
                    state.answers[name] = Answer(addresses: addresses, expiry: expiry)
                }
                return state.lookUps.removeValue(forKey: name)?.waiters ?? [:]
            }
            for waiter in waiters.values {
                waiter.give(resolution)
            }
        }
    }

    private func nextName() -> String? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.threadCount -= 1
                return nil
            }
            let name = state.waiting.removeFirst()
            state.lookUps[name]?.isStarted = true
            return name
        }
    }

    /// `EAI_NODATA`: the name exists without addresses; a GNU extension that Swift does not see.
    private static let noData: Int32 = -5

    /// Asks `getaddrinfo` on the thread that it is called on.
    @Sendable package static func askSystem(_ name: String) -> Resolver.Resolution {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var head: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(name, nil, &hints, &head)
        guard code == 0 else {
            let isUnknown = code == EAI_NONAME || code == noData
            return .failed(isUnknown ? .unknownName : .unavailable(unsafe String(cString: gai_strerror(code))))
        }
        defer { unsafe freeaddrinfo(head) }
        var addresses: [IPAddress] = []
        var next = unsafe head
        while let entry = unsafe next {
            if let raw = unsafe entry.pointee.ai_addr, let address = unsafe IPAddress(socketAddress: raw) {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failed(.unknownName) : .addresses(addresses)
    }
}
