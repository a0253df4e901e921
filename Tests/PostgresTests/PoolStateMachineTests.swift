import Postgres
import Testing

@Suite struct PoolStateMachineTests {
    private typealias Connection = PoolStateMachine.ConnectionID
    private typealias Waiter = PoolStateMachine.WaiterID

    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant {
        start.advanced(by: .seconds(seconds))
    }

    private func machine(_ change: (inout PoolLimits) -> Void = { _ in }) -> PoolStateMachine {
        var limits = PoolLimits(maximumConnections: 2, firstPause: .seconds(1), longestPause: .seconds(4))
        change(&limits)
        return PoolStateMachine(limits: limits)
    }

    private func w(_ number: Int) -> Waiter { Waiter(number: number) }

    private func c(_ number: Int) -> Connection { Connection(number: number) }

    @Test func `connections are made on demand, up to the bound, and lent in the order of asking`() {
        var machine = machine()
        #expect(machine.lease(w(1), deadline: at(10), now: at(0)) == [.open(c(1))])
        #expect(machine.lease(w(2), deadline: at(10), now: at(0)) == [.open(c(2))])
        #expect(machine.lease(w(3), deadline: at(10), now: at(0)) == [])
        #expect(machine.opened(c(2), now: at(1)) == [.lend(c(2), w(1))])
        #expect(machine.opened(c(1), now: at(1)) == [.lend(c(1), w(2))])
        #expect(machine.giveBack(c(1), isReusable: true, now: at(2)) == [.lend(c(1), w(3))])
        #expect(machine.giveBack(c(1), isReusable: true, now: at(3)) == [])
        #expect(machine.giveBack(c(2), isReusable: true, now: at(4)) == [])
        #expect(machine.lease(w(4), deadline: at(10), now: at(5)) == [.lend(c(2), w(4))])
    }

    @Test func `one that comes back does not wait for one that is being made`() {
        var machine = machine()
        _ = machine.lease(w(1), deadline: at(10), now: at(0))
        _ = machine.opened(c(1), now: at(0))
        #expect(machine.lease(w(2), deadline: at(10), now: at(0)) == [.open(c(2))])
        #expect(machine.giveBack(c(1), isReusable: true, now: at(1)) == [.lend(c(1), w(2))])
        #expect(machine.opened(c(2), now: at(2)) == [])
        #expect(machine.idleCount == 1)
    }

    @Test func `a broken one is closed and another made for who waits`() {
        var machine = machine { $0.maximumConnections = 1 }
        _ = machine.lease(w(1), deadline: at(10), now: at(0))
        _ = machine.opened(c(1), now: at(0))
        _ = machine.lease(w(2), deadline: at(10), now: at(0))
        #expect(machine.giveBack(c(1), isReusable: false, now: at(1)) == [.close(c(1)), .open(c(2))])
    }

    @Test func `a waiter is refused at its deadline, when it is cancelled, and when too many wait`() {
        var machine = machine { $0.maximumWaiters = 2 }
        _ = machine.lease(w(1), deadline: at(5), now: at(0))
        _ = machine.lease(w(2), deadline: at(9), now: at(0))
        #expect(machine.lease(w(3), deadline: at(9), now: at(0)) == [.refuse(w(3), .tooManyWaiters)])
        #expect(machine.nextTick == at(5))
        #expect(machine.tick(now: at(5)) == [.refuse(w(1), .timedOut)])
        #expect(machine.cancel(w(2)) == [.refuse(w(2), .cancelled)])
        #expect(machine.cancel(w(2)) == [])
        #expect(machine.lease(w(4), deadline: at(6), now: at(6)) == [.refuse(w(4), .timedOut)])
        #expect(machine.opened(c(1), now: at(7)) == [])
        #expect(machine.idleCount == 1)
    }

    @Test func `while connecting fails one attempt at a time is made, with growing pauses`() {
        var machine = machine()
        _ = machine.lease(w(1), deadline: at(100), now: at(0))
        _ = machine.lease(w(2), deadline: at(100), now: at(0))
        #expect(machine.openFailed(c(1), jitter: 1, now: at(0)) == [])
        #expect(machine.openFailed(c(2), jitter: 1, now: at(0)) == [])
        #expect(machine.nextTick == at(2))
        #expect(machine.tick(now: at(1.9)) == [])
        #expect(machine.tick(now: at(2)) == [.open(c(3))])
        #expect(machine.tick(now: at(2)) == [])
        #expect(machine.openFailed(c(3), jitter: 0, now: at(3)) == [])
        #expect(machine.nextTick == at(5))
        #expect(machine.tick(now: at(5)) == [.open(c(4))])
        #expect(machine.opened(c(4), now: at(6)) == [.lend(c(4), w(1)), .open(c(5))])
    }

