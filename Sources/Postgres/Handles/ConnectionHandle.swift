import CLibPQ
import Glibc

/// Owns one `PGconn` and closes it exactly once.
///
/// Names libpq's calls in Swift's terms and decides nothing. One thread at a time.
@safe struct ConnectionHandle: ~Copyable {
    private let pointer: OpaquePointer

    /// Starts to connect, without waiting; names of hosts are looked up here, by blocking.
    ///
    /// Keywords and values go to libpq as two lists and are never joined; the first, `dbname`, may be a whole URL.
    /// Nil when memory is short.
    init?(starting options: [(keyword: String, value: String)]) {
        let pointer = unsafe withCStrings(options.map(\.keyword)) { keywords in
            unsafe withCStrings(options.map(\.value)) { values in
                unsafe PQconnectStartParams(keywords, values, 1)
            }
        }
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe PQfinish(pointer)
    }

    func withPointer(_ body: (OpaquePointer) -> Void) {
        unsafe body(pointer)
    }

    // MARK: - State

    var isBad: Bool {
        unsafe PQstatus(pointer) == CONNECTION_BAD
    }

    var transactionStatus: PGTransactionStatusType {
        unsafe PQtransactionStatus(pointer)
    }

    var socket: Int32 {
        unsafe PQsocket(pointer)
    }

    var serverVersion: Int32 {
        unsafe PQserverVersion(pointer)
    }

    var backendProcessID: Int32 {
        unsafe PQbackendPID(pointer)
    }

    /// The last trouble that libpq had with this connection.
    var errorMessage: String {
        guard let text = unsafe PQerrorMessage(pointer) else { return "" }
        return unsafe String(cString: text)
    }

    func makeCanceller() -> Canceller? {
        guard let canceller = unsafe PQgetCancel(pointer) else { return nil }
        return unsafe Canceller(taking: canceller)
    }

    // MARK: - Input and output

    func pollConnecting() -> PostgresPollingStatusType {
        unsafe PQconnectPoll(pointer)
    }

    func setNonBlocking() -> Bool {
        unsafe PQsetnonblocking(pointer, 1) == 0
    }

    /// 0 when all is sent, 1 when the socket is full, -1 when it is dead.
    func flush() -> Int32 {
        unsafe PQflush(pointer)
    }

    /// False when the connection is lost.
    func consumeInput() -> Bool {
        unsafe PQconsumeInput(pointer) == 1
    }

    /// Whether ``nextResult()`` would block.
    var isBusy: Bool {
        unsafe PQisBusy(pointer) == 1
    }

    func nextResult() -> ResultHandle? {
        guard let result = unsafe PQgetResult(pointer) else { return nil }
        return unsafe ResultHandle(taking: result)
    }

    // MARK: - Statements

    func enterPipeline() -> Bool {
        unsafe PQenterPipelineMode(pointer) == 1
    }

    func exitPipeline() -> Bool {
        unsafe PQexitPipelineMode(pointer) == 1
    }

    func sendSync() -> Bool {
        unsafe PQpipelineSync(pointer) == 1
    }

    /// The simple protocol: several statements in one text, no parameters, text results.
    func sendScript(_ text: String) -> Bool {
        unsafe PQsendQuery(pointer, text) == 1
    }

    func sendOnce(_ text: String, _ parameters: PostgresParameters) -> Bool {
        unsafe parameters.withBindings { bindings in
            unsafe PQsendQueryParams(
                pointer,
                text,
                bindings.count,
                bindings.types,
                bindings.values,
                bindings.lengths,
                bindings.formats,
                1
            )
        } == 1
    }

    func sendPrepare(_ name: String, _ text: String, _ types: [PostgresType]) -> Bool {
        unsafe PQsendPrepare(pointer, name, text, Int32(types.count), types.map(\.rawValue)) == 1
    }

    func sendPrepared(_ name: String, _ parameters: PostgresParameters) -> Bool {
        unsafe parameters.withBindings { bindings in
            unsafe PQsendQueryPrepared(
                pointer,
                name,
                bindings.count,
                bindings.values,
                bindings.lengths,
                bindings.formats,
                1
            )
        } == 1
    }

    // MARK: - COPY

    /// False when memory is short or the connection is lost.
    func putCopy(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return true }
        return unsafe PQputCopyData(
            pointer,
            start.assumingMemoryBound(to: CChar.self),
            Int32(bytes.count)
        ) == 1
    }

    /// With a reason the server drops what it was sent.
    func endCopy(failing reason: String? = nil) -> Bool {
        unsafe PQputCopyEnd(pointer, reason) == 1
    }

    /// Lends the next piece if one has arrived: its length, 0 if none has yet, -1 at the end, -2 on failure.
    func takeCopy(_ body: (Span<UInt8>) throws -> Void) rethrows -> Int32 {
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe PQgetCopyData(pointer, &start, 1)
        defer { unsafe PQfreemem(start) }
        if count > 0, let start = unsafe start {
            let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(count))
            try unsafe bytes.withMemoryRebound(to: UInt8.self) { bytes in
                try unsafe body(bytes.span)
            }
        }
        return count
    }
}

/// Lends a NULL-ended array of C strings.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result,
) -> Result {
    let copies = unsafe strings.map { unsafe strdup($0) }
    defer {
        unsafe copies.forEach { unsafe free($0) }
    }
    let pointers: [UnsafePointer<CChar>?] = unsafe copies.map { unsafe UnsafePointer($0) } + [nil]
    return unsafe pointers.withUnsafeBufferPointer { pointers in
        guard let base = pointers.baseAddress else {
            preconditionFailure("an array that holds a terminator has an address")
        }
        return unsafe body(base)
    }
}
