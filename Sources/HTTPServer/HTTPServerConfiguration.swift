/// The limits of a server; every one of them has a default that suits a service behind a proxy.
package struct HTTPServerConfiguration: Sendable {
    /// Bytes that request line and header fields may take; more is answered with 414 or 431.
    package var headByteLimit = 16 * 1024

    /// Bytes that a body may take to reach the handler whole.
    package var bodyByteLimit = 2 * 1024 * 1024

    /// Bytes that are kept of a body beyond the limit, for the record.
    package var overflowPrefixByteCount = 4096

    /// Bytes of a body that are read at all; past them the connection is closed, answered only if the length was declared.
    package var discardByteLimit = 16 * 1024 * 1024

    /// Bytes that all bodies being received or handled may take together; beyond it requests are shed with 503.
    package var bufferedBodyByteLimit = 64 * 1024 * 1024

    /// Open connections in all, shared evenly by the threads and rounded up; further ones wait in the backlog.
    package var connectionLimit = 1000

    /// Open connections of one address, or 0 for no such limit; further ones are closed at once.
    package var connectionLimitPerAddress = 0

    /// Addresses to which that limit does not apply: those of proxies, behind which everybody has one address.
    package var addressesWithoutLimit: Set<String> = []

    /// Requests inside the handler at once; beyond it requests are answered with ``overloadResponse``.
    package var maximumActiveRequests = 512

    /// Threads that read and write sockets; two took a tenth less CPU a request than one, on two cores.
    package var workerThreads = 2

    /// Without a byte for so long, a connection is closed; whole seconds.
    package var idleTimeout: Duration = .seconds(60)

    /// Time to receive a whole request, however steadily it trickles.
    package var receiveDeadline: Duration = .seconds(30)

    /// Time for the handler; then ``timeoutResponse`` is sent and the handler's task is cancelled.
    package var handlerDeadline: Duration = .seconds(30)

    /// Time for a client to take the whole answer.
    package var sendDeadline: Duration = .seconds(120)

    /// Time that a stopping server leaves a connection with nothing under way to send its next request.
    package var drainGrace: Duration = .milliseconds(200)

    /// Certificate chain and private key, if the server speaks TLS itself.
    package var tls: TLSIdentity?

    /// Answers a request that finds the server full.
    package var overloadResponse: @Sendable () -> HTTPResponse = {
        HTTPResponse(
            status: 503,
            contentType: "application/json",
            headers: [.init("Retry-After", "1")],
            text: #"{"error":"overloaded"}"#
        )
    }

    /// Answers a request whose handler took too long, or was cut off by a stop.
    package var timeoutResponse: @Sendable () -> HTTPResponse = {
        HTTPResponse(
            status: 503,
            contentType: "application/json",
            headers: [.init("Retry-After", "5")],
            text: #"{"error":"timed out"}"#
        )
    }

    /// Answers a request whose head is ambiguous.
    package var refusalResponse: @Sendable (HTTPRefusal) -> HTTPResponse = { refusal in
        HTTPResponse(
            status: refusal.status,
            contentType: "application/json",
            text: #"{"error":"\#(refusal.rawValue)","detail":"\#(refusal.detail)"}"#
        )
    }

    /// All defaults.
    package init() {}
}

extension HTTPServerConfiguration {
    /// A certificate chain with its private key, both PEM.
    package struct TLSIdentity: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
        let certificate: [UInt8]
        let key: [UInt8]

        /// Neither is looked at before the server starts.
        package init(certificate: [UInt8], key: [UInt8]) {
            self.certificate = certificate
            self.key = key
        }

        /// Says nothing of the key.
        package var description: String { "TLSIdentity" }
        /// Says nothing of the key.
        package var debugDescription: String { description }
    }
}
