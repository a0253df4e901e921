import CCurl

/// A libcurl handle for one request at a time, used again for the next.
///
/// What is the same for every request is set once. libcurl holds an unretained pointer to the slot, so a slot must
/// outlive its last transfer; the transfer thread keeps them all until it ends.
final class TransferSlot {
    let easy: EasyHandle

    /// The request being made; nil while the slot is free.
    private(set) var transfer: Transfer?

    private var headers = StringList()
    private var connection = StringList()

    init(idleConnectionAge: Duration) throws(CurlError) {
        easy = try EasyHandle()
        try setFixedOptions(idleConnectionAge: idleConnectionAge)
        try setCallbacks()
    }

    /// Finds the slot behind libcurl's pointer.
    @unsafe static func at(_ context: UnsafeMutableRawPointer?) -> TransferSlot? {
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue()
    }

    /// Sets everything for the transfer's present address.
    func prepare(_ transfer: Transfer, now: ContinuousClock.Instant) throws(CurlError) {
        self.transfer = transfer
        easy.clearDetail()
        try setRequest(transfer.request)
        try setHeaders(transfer.request)
        try setConnection(transfer, now: now)
    }

    /// Frees what the transfer held.
    func clear() {
        transfer = nil
        headers = StringList()
        connection = StringList()
        // Frees the copy of the body; nothing can be done, and nothing is lost, if libcurl refuses.
        try? easy.set(body: nil)
    }
}

// MARK: - Options

extension TransferSlot {
    private func setFixedOptions(idleConnectionAge: Duration) throws(CurlError) {
        try easy.set(CURLOPT_NOSIGNAL, true)
        try easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
        try easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        try easy.set(CURLOPT_HTTP09_ALLOWED, false)
        try easy.set(CURLOPT_PATH_AS_IS, true)
        try easy.set(CURLOPT_FOLLOWLOCATION, false)
        try easy.set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // The empty string, unlike none, also overrules the environment.
        try easy.set(CURLOPT_PROXY, "")
        try easy.set(CURLOPT_NOPROXY, "*")
        try easy.set(CURLOPT_HTTP_CONTENT_DECODING, false)
        try easy.set(CURLOPT_SSL_VERIFYPEER, 1)
        try easy.set(CURLOPT_SSL_VERIFYHOST, 2)
        try easy.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // A resumed session would skip the certificate's check.
        try easy.set(CURLOPT_SSL_SESSIONID_CACHE, false)
        // The trust store is our own: libcurl would load the system's file again for every connection.
        try easy.set(CURLOPT_CAINFO, nil as String?)
        try easy.set(CURLOPT_CAPATH, nil as String?)
        try easy.set(CURLOPT_CA_CACHE_TIMEOUT, 0)
        try easy.set(CURLOPT_MAXAGE_CONN, max(1, Int(idleConnectionAge.components.seconds)))
    }

    private func setRequest(_ request: HTTPRequest) throws(CurlError) {
        // Brings the handle back to a request without a body, whatever it did before.
        try easy.set(CURLOPT_NOBODY, false)
        try easy.set(CURLOPT_HTTPGET, true)
        if request.method == .head {
            try easy.set(CURLOPT_NOBODY, true)
        } else if !request.body.isEmpty || request.method.hasBody {
            try easy.set(body: request.body)
        }
        try easy.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        try easy.set(CURLOPT_URL, "\(request.url.scheme.rawValue)://\(request.url.host):\(request.url.port)/")
        try easy.set(CURLOPT_REQUEST_TARGET, request.url.requestTarget)
        try easy.set(CURLOPT_FRESH_CONNECT, !request.reusesConnection)
        try easy.set(CURLOPT_FORBID_REUSE, !request.reusesConnection)
    }

