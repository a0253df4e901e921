import CCurl

/// A `CURLcode` other than `CURLE_OK`.
struct CurlError: Error {
    let code: CURLcode
}

/// Owns one libcurl easy handle, with the buffer for its error text, and frees both.
@safe struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>

    init() throws(CurlError) {
        guard let pointer = unsafe curl_easy_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
        unsafe self.pointer = pointer
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        _ = unsafe shareledger_curl_set_pointer(pointer, CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
    }

    deinit {
        unsafe curl_easy_cleanup(pointer)
        unsafe errorText.deallocate()
    }

    /// What libcurl said about the last failure; empty if nothing.
    var detail: String { unsafe String(cString: errorText) }

    /// Forgets what was said.
    func clearDetail() {
        unsafe errorText.pointee = 0
    }
}

// MARK: - Options

extension EasyHandle {
    func set(_ option: CURLoption, _ value: Int) throws(CurlError) {
        try Self.check(unsafe shareledger_curl_set_long(pointer, option, value))
    }

    func set(_ option: CURLoption, _ value: Bool) throws(CurlError) {
        try set(option, value ? 1 : 0)
    }

    /// Sets a length of time in milliseconds, at least one, since zero would mean none.
    func set(_ option: CURLoption, milliseconds: Duration) throws(CurlError) {
        let (seconds, attoseconds) = milliseconds.components
        let value = min(seconds, 1_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000
        try set(option, Int(max(1, value)))
    }

    func set(_ option: CURLoption, offset: Int) throws(CurlError) {
        try Self.check(unsafe shareledger_curl_set_offset(pointer, option, curl_off_t(offset)))
    }

    func set(_ option: CURLoption, _ value: String?) throws(CurlError) {
        try Self.check(unsafe shareledger_curl_set_string(pointer, option, value))
    }

    func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) throws(CurlError) {
        try Self.check(unsafe shareledger_curl_set_pointer(pointer, option, value))
    }

    /// Lends a list, which must live until the transfer has ended.
    func set(_ option: CURLoption, list: borrowing StringList) throws(CurlError) {
        try Self.check(unsafe shareledger_curl_set_list(pointer, option, list.pointer))
    }

    /// Copies a body into the handle and makes the request one that has a body; nil frees the copy.
    func set(body: [UInt8]?) throws(CurlError) {
        guard let body else {
            return try unsafe set(CURLOPT_COPYPOSTFIELDS, pointer: nil)
        }
        try set(CURLOPT_POSTFIELDSIZE_LARGE, offset: body.count)
        // An empty array may have no address, and NULL would make libcurl ask a callback for the body.
        var bytes = body.isEmpty ? [0] : body
        let code = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe shareledger_curl_set_pointer(pointer, CURLOPT_COPYPOSTFIELDS, buffer.baseAddress)
        }
        try Self.check(code)
    }

    /// Sets certificate authorities in PEM form; nil for none.
    func set(authorities: [UInt8]?) throws(CurlError) {
        guard let authorities else {
            return try Self.check(unsafe shareledger_curl_set_ca_blob(pointer, nil, 0))
        }
        try Self.check(unsafe shareledger_curl_set_ca_blob(pointer, authorities, authorities.count))
    }

    static func check(_ code: CURLcode) throws(CurlError) {
        guard code == CURLE_OK else { throw CurlError(code: code) }
    }
}

// MARK: - Information

extension EasyHandle {
    /// A number about the transfer; zero if there is none.
    func number(_ info: CURLINFO) -> Int {
        var value = 0
        return unsafe shareledger_curl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
    }

    /// A time since the transfer's start; zero if that stage was not reached.
    func time(_ info: CURLINFO) -> Duration {
        var microseconds: curl_off_t = 0
        let code = unsafe shareledger_curl_get_offset(pointer, info, &microseconds)
        return code == CURLE_OK ? .microseconds(Int64(microseconds)) : .zero
    }

    /// The TLS session in use; only from a callback during the transfer.
    func session() -> HTTPSession? {
        var tls = shareledger_curl_tls()
        guard unsafe shareledger_curl_get_tls(pointer, &tls) else { return nil }
        let digest = unsafe withUnsafeBytes(of: tls.certificate_sha256) { unsafe [UInt8]($0) }
        return switch tls.version {
        case 0x0303: HTTPSession(version: .tls12, certificateDigest: digest)
        case 0x0304: HTTPSession(version: .tls13, certificateDigest: digest)
        default: nil
        }
    }
}

/// Owns one libcurl list of strings.
@safe struct StringList: ~Copyable {
    private(set) var pointer: UnsafeMutablePointer<curl_slist>?

    init() {}

    deinit {
        unsafe curl_slist_free_all(pointer)
    }

    /// Adds the bytes, none of which may be zero.
    mutating func append(_ bytes: [UInt8]) throws(CurlError) {
        let longer = unsafe (bytes + [0]).withUnsafeBytes { buffer in
            unsafe curl_slist_append(pointer, buffer.bindMemory(to: CChar.self).baseAddress)
        }
        guard let longer = unsafe longer else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
        unsafe pointer = longer
    }
}
