import CMicroHTTPD
import Glibc

/// Owns one libmicrohttpd daemon, which is driven by a single thread and calls an event loop back on it.
@safe struct Daemon: ~Copyable, Sendable {
    private let bits: UInt

    /// Prepares the daemon; nothing is served and nobody called back before its first turn.
    ///
    /// - Parameter loop: must outlive the daemon.
    init(
        callingBack loop: EventLoop,
        on socket: borrowing ListeningSocket,
        _ configuration: HTTPServerConfiguration,
    ) throws(HTTPServerError) {
        bits = try Self.start(callingBack: loop, on: socket, configuration)
    }

    /// Closes all connections; none may be suspended. Only on the daemon's thread, or before its first turn.
    deinit {
        if let pointer = unsafe OpaquePointer(bitPattern: bits) { unsafe cmicrohttpd_stop(pointer) }
    }

    private var pointer: OpaquePointer {
        guard let pointer = unsafe OpaquePointer(bitPattern: bits) else {
            preconditionFailure("a daemon that did not start does not exist")
        }
        return unsafe pointer
    }

    private static func start(
        callingBack loop: EventLoop,
        on socket: borrowing ListeningSocket,
        _ configuration: HTTPServerConfiguration,
    ) throws(HTTPServerError) -> UInt {
        if configuration.tls != nil, MHD_is_feature_supported(.FEATURE_TLS) != .YES {
            throw .tlsUnsupported
        }
        var options = unsafe DaemonCallbacks.options(context: Unmanaged.passUnretained(loop).toOpaque())
        unsafe options.listening_socket = socket.descriptor
        unsafe options.memory_limit = memoryLimit(configuration)
        let loops = max(1, configuration.workerThreads)
        unsafe options.connection_limit = UInt32(clamping: (configuration.connectionLimit + loops - 1) / loops)
        unsafe options.timeout_seconds = UInt32(clamping: max(1, configuration.idleTimeout.components.seconds))
        let certificate = (configuration.tls?.certificate ?? []) + [0]
        let key = (configuration.tls?.key ?? []) + [0]
        let started = unsafe certificate.withUnsafeBytes { certificate in
            unsafe key.withUnsafeBytes { key in
                if configuration.tls != nil {
                    unsafe options.certificate = certificate.baseAddress?.assumingMemoryBound(to: CChar.self)
                    unsafe options.key = key.baseAddress?.assumingMemoryBound(to: CChar.self)
                }
                return unsafe UInt(bitPattern: cmicrohttpd_start(&options))
            }
        }
        guard started != 0 else {
            let cause = unsafe String(cString: strerror(errno))
            throw .notStarted(loop.lastLibraryMessage ?? cause)
        }
        return started
    }

    /// The head, as much again for its parsed form, and the head of the answer.
    private static func memoryLimit(_ configuration: HTTPServerConfiguration) -> Int {
        max(2 * configuration.headByteLimit, configuration.headByteLimit + 2 * HTTPResponse.headerByteLimit)
    }
}

// MARK: - Driving, on the daemon's thread

extension Daemon {
    /// Waits until there is something to do, the wake-up is signalled, or the time has passed.
    borrowing func wait(for wakeup: borrowing Wakeup, atMost milliseconds: Int32) {
        unsafe cmicrohttpd_wait(pointer, wakeup.descriptor, milliseconds)
    }

    /// Does what can be done without waiting.
    borrowing func turn() {
        unsafe cmicrohttpd_turn(pointer)
    }

    /// Whether clients wait to be accepted.
    var hasBacklog: Bool {
        unsafe cmicrohttpd_has_backlog(pointer) != 0
    }

    /// Accepts no further connection.
    borrowing func quiesce() {
        unsafe cmicrohttpd_quiesce(pointer)
    }
}

/// Ends the wait of an event loop from any thread.
struct Wakeup: ~Copyable, Sendable {
    let descriptor: Int32

    init() throws(HTTPServerError) {
        descriptor = cmicrohttpd_wakeup_open()
        guard descriptor >= 0 else { throw .notStarted(unsafe String(cString: strerror(errno))) }
    }

    deinit {
        close(descriptor)
    }

    borrowing func signal() {
        cmicrohttpd_wakeup_signal(descriptor)
    }
}
