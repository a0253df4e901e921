import Foundation

/// A desk that says something of many tickets, and the partners that it is delivered to: the outside of a measurement.
///
/// `DeliveryLoad <private port> <partners> <tickets> <text bytes>` listens as so many partners on 127.0.0.1, prints
/// `ports` with the port of each, and obeys one command a line with `name=value` arguments, each answered by one line of the
/// same form. It ends with its input. Partner `k` is called `load<k>`, its tickets `t<k>-<n>`. Tickets are said of in turn, one message of a ticket at a time, so that what a partner gets can be told to be in order.
///
/// - `offer first= last= rate= seconds= count= window= workers= tickets=`: says so many messages a second of the first tickets
///   of partners `first` to `last`, for so long or so often; 0 leaves rate, count or tickets open. Nothing is said while `window` wait to be
///   delivered. Answers `offered`, `refused`, `seconds`, `received` meanwhile, and the times of answers `p50_us`, `p99_us`.
/// - `settle first= last= seconds=`: waits until all is delivered; answers `left`, `seconds`, `received` meanwhile.
/// - `token partner= text=`: what the desk shows when it says something to a partner.
/// - `delay partner= milliseconds=`: how long a partner takes to answer from now on; 20 ms at first.
/// - `down partner=`, `up partner=`: goes away, and comes back on the same port.
/// - `state`: answers `received`, `repeated` and `misplaced` in all.
@main
struct DeliveryLoad {
    static func main() async {
        let numbers = CommandLine.arguments.dropFirst().map { Int($0) }
        guard numbers.count == 4, let port = numbers[0].flatMap({ UInt16(exactly: $0) }), let partnerCount = numbers[1],
            let ticketCount = numbers[2], let textLength = numbers[3], partnerCount > 0, ticketCount > 0
        else { fail("usage: DeliveryLoad PRIVATE-PORT PARTNERS TICKETS BYTES") }
        do {
            let reception = Reception(partners: partnerCount, tickets: ticketCount)
            var partners: [LoadPartner] = []
            for number in 0..<partnerCount { partners.append(try LoadPartner(number, reception)) }
            let desk = try Desk(port: port, textLength: textLength, partners: partnerCount, reception)
            answer("ports " + partners.map { "\($0.port)" }.joined(separator: " "))
            while let line = readLine() {
                answer(try await obey(Command(line), desk, partners, reception))
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func obey(
        _ command: Command,
        _ desk: Desk,
        _ partners: [LoadPartner],
        _ reception: Reception,
    ) async throws -> String {
        switch command.name {
        case "offer": return try await desk.offer(Offer(command)).text
        case "settle":
            let start = ContinuousClock.now
            let before = reception.count.received
            let range = command["first"]...command["last"]
            let left = await reception.settle(range, until: start.advanced(by: .seconds(command["seconds"])))
            let seconds = start.duration(to: .now).seconds
            return "left=\(left) seconds=\(seconds) received=\(reception.count.received - before)"
        case "token": desk.setToken(command.text, for: command["partner"])
        case "delay": partners[command["partner"]].setDelay(.milliseconds(command["milliseconds"]))
        case "down": await partners[command["partner"]].goDown()
        case "up": try partners[command["partner"]].comeUp()
        case "state": return reception.count.text
        default: return "unknown"
        }
        return "done"
    }

    private static func answer(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    private static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("DeliveryLoad: \(message)\n".utf8))
        exit(70)
    }
}

/// A line of input: a word, and numbers by name.
struct Command {
    let name: Substring
    private var arguments: [Substring: Substring] = [:]

    init(_ line: String) {
        let words = line.split(separator: " ")
        name = words.first ?? ""
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { arguments[parts[0]] = parts[1] }
        }
    }

    /// What is not given is 0.
    subscript(name: Substring) -> Int { arguments[name].flatMap { Int($0) } ?? 0 }

    var text: String { String(arguments["text"] ?? "") }
}

extension Duration {
    /// With three digits of fraction.
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + (Double(attoseconds) / 1e15).rounded() / 1_000
    }

    var microseconds: Int { Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000) }
}
