import Foundation
import HTTPClient
import Synchronization
import Testing

@Suite struct ResolverTests {
    /// Blocks every look-up until it is opened.
    private final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)
        private let counter = Mutex(0)

        var passedCount: Int { counter.withLock { $0 } }

        func pass() {
            counter.withLock { $0 += 1 }
            semaphore.wait()
            semaphore.signal()
        }

        func open() {
            semaphore.signal()
        }
    }

    @Test func `the system's hosts file is asked`() async throws {
        let url = try HTTPURL("http://localhost/")
        let resolution = await Resolver.system().addresses(of: url, within: .seconds(10))
        guard case .addresses(let addresses) = resolution else { throw Unexpected("\(resolution)") }
        #expect(addresses.contains { $0 == IPAddress("127.0.0.1") || $0 == IPAddress("::1") })
    }

    @Test func `a literal address asks nobody`() async throws {
        let resolver = Resolver { _, _ in
            Issue.record("a literal address was looked up")
            return .failed(.unknownName)
        }
        let url = try HTTPURL("http://[2001:db8::1]:81/")
        let literal = try #require(IPAddress("2001:db8::1"))
        #expect(await resolver.addresses(of: url, within: .zero) == .addresses([literal]))
    }

    @Test(.tags(.concurrency))
    func `a resolver that hangs costs a time-out, one thread a name, and never more than the bound`() async throws {
        let gate = Gate()
        var configuration = SystemResolver.Configuration()
        configuration.maximumThreads = 2
        configuration.maximumWaiting = 3
        configuration.blockingLookUp = { _ in
            gate.pass()
            return .addresses([IPAddress(v4: 0x0808_0808)])
        }
        let resolver = SystemResolver(configuration)
        #expect(await resolver.resolve("same.test", within: .milliseconds(20)) == .failed(.timedOut))
        #expect(await resolver.resolve("same.test", within: .milliseconds(20)) == .failed(.timedOut))
        #expect(resolver.activeCount == 1)
        let resolutions = await withTaskGroup(of: Resolver.Resolution.self) { group in
            for number in 0..<20 {
                group.addTask { await resolver.resolve("\(number).test", within: .milliseconds(50)) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(resolutions.allSatisfy { $0 == .failed(.timedOut) || $0 == .failed(.busy) })
        #expect(resolutions.contains(.failed(.busy)))
        #expect(resolver.activeCount == 2)
        gate.open()
        let late = await resolver.resolve("same.test", within: .seconds(10))
        #expect(late == .addresses([IPAddress(v4: 0x0808_0808)]))
    }

    @Test(.tags(.concurrency)) func `a cancelled look-up ends at once and leaves the queue`() async throws {
        let gate = Gate()
        var configuration = SystemResolver.Configuration()
        configuration.maximumThreads = 1
        configuration.blockingLookUp = { _ in
            gate.pass()
            return .failed(.unknownName)
        }
        let resolver = SystemResolver(configuration)
        let resolutions = await withTaskGroup(of: Resolver.Resolution.self) { group in
            for name in ["a.test", "b.test"] {
                group.addTask { await resolver.resolve(name, within: .seconds(10)) }
            }
            while gate.passedCount == 0 { await Task.yield() }
            group.cancelAll()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(resolutions == [.failed(.cancelled), .failed(.cancelled)])
        gate.open()
        #expect(await resolver.resolve("c.test", within: .seconds(10)) == .failed(.unknownName))
        // At most a and c: b left the queue before its turn, if a was the first.
        #expect(gate.passedCount == 2)
    }

    @Test func `a fresh answer is given again without asking, a failure is not`() async {
        let count = Mutex(0)
        var configuration = SystemResolver.Configuration()
        configuration.blockingLookUp = { name in
            count.withLock { $0 += 1 }
            return name == "good.test" ? .addresses([IPAddress(v4: 1)]) : .failed(.unavailable("x"))
        }
        let resolver = SystemResolver(configuration)
        for _ in 0..<3 {
            #expect(await resolver.resolve("good.test", within: .seconds(10)) == .addresses([IPAddress(v4: 1)]))
        }
        #expect(count.withLock { $0 } == 1)
        for _ in 0..<3 {
            #expect(await resolver.resolve("bad.test", within: .seconds(10)) == .failed(.unavailable("x")))
        }
        #expect(count.withLock { $0 } == 4)
    }
}
