import Glibc

/// Owns a TCP socket that is bound and listens, before there is anybody to serve it.
///
/// Binding is a step of its own, so that a program can bind, drop its privileges, and only then start serving.
package struct ListeningSocket: ~Copyable, Sendable {
    /// The numeric address that it is bound to, such as `127.0.0.1` or `::1`.
    package let host: String

    /// The port that it is bound to; never 0.
    package let port: UInt16

    let descriptor: Int32

    private init(adopting descriptor: Int32) throws(ListeningSocketError) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let peer: HTTPRequest.Peer? = unsafe withUnsafeMutablePointer(to: &storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getsockname(descriptor, address, &length) == 0 ? unsafe HTTPRequest.Peer(address) : nil
            }
        }
        guard let peer else {
            let code = errno
            close(descriptor)
            throw ListeningSocketError(cause: .system(code: code), host: "", port: 0)
        }
        self.descriptor = descriptor
        host = peer.address
        port = peer.port
    }

    deinit {
        close(descriptor)
    }

    /// Refuses further connections, also those that nobody has accepted yet; the descriptor stays reserved.
    borrowing func refuseConnections() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}

// MARK: - Binding

extension ListeningSocket {
    /// Binds a numeric address or a name to a port, 0 for any free one, and listens.
    ///
    /// A name may stand for several addresses: the first that can be bound is taken. `::` takes IPv4 as well.
    /// - Throws: ``ListeningSocketError``, which says what to do about it.
    package static func bind(
        host: String,
        port: UInt16,
        backlog: Int32 = 1024,
    ) throws(ListeningSocketError) -> ListeningSocket {
        let opened = open(host: host, port: port, backlog: backlog)
        switch opened {
        case .success(let descriptor): return try ListeningSocket(adopting: descriptor)
        case .failure(let error): throw error
        }
    }

    private static func open(host: String, port: UInt16, backlog: Int32) -> Result<Int32, ListeningSocketError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, String(port), &hints, &first)
        defer { if let first = unsafe first { unsafe freeaddrinfo(first) } }
        guard status == 0 else {
            let message = unsafe String(cString: gai_strerror(status))
            return .failure(ListeningSocketError(cause: .unknownHost(message), host: host, port: port))
        }
        var failure = EADDRNOTAVAIL
        var next = unsafe first
        while let candidate = unsafe next {
            switch unsafe listen(on: candidate.pointee, backlog: backlog) {
            case .success(let descriptor): return .success(descriptor)
            case .failure(let error): failure = error.code
            }
            unsafe next = candidate.pointee.ai_next
        }
        return .failure(ListeningSocketError(cause: .system(code: failure), host: host, port: port))
    }

    private static func listen(on candidate: addrinfo, backlog: Int32) -> Result<Int32, SystemFailure> {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = unsafe socket(candidate.ai_family, type, candidate.ai_protocol)
        guard descriptor >= 0 else { return .failure(SystemFailure(code: errno)) }
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if unsafe candidate.ai_family == AF_INET6 {
            // The system's default can be set either way; what `::` means must not depend on it.
            setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0)
        }
        guard unsafe Glibc.bind(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0,
            Glibc.listen(descriptor, backlog) == 0
        else {
            let code = errno
            close(descriptor)
            return .failure(SystemFailure(code: code))
        }
        return .success(descriptor)
    }

    private static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private struct SystemFailure: Error {
        let code: Int32
    }
}