    @Test func `the pause doubles up to its bound, and never falls under half`() {
        let limits = PoolLimits(firstPause: .seconds(1), longestPause: .seconds(10))
        let longest = (1...70).map { limits.pause(afterFailures: $0, jitter: 1) }
        #expect(longest.prefix(5) == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(10)])
        #expect(longest.last == .seconds(10))
        #expect(limits.pause(afterFailures: 3, jitter: 0) == .seconds(2))
    }

    @Test func `what was idle for long is tried before it is lent, and in the end closed`() {
        var machine = machine { limits in
            limits.checkAfter = .seconds(30)
            limits.closeAfter = .seconds(600)
        }
        _ = machine.lease(w(1), deadline: at(10), now: at(0))
        _ = machine.opened(c(1), now: at(0))
        _ = machine.giveBack(c(1), isReusable: true, now: at(0))
        #expect(machine.lease(w(2), deadline: at(50), now: at(40)) == [.check(c(1))])
        #expect(machine.checked(c(1), isHealthy: true, now: at(41)) == [.lend(c(1), w(2))])
        _ = machine.giveBack(c(1), isReusable: true, now: at(50))
        #expect(machine.lease(w(3), deadline: at(100), now: at(90)) == [.check(c(1))])
        #expect(machine.checked(c(1), isHealthy: false, now: at(91)) == [.close(c(1)), .open(c(2))])
        _ = machine.opened(c(2), now: at(91))
        _ = machine.giveBack(c(2), isReusable: true, now: at(100))
        #expect(machine.nextTick == at(700))
        #expect(machine.tick(now: at(700)) == [.close(c(2))])
        #expect(machine.connectionCount == 0)
    }

    @Test func `closing refuses who waits and waits for what is lent, for so long`() {
        var machine = machine()
        for waiter in 1...4 { _ = machine.lease(w(waiter), deadline: at(10), now: at(0)) }
        _ = machine.opened(c(1), now: at(0))
        _ = machine.opened(c(2), now: at(0))
        let refusals = machine.close(deadline: at(20))
        #expect(refusals == [.refuse(w(3), .closed), .refuse(w(4), .closed)])
        #expect(machine.lease(w(5), deadline: at(10), now: at(1)) == [.refuse(w(5), .closed)])
        #expect(machine.giveBack(c(1), isReusable: true, now: at(2)) == [.close(c(1))])
        #expect(!machine.isFinished)
        #expect(machine.nextTick == at(20))
        #expect(machine.tick(now: at(20)) == [.interrupt(c(2)), .finish])
        #expect(machine.isFinished)
        #expect(machine.giveBack(c(2), isReusable: true, now: at(21)) == [])
    }

    @Test func `closing an unused pool is over at once, and what was being made is closed when it comes`() {
        var unused = machine()
        #expect(unused.close(deadline: at(1)) == [.finish])
        var connecting = machine()
        _ = connecting.lease(w(1), deadline: at(10), now: at(0))
        #expect(connecting.close(deadline: at(1)) == [.refuse(w(1), .closed), .finish])
        #expect(connecting.opened(c(1), now: at(1)) == [.close(c(1))])
        #expect(connecting.close(deadline: at(1)) == [])
    }

    // MARK: - Generated

    /// Plays the driver and a careful observer: whatever happens in whatever order, these hold.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `no order of events breaks a promise`(seed: UInt64) {
        var random = Generator(state: seed)
        let limits = PoolLimits(
            maximumConnections: Int.random(in: 1...4, using: &random),
            maximumWaiters: 6,
            checkAfter: .seconds(5),
            closeAfter: .seconds(20),
            firstPause: .seconds(1),
            longestPause: .seconds(4)
        )
        var observer = Observer(machine: PoolStateMachine(limits: limits), now: start)
        for _ in 0..<300 {
            observer.now = observer.now.advanced(by: .milliseconds(Int.random(in: 0...900, using: &random)))
            observer.step(&random)
        }
        observer.drain(&random)
        #expect(observer.broken == [], "seed \(seed)")
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private struct Observer {
        var machine: PoolStateMachine
        var now: ContinuousClock.Instant
        var broken: [String] = []

        private var waiting: [Waiter] = []
        private var deadlines: [Waiter: ContinuousClock.Instant] = [:]
        private var opening: Set<Connection> = []
        private var checking: Set<Connection> = []
        private var lent: Set<Connection> = []
        private var alive: Set<Connection> = []
        private var lastWaiter = 0
        private var isClosing = false
        private var isFinished = false

        init(machine: PoolStateMachine, now: ContinuousClock.Instant) {
            self.machine = machine
            self.now = now
        }

        mutating func step(_ random: inout some RandomNumberGenerator) {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<35:
                lastWaiter += 1
                let waiter = Waiter(number: lastWaiter)
                let deadline = now.advanced(by: .milliseconds(Int.random(in: -100...8000, using: &random)))
                waiting.append(waiter)
                deadlines[waiter] = deadline
                take(machine.lease(waiter, deadline: deadline, now: now))
            case 35..<55: settleOpening(&random)
            case 55..<65: settleChecking(&random)
            case 65..<85: returnOne(&random)
            case 85..<90:
                if let waiter = waiting.randomElement(using: &random) { take(machine.cancel(waiter)) }
            case 90..<99: tick()
            default:
                guard Int.random(in: 0..<8, using: &random) == 0 else { return }
                close()
            }
            check()
        }

