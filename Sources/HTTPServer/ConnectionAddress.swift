import CMicroHTTPD

/// Names one of the library's connections while that exists.
///
/// It is kept as a number because it travels to the handler's task and back. It may be used on the connection's own
/// thread, and from any thread while the connection is suspended, since a suspended one is never freed.
@safe struct ConnectionAddress: Sendable, Hashable {
    private let bits: UInt

    init(_ pointer: OpaquePointer) {
        bits = UInt(bitPattern: pointer)
    }

    private var pointer: OpaquePointer? {
        unsafe OpaquePointer(bitPattern: bits)
    }

    /// Takes the connection out of the event loop; only on its own thread, from within the access callback.
    func suspend() {
        unsafe MHD_suspend_connection(pointer)
    }

    /// Puts the connection back, which leads to another call of the access callback; exactly once after each suspension.
    func resume() {
        unsafe MHD_resume_connection(pointer)
    }

    /// Queues the answer; only on the connection's own thread, from within the access callback.
    ///
    /// - Returns: whether the library took it; if not, the connection has to be closed.
    func queue(_ response: HTTPResponse, closing: Bool) -> Bool {
        guard let handle = ResponseHandle(response.body) else { return false }
        for field in response.headers where !field.value.isEmpty {
            handle.add(field.name, field.value)
        }
        if closing {
            handle.add("Connection", "close")
        }
        return unsafe handle.queue(on: pointer, status: response.status)
    }
}

/// Owns one reference to an `MHD_Response` and gives it up exactly once.
@safe private struct ResponseHandle: ~Copyable {
    private let pointer: OpaquePointer

    /// Copies the body, since it is sent after this has gone; nil if there is no memory.
    init?(_ body: [UInt8]) {
        let made = unsafe body.withUnsafeBytes { body in
            unsafe MHD_create_response_from_buffer(
                body.count,
                UnsafeMutableRawPointer(mutating: body.baseAddress),
                .RESPMEM_MUST_COPY
            )
        }
        guard let made = unsafe made else { return nil }
        unsafe pointer = made
    }

    deinit {
        unsafe MHD_destroy_response(pointer)
    }

    borrowing func add(_ name: String, _ value: String) {
        _ = unsafe MHD_add_response_header(pointer, name, value)
    }

    borrowing func queue(on connection: OpaquePointer?, status: Int) -> Bool {
        unsafe MHD_queue_response(connection, UInt32(status), pointer) == .YES
    }
}
