import Arguments
import HTTPClient
import LedgerStore
import Linux
import Sharing
import TicketSharing

/// Looks whether the service runs, is ready, and is reached where it should be.
struct ServiceChecks: Sendable {
    let workspace: Workspace
    let arguments: ParsedArguments

    /// Nobody answers at the private listener: either the service is stopped, or it listens elsewhere.
    private enum Reply: Sendable {
        case nobody(String)
        case answer(status: Int, body: String)
    }

    func look() async -> [Finding] {
        do {
            let (saved, ledger) = try await workspace.session { session in
                (try SavedSettings.load(in: &session), try LedgerIdentity.read(in: &session))
            }
            guard let settings = try saved?.sharingSettings(), let ledger else { return [] }
            let listen = arguments[Options.privateListen].map { "http://\(Self.reachable($0).text)" }
            let url = "\(listen ?? settings.privateURL.text)/readyz"
            switch try await reply(from: url) {
            case .nobody(let why):
                let advice = "start it with 'shareledger serve'; --private-listen names another address to look at"
                return [.fail("service", "nobody answers at \(url): \(why)", advice: advice)]
            case .answer(200, let body) where Self.ledger(in: body) != "\(ledger)":
                return [Self.stranger(at: url, serving: Self.ledger(in: body), insteadOf: ledger)]
            case .answer(200, _):
                return [.ok("service", "ready at \(url)")] + (await publicListener(settings.publicURL))
            case .answer(let status, let body):
                let line = body.split(separator: "\n").first.map(String.init) ?? ""
                return [.fail("service", "\(url) answers \(status): \(line)", advice: "look at the service's log")]
            }
        } catch {
            return [.fail("service", error)]
        }
    }

    /// The ledger that the service names in its second line; `nil` for what is no service of ours.
    private static func ledger(in body: String) -> Substring? {
        body.split(separator: "\n").lazy.filter { $0.hasPrefix("ledger ") }.first?.dropFirst("ledger ".count)
    }

    /// Somebody else answers where our service is looked for.
    private static func stranger(at url: String, serving other: Substring?, insteadOf ours: LedgerIdentity) -> Finding {
        let advice =
            "start ours with 'shareledger serve' on free ports; --private-listen names another address to look at"
        guard let other else {
            return .fail("service", "what answers at \(url) does not say which ledger it serves", advice: advice)
        }
        let theirs = other.prefix { $0 != " " }
        let name =
            theirs == "\(ours.origin)" ? "another ledger of the same name, \(theirs)" : "another ledger, \(theirs)"
        return .fail("service", "what answers at \(url) serves \(name), and not \(ours.origin) of here", advice: advice)
    }

    /// The public port, where it is known: a public URL may be a proxy's.
    private func publicListener(_ publicURL: BaseURL) async -> [Finding] {
        let given = arguments[Options.publicListen]
        guard given != nil || Self.isLoopback(publicURL.host) else { return [] }
        let address = Self.reachable(
            given ?? ListenAddress(host: publicURL.host, port: UInt16(clamping: publicURL.port))
        )
        do {
            let url = try HTTPURL("http://\(address.text)/")
            guard case .addresses(let found) = await Resolver.system().addresses(of: url, within: .seconds(5)),
                let first = found.first
            else {
                return [
                    .fail(
                        "public port",
                        "\(address.host) has no address",
                        advice: "name the one that 'serve' was given"
                    )
                ]
            }
            try PortProbe.connect(first.description, port: address.port)
            return [.ok("public port", "open at \(address.text)")]
        } catch {
            return [
                .fail(
                    "public port",
                    "nobody takes connections at \(address.text): \(error)",
                    advice: "look at the service's log; --public-listen names another address to look at"
                )
            ]
        }
    }

    private func reply(from text: String) async throws -> Reply {
        let url = try HTTPURL(text)
        let target: VettedAddresses
        switch await AddressPolicy.allowPrivate.target(of: url, resolver: .system(), within: .seconds(5)) {
        case .success(let vetted): target = vetted
        case .failure(let failure): return .nobody("\(failure.kind)")
        }
        var request = try HTTPRequest(.get, url, adding: [HTTPHeader("Accept", "text/plain")], target: target)
        request.limits.connect = .seconds(2)
        request.limits.total = .seconds(10)
        let client = try HTTPClient(HTTPClient.Configuration(trust: TrustStore()))
        let outcome = await client.perform(request)
        await client.stop()
        switch outcome {
        case .answered(let answer):
            return .answer(status: answer.status, body: String(decoding: answer.body.prefix(1000), as: UTF8.self))
        case .failed(let failure):
            return .nobody(failure.detail.isEmpty ? "\(failure.kind)" : failure.detail)
        }
    }

    /// Where one connects to what listens everywhere.
    private static func reachable(_ address: ListenAddress) -> ListenAddress {
        switch address.host {
        case "0.0.0.0": ListenAddress(host: "127.0.0.1", port: address.port)
        case "::": ListenAddress(host: "::1", port: address.port)
        default: address
        }
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host == "[::1]" || host.hasPrefix("127.")
    }
}