        /// Everything must come to an end once the pool is closed.
        mutating func drain(_ random: inout some RandomNumberGenerator) {
            close()
            while !lent.isEmpty { returnOne(&random) }
            while !opening.isEmpty { settleOpening(&random) }
            while !checking.isEmpty { settleChecking(&random) }
            if !isFinished { broken.append("closing never ended") }
            if !waiting.isEmpty { broken.append("\(waiting.count) waiters were forgotten") }
            if !alive.isEmpty { broken.append("\(alive.count) connections were leaked") }
            if machine.nextTick != nil { broken.append("a closed pool still waits for something") }
        }

        private mutating func close() {
            guard !isClosing else { return }
            isClosing = true
            take(machine.close(deadline: now.advanced(by: .seconds(100_000))))
        }

        private mutating func settleOpening(_ random: inout some RandomNumberGenerator) {
            guard let connection = opening.randomElement(using: &random) else { return }
            opening.remove(connection)
            if Bool.random(using: &random) {
                alive.insert(connection)
                take(machine.opened(connection, now: now))
            } else {
                take(machine.openFailed(connection, jitter: Double.random(in: 0..<1, using: &random), now: now))
            }
        }

        private mutating func settleChecking(_ random: inout some RandomNumberGenerator) {
            guard let connection = checking.randomElement(using: &random) else { return }
            checking.remove(connection)
            take(machine.checked(connection, isHealthy: Bool.random(using: &random), now: now))
        }

        private mutating func returnOne(_ random: inout some RandomNumberGenerator) {
            guard let connection = lent.randomElement(using: &random) else { return }
            lent.remove(connection)
            take(machine.giveBack(connection, isReusable: Int.random(in: 0..<4, using: &random) > 0, now: now))
        }

        private mutating func tick() {
            take(machine.tick(now: now))
            for waiter in waiting where deadlines[waiter].map({ $0 <= now }) == true {
                broken.append("\(waiter) was not refused in time")
            }
        }

        private mutating func take(_ actions: [PoolStateMachine.Action]) {
            for action in actions {
                switch action {
                case .open(let connection):
                    if !opening.insert(connection).inserted { broken.append("\(connection) was opened twice") }
                case .check(let connection):
                    if !alive.contains(connection) || lent.contains(connection) {
                        broken.append("\(connection) was checked while it was away")
                    }
                    checking.insert(connection)
                case .close(let connection):
                    if alive.remove(connection) == nil { broken.append("\(connection) was closed twice") }
                    if lent.contains(connection) { broken.append("\(connection) was closed while it was lent") }
                    checking.remove(connection)
                case .lend(let connection, let waiter):
                    if waiting.first != waiter { broken.append("\(waiter) came before its turn") }
                    waiting.removeAll { $0 == waiter }
                    if !alive.contains(connection) || checking.contains(connection) {
                        broken.append("\(connection) was lent while it was not there")
                    }
                    if !lent.insert(connection).inserted { broken.append("\(connection) was lent twice") }
                case .refuse(let waiter, _):
                    if !waiting.contains(waiter) { broken.append("\(waiter) was answered twice") }
                    waiting.removeAll { $0 == waiter }
                case .interrupt:
                    broken.append("interrupted before the time")
                case .finish:
                    if isFinished || !lent.isEmpty { broken.append("finished too early or twice") }
                    isFinished = true
                }
            }
        }

        private mutating func check() {
            if alive.count + opening.count > machine.limits.maximumConnections, !isClosing {
                broken.append("more connections than allowed")
            }
            if waiting.count != machine.waiterCount { broken.append("the queue is not what was asked for") }
            if waiting.count > checking.count, alive.count > lent.count + checking.count, !isClosing {
                broken.append("an idle connection while somebody waits")
            }
            if !waiting.isEmpty, opening.isEmpty, checking.isEmpty, machine.nextTick == nil {
                broken.append("nothing will ever happen for who waits")
            }
        }
    }
}
