import Arguments
import Delivery
import JSON
import Ledger
import Postgres
import Sharing

/// One delivery as people read it.
struct DeliveryPage: Sendable {
    private let delivery: QueuedDelivery
    private let ahead: Int
    private let first: DeliveryID?

    /// Of a lane that is longer, only so many are counted.
    private static let countLimit: Int64 = 100_000

    init(of delivery: QueuedDelivery, in session: inout PostgresSession) throws {
        self.delivery = delivery
        ahead = Int(try delivery.count(ahead: Self.countLimit, in: &session))
        first = try delivery.first(in: &session)
    }

    func print(_ arguments: ParsedArguments) {
        if arguments[Options.json] {
            JSONText.print { delivery.write(to: &$0, ahead: ahead) }
        } else {
            Console.print(PageFields.text(fields))
        }
    }

    private var fields: [(name: String, value: String)] {
        var fields = [
            (name: "Delivery", value: "\(delivery.id.rawValue) \(delivery.standing(ahead: ahead))"),
            ("Message", "\(delivery.type.rawValue) of position \(delivery.message), event \(delivery.messageID)"),
            ("Of", "\(delivery.subject), with \(delivery.partner)"),
            ("To", delivery.place),
            ("In the queue", "since \(delivery.enqueued)"),
        ]
        if let last = delivery.lastAttempt {
            let parts: [String?] = [
                last.type.rawValue, last.status.map { "status \($0)" }, last.error, last.address.map { "at \($0)" },
            ]
            let story = parts.compactMap(\.self).joined(separator: ", ")
            fields.append(("Last attempt", "\(last.recorded), position \(last.position): \(story)"))
            if last.status != nil {
                let command = "shareledger event show \(last.position) --raw --part answer-body"
                fields.append(("", "'\(command)' shows the answer's body, if it had one"))
            }
        }
        if delivery.state == .behind, let first { fields.append(("Goes first", "delivery \(first.rawValue)")) }
        if let replay = delivery.replay { fields.append(("Replay", "of position \(replay)")) }
        for (number, line) in delivery.advice().enumerated() {
            fields.append((number == 0 ? "To do" : "", line))
        }
        return fields
    }
}

/// What an order came to, as it is printed.
struct OrderReport: Sendable {
    private let outcome: DeliveryOrders.Outcome
    private let verb: String

    /// - Parameter verb: What the deliveries are now.
    init(_ outcome: DeliveryOrders.Outcome, verb: String) {
        self.outcome = outcome
        self.verb = verb
    }

    func print(_ arguments: ParsedArguments) {
        if arguments[Options.json] {
            JSONText.print { object in
                object.member("deliveries", outcome.count)
                object.optional("first_position", outcome.first?.rawValue)
                object.optional("last_position", outcome.last?.rawValue)
                object.name("missed")
                object.array { array in
                    for id in outcome.missed { array.raw(Array("\(id.rawValue)".utf8)) }
                }
            }
            return
        }
        guard let first = outcome.first, let last = outcome.last else {
            Console.print("Nothing is to be done: what waits is due already, behind another, or being tried\n")
            return
        }
        let place = first == last ? "position \(first)" : "positions \(first) to \(last)"
        let what = outcome.count == 1 ? "1 delivery is" : "\(outcome.count) deliveries are"
        Console.print("\(what) \(verb), recorded at \(place)\n")
        if !outcome.missed.isEmpty {
            Console.note("\(outcome.missed.count) were being tried, or were done, when it came to them")
        }
    }
}
