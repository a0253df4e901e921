import Arguments
import Delivery
import Foundation
import Gateway
import HTTPServer
import Ledger
import Linux
import Sharing
import TicketSharing

/// What `serve` was told, with defaults filled in.
struct ServiceSettings: Sendable {
    var publicListen: ListenAddress
    var privateListen: ListenAddress
    var sharing: SharingSettings
    var originName: String

    /// Whether the name was asked for, and not only taken from the public URL.
    var isOriginGiven: Bool
    var trustedProxies: [String]
    var privateHosts: [String]
    var tls: HTTPServerConfiguration.TLSIdentity?
    var tokenFile: String?
    var bodyLimit: Int
    var connectionLimit: Int
    var connectionLimitPerAddress: Int
    var strangers: StrangerBudget.Limits
    var refusedBytes: Int
    var authorities: [UInt8]?
    var retrySchedule: RetrySchedule?

    init(_ arguments: ParsedArguments) throws {
        publicListen = arguments[Options.publicListen] ?? ListenAddress(host: "127.0.0.1", port: 8410)
        privateListen = arguments[Options.privateListen] ?? ListenAddress(host: "127.0.0.1", port: 8411)
        sharing = SharingSettings(
            publicURL: try arguments[Options.publicURL] ?? BaseURL("http://\(publicListen.text)/sharing"),
            deskURL: arguments[Options.deskURL],
            privateURL: try arguments[Options.privateURL] ?? BaseURL("http://\(privateListen.text)"),
            isStrict: arguments[Options.strict],
        )
        originName = arguments[Options.origin] ?? sharing.publicURL.schemeless
        isOriginGiven = arguments[Options.origin] != nil
        guard Origin(name: originName, epoch: 1) != nil else {
            throw UsageError(
                "--origin takes 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / -, not \(originName.debugDescription)"
            )
        }
        trustedProxies = arguments[Options.trustedProxies] ?? []
        privateHosts = arguments[Options.privateHosts] ?? []
        tokenFile = arguments[Options.tokenFile]
        guard privateListen.isLoopback || tokenFile != nil else {
            throw UsageError("--private-listen \(privateListen.text) is not loopback; that needs a --token-file")
        }
        bodyLimit = arguments[Options.bodyLimit] ?? 2 * 1024 * 1024
        connectionLimit = arguments[Options.connectionLimit] ?? 1000
        connectionLimitPerAddress = arguments[Options.connectionLimitPerAddress] ?? max(1, connectionLimit / 4)
        strangers = Self.strangers(arguments)
        refusedBytes = arguments[Options.refusedBytes] ?? RefusalBudget.standardBodyByteCount
        authorities = try arguments[Options.caFile].map(Self.contents)
        retrySchedule = arguments[Options.retrySchedule]
        tls = try Self.tls(arguments)
    }

    private static func strangers(_ arguments: ParsedArguments) -> StrangerBudget.Limits {
        var limits = StrangerBudget.Limits()
        limits.messages = arguments[Options.strangerMessages] ?? limits.messages
        limits.messagesOfSource = arguments[Options.strangerMessagesPerAddress] ?? limits.messagesOfSource
        limits.bytes = arguments[Options.strangerBytes] ?? limits.bytes
        limits.bytesOfSource = arguments[Options.strangerBytesPerAddress] ?? limits.bytesOfSource
        return limits
    }

    private static func tls(_ arguments: ParsedArguments) throws -> HTTPServerConfiguration.TLSIdentity? {
        switch (arguments[Options.tlsCertificate], arguments[Options.tlsKey]) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return HTTPServerConfiguration.TLSIdentity(certificate: try contents(certificate), key: try contents(key))
        default: throw UsageError("--tls-cert and --tls-key go together")
        }
    }

    static func contents(_ path: String) throws -> [UInt8] {
        do {
            // Says why it cannot be opened, in the system's words.
            _ = try FileDescriptor(path, for: .reading)
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as SystemError where error.isForWantOfRights {
            let advice = "give the user that runs ShareLedger the right to it"
            throw CommandFailure("\(path) cannot be read: \(error); \(advice)", status: 78)
        } catch {
            throw CommandFailure("\(path) cannot be read: \(error)", status: 66)
        }
    }
}
