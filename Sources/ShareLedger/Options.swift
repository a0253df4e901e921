import Arguments
import Delivery
import HTTPClient
import Sharing
import TicketSharing

/// The options of all commands, each declared once.
///
/// Those of ``serve``, and in what form something is printed, are settings: in the environment they hold for every command.
/// All others say what is looked at or done, and are named where they come from there.
enum Options {
    static let data = Option<String>(
        "data",
        "DIR",
        help: "The data directory: keys, token and, if no other is configured, the database",
        defaultText: ".shareledger"
    ).setting
    static let keyFile = Option<String>(
        "key-file",
        "FILE",
        help: "The master key, 0600",
        defaultText: "DIR/key"
    ).setting
    static let json = Flag("json", help: "Print JSON instead of a table").setting

    /// Options that every command takes.
    static let common: [any OptionDeclaration] = [data, keyFile]

    // MARK: serve

    static let publicListen = address("public-listen", "Where partners reach the protocol", "127.0.0.1:8410")
    static let privateListen = address(
        "private-listen",
        "Where our own desk and tools reach ShareLedger",
        "127.0.0.1:8411"
    )
    static let publicURL = url("public-url", "Our base URL as partners know it", "http://PUBLIC-LISTEN/sharing")
    static let privateURL = url("private-url", "Our address as the desk knows it", "http://PRIVATE-LISTEN")
    static let deskURL = url(
        "desk-url",
        "The desk's own base URL; accepted messages of partners are delivered to it",
        nil
    )
    static let origin = Option<String>(
        "origin",
        "NAME",
        help: "The ledger's name in every leaf, fixed when it is made",
        defaultText: "the public URL's"
    ).setting
    static let strict = Flag(
        "strict",
        help: "Refuse outbound messages that disclose more than their agreement allows"
    ).setting
    static let trustedProxies = Option<[String]>(
        "trusted-proxy",
        "ADDRESS,…",
        help: "Proxies whose X-Forwarded-For is believed"
    ) { text in
        try text.split(separator: ",").map { word in
            let word = String(word.trimmingPrefix(while: \.isWhitespace))
            guard let address = IPAddress(word) else {
                throw UsageError("--trusted-proxy takes IP addresses such as 192.0.2.7, not \(word.debugDescription)")
            }
            // As the peer's address is written.
            return address.description
        }
    }.setting
    static let privateHosts = list("private-host", "NAME,…", "Further values of Host that the private listener answers")
    static let tlsCertificate = Option<String>(
        "tls-cert",
        "FILE",
        help: "Certificate chain of the public listener, PEM"
    ).setting
    static let tlsKey = Option<String>("tls-key", "FILE", help: "Its private key, PEM").setting
    static let tokenFile = Option<String>(
        "token-file",
        "FILE",
        help: "The private listener's bearer token; required beyond loopback",
        defaultText: "DIR/token"
    ).setting
    static let caFile = Option<String>(
        "ca-file",
        "FILE",
        help: "Certificates to trust beside the system's, PEM"
    ).setting
    static let bodyLimit = Option<Int>(
        "body-limit",
        "BYTES",
        in: 1024...64 * 1024 * 1024,
        help: "The largest body taken",
        defaultText: "2097152"
    ).setting
    static let connectionLimit = Option<Int>(
        "connection-limit",
        "N",
        in: 1...100_000,
        help: "Connections at a time, on each listener",
        defaultText: "1000"
    ).setting
    static let connectionLimitPerAddress = Option<Int>(
        "connection-limit-per-address",
        "N",
        in: 0...100_000,
        help: "Connections of one address on the public listener, trusted proxies excepted; 0 is no limit",
        defaultText: "a quarter of them"
    ).setting
    static let retrySchedule = Option<RetrySchedule>(
        "retry-schedule",
        "5s,1m,…",
        help: "Pauses between the tries of a delivery",
        defaultText: "5s,1m,5m,30m,2h,5h,10h,14h,20h,24h"
    ) { text in
        guard let schedule = RetrySchedule(text) else {
            throw UsageError("--retry-schedule takes pauses such as 5s,1m,2h, not \(text.debugDescription)")
        }
        return schedule
    }.setting

    // MARK: Others

    static let from = Option<Moment>(
        "from",
        "TIME|POSITION",
        help: "Only events from here on",
        parse: Moment.init(argument:)
    )
    static let to = Option<Moment>(
        "to",
        "TIME|POSITION",
        help: "Only events before this",
        parse: Moment.init(argument:)
    )
    static let reason = Option<String>("reason", "TEXT", help: "Why, for the record")

    private static func url(_ name: String, _ help: String, _ standard: String?) -> Option<BaseURL> {
        Option<BaseURL>(name, "URL", help: help, defaultText: standard) { text in
            do throws(BaseURLFault) {
                return try BaseURL(text)
            } catch {
                throw UsageError(
                    "--\(name) takes a base URL such as https://desk.example/sharing: \(text.debugDescription) \(error.rawValue)"
                )
            }
        }.setting
    }

    private static func address(_ name: String, _ help: String, _ standard: String) -> Option<ListenAddress> {
        Option<ListenAddress>(name, "HOST:PORT", help: help, defaultText: standard) { text in
            guard let address = ListenAddress(text) else {
                throw UsageError("--\(name) takes HOST:PORT such as \(standard), not \(text.debugDescription)")
            }
            return address
        }.setting
    }

    private static func list(_ name: String, _ placeholder: String, _ help: String) -> Option<[String]> {
        Option<[String]>(name, placeholder, help: help) { text in
            text.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init)
        }.setting
    }
}

/// A host and a port to listen on.
struct ListenAddress: Sendable {
    let host: String
    let port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Takes `HOST:PORT`, with brackets around an IPv6 address.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }

    /// As it stands in a URL.
    var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