    private func setHeaders(_ request: HTTPRequest) throws(CurlError) {
        headers = StringList()
        for header in request.headers {
            // A name and a colon alone would take the header away; with a semicolon it is sent empty.
            let line = header.value.isEmpty ? [UInt8(ascii: ";")] : Array(": ".utf8) + header.value
            try headers.append(Array(header.name.utf8) + line)
        }
        for name in ["Accept", "Content-Type", "Expect"] where request.headers.first(named: name) == nil {
            try headers.append(Array("\(name):".utf8))
        }
        try easy.set(CURLOPT_HTTPHEADER, list: headers)
    }

    private func setConnection(_ transfer: Transfer, now: ContinuousClock.Instant) throws(CurlError) {
        let limits = transfer.request.limits
        connection = StringList()
        try connection.append(Array("::\(transfer.peer)".utf8))
        try easy.set(CURLOPT_CONNECT_TO, list: connection)
        try easy.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds: transfer.connectLimit)
        try easy.set(CURLOPT_TIMEOUT_MS, milliseconds: transfer.submission.deadline - now)
        try easy.set(CURLOPT_LOW_SPEED_LIMIT, limits.lowSpeedByteCount)
        try easy.set(CURLOPT_LOW_SPEED_TIME, max(1, Int(limits.lowSpeedTime.components.seconds)))
        if transfer.request.url.scheme == .https {
            try transfer.trust.apply(to: easy)
        }
    }
}

// MARK: - Callbacks

extension TransferSlot {
    private func setCallbacks() throws(CurlError) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        for option in [CURLOPT_PRIVATE, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_PREREQDATA] {
            try unsafe easy.set(option, pointer: context)
        }
        try unsafe easy.set(CURLOPT_OPENSOCKETDATA, pointer: context)
        let pointer = unsafe easy.pointer
        try EasyHandle.check(unsafe shareledger_curl_set_data_function(pointer, CURLOPT_WRITEFUNCTION, onBody))
        try EasyHandle.check(unsafe shareledger_curl_set_data_function(pointer, CURLOPT_HEADERFUNCTION, onHeadLine))
        try EasyHandle.check(unsafe shareledger_curl_set_prereq_function(pointer, onSend))
        try EasyHandle.check(unsafe shareledger_curl_set_open_function(pointer, onOpen))
    }
}

private let onHeadLine: shareledger_curl_data_function = { bytes, size, count, context in
    guard let transfer = unsafe TransferSlot.at(context)?.transfer else { return 0 }
    let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    let goesOn = unsafe line.withMemoryRebound(to: UInt8.self) { unsafe transfer.reader.take(headLine: $0.span) }
    return goesOn ? size * count : 0
}

private let onBody: shareledger_curl_data_function = { bytes, size, count, context in
    guard let transfer = unsafe TransferSlot.at(context)?.transfer else { return 0 }
    let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    let goesOn = unsafe piece.withMemoryRebound(to: UInt8.self) { unsafe transfer.reader.take(body: $0.span) }
    // Zero would be right for an empty piece too, which libcurl does not hand over.
    return goesOn ? size * count : 0
}

/// Called when a connection is there and the request is about to be sent.
private let onSend: shareledger_curl_prereq_function = { context, peer, _, port, _ in
    guard let slot = unsafe TransferSlot.at(context), let transfer = slot.transfer, let peer = unsafe peer,
        let address = unsafe IPAddress(String(cString: peer)),
        transfer.maySend(to: Endpoint(address: address, port: UInt16(clamping: port)))
    else { return CURL_PREREQFUNC_ABORT }
    if transfer.request.url.scheme == .https {
        transfer.secured(by: slot.easy.session())
    }
    return CURL_PREREQFUNC_OK
}

/// Called when libcurl wants a socket, with the address that it is going to connect it to.
private let onOpen: shareledger_curl_open_function = { context, purpose, address in
    guard let transfer = unsafe TransferSlot.at(context)?.transfer, let address = unsafe address,
        purpose == CURLSOCKTYPE_IPCXN, transfer.mayConnect()
    else { return CURL_SOCKET_BAD }
    let octets = transfer.peer.address.octets
    return unsafe shareledger_curl_open_expected(address, octets, octets.count, transfer.peer.port)
}
