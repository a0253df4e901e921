import Synchronization

/// What partners got, held against what was said: all of it, once, and in order for each ticket.
final class Reception: Sendable {
    /// Counts over all partners.
    struct Count: Sendable {
        /// Messages that came for the first time.
        var received = 0

        /// Messages that came again.
        var repeated = 0

        /// Messages that came before the one that was said before them.
        var misplaced = 0

        var text: String { "received=\(received) repeated=\(repeated) misplaced=\(misplaced)" }
    }

    private struct State {
        /// The number of the next message of each ticket, by partner.
        var next: [[Int]]

        /// Messages said and not received yet, by partner.
        var waiting: [Int]

        var count = Count()
    }

    let ticketCount: Int
    private let state: Mutex<State>

    init(partners: Int, tickets: Int) {
        ticketCount = tickets
        let next = Array(repeating: Array(repeating: 0, count: tickets), count: partners)
        state = Mutex(State(next: next, waiting: Array(repeating: 0, count: partners)))
    }

    var count: Count { state.withLock { $0.count } }

    /// Notes that a message to a partner was accepted.
    func said(to partner: Int) {
        state.withLock { $0.waiting[partner] += 1 }
    }

    /// Notes what a partner got.
    func received(_ message: MessageName) {
        state.withLock { state in
            let expected = state.next[message.partner][message.ticket]
            guard message.number >= expected else {
                state.count.repeated += 1
                return
            }
            if message.number > expected { state.count.misplaced += 1 }
            state.next[message.partner][message.ticket] = message.number + 1
            state.waiting[message.partner] -= 1
            state.count.received += 1
        }
    }

    /// Messages to some partners that are on their way.
    func waiting(_ partners: ClosedRange<Int>) -> Int {
        state.withLock { state in state.waiting[partners].reduce(0, +) }
    }

    /// Waits until all has come; returns how many messages are still on their way at the deadline.
    func settle(_ partners: ClosedRange<Int>, until deadline: ContinuousClock.Instant) async -> Int {
        while waiting(partners) > 0, .now < deadline {
            // Nobody cancels it.
            try? await Task.sleep(for: .milliseconds(5))
        }
        return waiting(partners)
    }
}

/// Which message it is: it stands in the identifier of its comment, as `t<partner>-<ticket>-<number>`.
struct MessageName: Sendable {
    let partner: Int
    let ticket: Int
    let number: Int

    init(partner: Int, ticket: Int, number: Int) {
        self.partner = partner
        self.ticket = ticket
        self.number = number
    }

    var ticketName: String { "t\(partner)-\(ticket)" }
    var text: String { "\(ticketName)-\(number)" }

    private static let marker = Array(#""comments":[{"uuid":"t"#.utf8)

    /// Reads it from a body as ``Desk`` writes them.
    init?(in body: [UInt8]) {
        let first = Self.marker[0]
        for start in body.indices.dropLast(Self.marker.count)
        where body[start] == first && body[start...].starts(with: Self.marker) {
            var numbers = [0]
            for byte in body[(start + Self.marker.count)...] {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"):
                    numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(byte - UInt8(ascii: "0"))
                    continue
                case UInt8(ascii: "-"):
                    numbers.append(0)
                    continue
                default: break
                }
                break
            }
            guard numbers.count == 3 else { return nil }
            self.init(partner: numbers[0], ticket: numbers[1], number: numbers[2])
            return
        }
        return nil
    }
}
