import CMicroHTTPD

/// Turns the library's calls into calls of an event loop: pointers come in, values go on.
enum DaemonCallbacks {
    /// Options with all callbacks set and nothing else.
    static func options(context: UnsafeMutableRawPointer) -> cmicrohttpd_options {
        unsafe cmicrohttpd_options(
            listening_socket: -1,
            memory_limit: 0,
            connection_limit: 0,
            timeout_seconds: 0,
            certificate: nil,
            key: nil,
            context: context,
            accept: accept,
            connection: connection,
            target: target,
            access: access,
            completed: completed,
            log: log
        )
    }

    private static func loop(_ context: UnsafeMutableRawPointer) -> EventLoop {
        unsafe Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: - Connections

    private static let accept:
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafePointer<sockaddr>?, socklen_t
        ) -> MHD_Result = { context, address, _ in
            guard let context = unsafe context, let peer = unsafe address.flatMap({ unsafe HTTPRequest.Peer($0) })
            else { return .NO }
            return unsafe loop(context).accepts(peer) ? .YES : .NO
        }

    private static let connection:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            MHD_ConnectionNotificationCode
        ) -> Void = { context, pointer, connectionContext, code in
            let loop = unsafe DaemonCallbacks.loop(context)
            if code == .CONNECTION_NOTIFY_STARTED {
                let peer = unsafe cmicrohttpd_peer_address(pointer).flatMap { unsafe HTTPRequest.Peer($0) }
                let connection = loop.opened(
                    peer: peer ?? HTTPRequest.Peer(address: "", port: 0),
                    descriptor: unsafe cmicrohttpd_socket(pointer)
                )
                unsafe connectionContext.pointee = Unmanaged.passRetained(connection).toOpaque()
            } else if let stored = unsafe connectionContext.pointee {
                unsafe connectionContext.pointee = nil
                loop.closed(unsafe Unmanaged<Connection>.fromOpaque(stored).takeRetainedValue())
            }
        }

    // MARK: - Requests

    private static let target:
        @convention(c) (
            UnsafeMutableRawPointer, UnsafePointer<CChar>, OpaquePointer
        ) -> UnsafeMutableRawPointer? = { context, target, pointer in
            guard let stored = unsafe cmicrohttpd_connection_context(pointer) else { return nil }
            let connection = unsafe Unmanaged<Connection>.fromOpaque(stored).takeUnretainedValue()
            let exchange = unsafe loop(context).began(
                on: connection,
                at: ConnectionAddress(pointer),
                target: String(cString: target)
            )
            // The connection keeps it.
            return unsafe Unmanaged.passUnretained(exchange).toOpaque()
        }

    private static let access:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<CChar>,
            UnsafePointer<CChar>?, UnsafeMutablePointer<Int>, UnsafeMutablePointer<UnsafeMutableRawPointer?>
        ) -> MHD_Result = { context, pointer, path, method, version, upload, uploadCount, requestContext in
            guard let stored = unsafe requestContext.pointee else { return .NO }
            let exchange = unsafe Unmanaged<Exchange>.fromOpaque(stored).takeUnretainedValue()
            let loop = unsafe DaemonCallbacks.loop(context)
            let goesOn: Bool
            switch exchange.call {
            case .head(let target):
                let head = Result { () throws(HTTPRefusal) in
                    unsafe try HeadReader.head(
                        of: pointer,
                        method: method,
                        path: path,
                        version: version,
                        target: target,
                        limit: loop.server.configuration.headByteLimit
                    )
                }
                goesOn = loop.received(head, in: exchange)
            case .body where unsafe uploadCount.pointee > 0:
                goesOn = unsafe loop.received(
                    UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee),
                    in: exchange
                )
                unsafe uploadCount.pointee = 0
            case .body:
                goesOn = loop.receivedAll(in: exchange)
            case .answer(let response):
                goesOn = loop.send(response, in: exchange)
            case .nothing:
                goesOn = false
            }
            return goesOn ? .YES : .NO
        }

    private static let completed:
        @convention(c) (
            UnsafeMutableRawPointer, OpaquePointer, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            MHD_RequestTerminationCode
        ) -> Void = { context, _, requestContext, _ in
            guard let stored = unsafe requestContext.pointee else { return }
            unsafe requestContext.pointee = nil
            unsafe loop(context).completed(Unmanaged<Exchange>.fromOpaque(stored).takeUnretainedValue())
        }

    // MARK: - Messages

    private static let log: @convention(c) (UnsafeMutableRawPointer, UnsafePointer<CChar>) -> Void = { context, text in
        unsafe loop(context).libraryLogged(String(cString: text))
    }
}
