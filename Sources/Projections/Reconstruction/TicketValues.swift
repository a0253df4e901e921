import JSON
import Ledger
import TicketSharing

/// The members of a ticket by their names, as JSON; without its comments and who acted last, but with whether it is shared.
struct TicketValues {
    private let values: [String: [UInt8]]

    /// The name under which it stands whether the ticket is shared.
    static let shared = "shared"

    private static let leftOut: Set<String> = [
        TicketMember.uuid.name, TicketMember.comments.name, TicketMember.currentActor.name,
    ]

    init(_ ticket: Ticket) {
        var values = [Self.shared: Array("\(ticket.isShared)".utf8)]
        // Our own writer's bytes are JSON.
        if let document = try? JSONDocument(parsing: ticket.encodedWithoutComments()) {
            for member in document.root.members {
                guard let name = member.name, !Self.leftOut.contains(name) else { continue }
                values[name] = Array(member.value.rawBytes)
            }
        }
        self.values = values
    }

    /// No ticket at all.
    init() {
        values = [:]
    }

    subscript(name: String) -> [UInt8]? {
        values[name]
    }

    /// The names of members whose values are not the same in both, in alphabetical order.
    func names(differingFrom other: TicketValues) -> [String] {
        Set(values.keys).union(other.values.keys).filter { values[$0] != other.values[$0] }.sorted()
    }
}
