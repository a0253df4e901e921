import Foundation
import HTTPClient
import Synchronization

/// How much is said, of whose tickets.
struct Offer: Sendable {
    let partners: ClosedRange<Int>

    /// Messages a second; 0 for as many as it takes.
    let rate: Int

    /// How long; 0 for until `count`.
    let duration: Duration

    /// How many; 0 for as many as fit into `duration`.
    let count: Int

    /// Messages that may be on their way; 0 for any number.
    let window: Int

    let workers: Int

    /// Tickets of each partner that something is said of; 0 for all.
    let tickets: Int

    init(_ command: Command) {
        partners = command["first"]...command["last"]
        rate = command["rate"]
        duration = .seconds(command["seconds"])
        count = command["count"]
        window = command["window"]
        workers = max(1, command["workers"])
        tickets = command["tickets"]
    }
}

/// The help desk: says something of one ticket after the other, over some connections at once.
final class Desk: Sendable {
    /// What came of an offer.
    struct Result: Sendable {
        var offered = 0
        var refused = 0
        var seconds = 0.0
        var received = 0

        /// Of answers, in microseconds.
        var times: [Int] = []

        var text: String {
            let sorted = times.sorted()
            func percentile(_ share: Double) -> Int {
                sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
            }
            return "offered=\(offered) refused=\(refused) seconds=\(seconds) received=\(received)"
                + " p50_us=\(percentile(0.5)) p99_us=\(percentile(0.99))"
        }
    }

    private let client: HTTPClient
    private let base: HTTPURL
    private let target: VettedAddresses
    private let tokens: Mutex<[String]>
    private let text: String
    private let reception: Reception

    /// The number of each ticket's next message, by partner.
    private let next: Mutex<[[Int]]>

    init(port: UInt16, textLength: Int, partners partnerCount: Int, _ reception: Reception) throws {
        var configuration = HTTPClient.Configuration(trust: try TrustStore())
        configuration.maximumPerTarget = 256
        client = try HTTPClient(configuration)
        base = try HTTPURL("http://127.0.0.1:\(port)/to")
        guard let address = base.literalAddress,
            case .allowed(let target) = AddressPolicy.allowPrivate.vet([address], port: port)
        else { preconditionFailure("loopback is an address") }
        self.target = target
        tokens = Mutex(Array(repeating: "", count: partnerCount))
        self.reception = reception
        let words = "The autofocus hunts in low light and stops at the near limit; the contacts are clean. "
        text = String(String(repeating: words, count: textLength / words.count + 1).prefix(textLength))
        next = Mutex(Array(repeating: Array(repeating: 0, count: reception.ticketCount), count: partnerCount))
    }

    /// What it shows when it says something to a partner.
    func setToken(_ token: String, for partner: Int) {
        tokens.withLock { $0[partner] = token }
    }

    func offer(_ offer: Offer) async throws -> Result {
        let start = ContinuousClock.now
        let before = reception.count.received
        let allowance = Allowance(offer.count == 0 ? .max : offer.count)
        var result = try await withThrowingTaskGroup(of: Result.self) { group in
            for worker in 0..<offer.workers {
                group.addTask { try await self.work(worker, offer, from: start, allowance) }
            }
            return try await group.reduce(into: Result()) { all, one in
                all.offered += one.offered
                all.refused += one.refused
                all.times += one.times
            }
        }
        result.seconds = start.duration(to: .now).seconds
        result.received = reception.count.received - before
        return result
    }

    /// Says something of each of a worker's own tickets in turn.
    private func work(
        _ worker: Int,
        _ offer: Offer,
        from start: ContinuousClock.Instant,
        _ allowance: Allowance,
    ) async throws -> Result {
        var result = Result()
        let end = offer.duration == .zero ? nil : start.advanced(by: offer.duration)
        let pause = offer.rate == 0 ? Duration.zero : .seconds(1) * offer.workers / offer.rate
        var due = start.advanced(by: pause * worker / offer.workers)
        let ticketCount = offer.tickets == 0 ? reception.ticketCount : min(offer.tickets, reception.ticketCount)
        while worker < ticketCount {
            for ticket in stride(from: worker, to: ticketCount, by: offer.workers) {
                for partner in offer.partners {
                    if offer.rate > 0 {
                        try await Task.sleep(until: due, clock: .continuous)
                        due = due.advanced(by: pause)
                    }
                    while offer.window > 0, reception.waiting(offer.partners) >= offer.window {
                        if let end, end <= .now { return result }
                        try await Task.sleep(for: .milliseconds(10))
                    }
                    if let end, end <= .now { return result }
                    guard allowance.take() else { return result }
                    try await say(partner, ticket, &result)
                }
            }
        }
        return result
    }

    private func say(_ partner: Int, _ ticket: Int, _ result: inout Result) async throws {
        let number = next.withLock { $0[partner][ticket] }
        let name = MessageName(partner: partner, ticket: ticket, number: number)
        let body = """
            {"uuid":"\(name.ticketName)","subject":"Autofocus hunts","status":"open",\
            "comments":[{"uuid":"\(name.text)","body":"\(text)"}]}
            """
        let request = try HTTPRequest(
            number == 0 ? .post : .put,
            try base.appending(path: "load\(partner)/tickets/\(name.ticketName)"),
            adding: [
                HTTPHeader("Content-Type", "application/json"),
                HTTPHeader("X-Ticket-Sharing-Token", tokens.withLock { $0[partner] }),
            ],
            body: Array(body.utf8),
            target: target,
        )
        // It may be received before it is answered.
        reception.said(to: partner)
        let start = ContinuousClock.now
        let outcome = await client.perform(request)
        result.times.append(start.duration(to: .now).microseconds)
        guard case .answered(let answer) = outcome, (200..<300).contains(answer.status) else {
            if result.refused == 0 { FileHandle.standardError.write(Data("DeliveryLoad: \(outcome.summary)\n".utf8)) }
            result.refused += 1
            return
        }
        result.offered += 1
        next.withLock { $0[partner][ticket] += 1 }
    }
}

/// So many messages, shared by all workers.
private final class Allowance: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    func take() -> Bool {
        left.withLock { left in
            left -= 1
            return left >= 0
        }
    }
}

extension HTTPOutcome {
    fileprivate var summary: String {
        switch self {
        case .answered(let answer): "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))"
        case .failed(let failure): "\(failure)"
        }
    }
}
