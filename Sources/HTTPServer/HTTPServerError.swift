import Glibc

/// Why a port could not be listened on.
package struct ListeningSocketError: Error, Sendable, CustomStringConvertible {
    /// What stood in the way.
    package enum Cause: Sendable, Hashable {
        /// The name stands for no address, with the resolver's reason.
        case unknownHost(String)
        /// A system call failed with this `errno`.
        case system(code: Int32)
    }

    /// Why it failed.
    package let cause: Cause
    /// As it was asked for.
    package let host: String
    /// As it was asked for.
    package let port: UInt16

    /// Whether somebody else listens there.
    package var isInUse: Bool {
        cause == .system(code: EADDRINUSE)
    }

    /// One sentence for an operator, with what to do.
    package var description: String {
        switch cause {
        case .unknownHost(let reason):
            "cannot listen on \(host): the name is unknown (\(reason))"
        case .system(code: EADDRINUSE):
            "port \(port) on \(host) is in use by another program; stop that one or choose another port"
        case .system(code: EACCES):
            "port \(port) on \(host) needs privileges that this process lacks; choose a port above 1023"
        case .system(code: EADDRNOTAVAIL):
            "\(host) is not an address of this machine"
        case .system(let code):
            "cannot listen on port \(port) of \(host): \(unsafe String(cString: strerror(code)))"
        }
    }
}

/// Why a server did not start.
package enum HTTPServerError: Error, Sendable, CustomStringConvertible {
    /// TLS was asked for, and libmicrohttpd was built without it.
    case tlsUnsupported
    /// libmicrohttpd refused, with what it logged; an unusable certificate or key among the reasons.
    case notStarted(String)

    /// One sentence for an operator.
    package var description: String {
        switch self {
        case .tlsUnsupported:
            "this machine's libmicrohttpd is built without TLS; put a proxy in front, or install one with GnuTLS"
        case .notStarted(let reason):
            "the HTTP server did not start: \(reason)"
        }
    }
}
