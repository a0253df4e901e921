package import Ledger
package import TicketSharing

/// The help desk at the other end, as it stands.
package struct PartnerRecord: Sendable, Equatable {
    /// Position of the `partner.added` event.
    package let id: Position

    package var name: String
    package var baseURL: BaseURL
    package var dialect: Dialect
    package var state: State

    /// Held back by an operator: nothing is sent until it is resumed.
    package var isPaused: Bool

    /// Whether its name may resolve to an address that is not public.
    package var allowsPrivateAddress: Bool

    /// Whether it may be spoken to without TLS.
    package var allowsHTTP: Bool

    /// Requests that may be under way to it at once.
    package var concurrency: Int

    /// Requests to it a second at most; `nil` for as many as it answers.
    package var rate: Int?

    package init(
        id: Position,
        name: String,
        baseURL: BaseURL,
        dialect: Dialect = .standard,
        state: State,
        isPaused: Bool = false,
        allowsPrivateAddress: Bool = false,
        allowsHTTP: Bool = false,
        concurrency: Int = PartnerRecord.standardConcurrency,
        rate: Int? = nil,
    ) {
        self.id = id
        self.name = name
        self.baseURL = baseURL
        self.dialect = dialect
        self.state = state
        self.isPaused = isPaused
        self.allowsPrivateAddress = allowsPrivateAddress
        self.allowsHTTP = allowsHTTP
        self.concurrency = concurrency
        self.rate = rate
    }

    package static let standardConcurrency = 4

    /// How far a partner has come.
    package enum State: String, Sendable, CaseIterable {
        /// Known from an invitation only; nothing is ever sent to it.
        case proposed
        /// Accepted by an operator.
        case active
    }
}

extension PartnerRecord {
    /// Whether `name` can name a partner: it stands in URLs of the private listener and in commands.
    package static func isName(_ name: String) -> Bool {
        let isAllowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        return isAllowed && (1...63).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.first != UInt8(ascii: "-")
    }

    /// What ``isName(_:)`` takes, for error messages.
    package static let nameForm = "1 to 63 of a-z 0-9 - _ ., beginning with a letter, a digit or _"
}

extension BaseURL {
    /// Whether another URL is on the same host, on whatever port.
    func isOnHost(of other: BaseURL) -> Bool {
        host.lowercased() == other.host.lowercased()
    }

    /// Equal for URLs that are the same address: host, port where it is not the scheme's own, path without a last slash.
    package var identity: String {
        let standardPort = isSecure ? 443 : 80
        return host + (port == standardPort ? "" : ":\(port)") + (path.hasSuffix("/") ? String(path.dropLast()) : path)
    }
}
