import CCurl
import Glibc

/// Owns one libcurl multi handle; to be used by one thread alone.
@safe struct MultiHandle: ~Copyable {
    private let pointer: UnsafeMutableRawPointer

    /// Makes a handle that keeps at most `maximumConnections` connections open.
    init(maximumConnections: Int) throws(CurlError) {
        guard let pointer = unsafe curl_multi_init() else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
        unsafe self.pointer = pointer
        // HTTP/1.1 has nothing to multiplex, and with it on libcurl would wait to find out.
        _ = unsafe shareledger_curl_multi_set_long(pointer, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        _ = unsafe shareledger_curl_multi_set_long(pointer, CURLMOPT_MAXCONNECTS, maximumConnections)
    }

    deinit {
        unsafe curl_multi_cleanup(pointer)
    }

    /// Starts a transfer; false if libcurl cannot.
    func add(_ easy: borrowing EasyHandle) -> Bool {
        unsafe curl_multi_add_handle(pointer, easy.pointer) == CURLM_OK
    }

    /// Ends a transfer, finished or not.
    func remove(_ easy: borrowing EasyHandle) {
        unsafe curl_multi_remove_handle(pointer, easy.pointer)
    }

    /// Does what can be done without waiting.
    func perform() {
        var running: Int32 = 0
        unsafe curl_multi_perform(pointer, &running)
    }

    /// Waits until a transfer can go on, `wake` is readable or the time is up, and says whether it is readable.
    func poll(wake: Int32, limit: Duration) throws(CurlError) -> Bool {
        var extra = curl_waitfd(fd: wake, events: Int16(CURL_WAIT_POLLIN), revents: 0)
        let milliseconds = limit.components.seconds * 1_000 + limit.components.attoseconds / 1_000_000_000_000_000
        guard unsafe curl_multi_poll(pointer, &extra, 1, Int32(clamping: milliseconds), nil) == CURLM_OK else {
            throw CurlError(code: CURLE_OUT_OF_MEMORY)
        }
        return extra.revents != 0
    }

    /// Hands over the next finished transfer's slot and result; nil if there is none.
    func nextFinished() -> (slot: TransferSlot, code: CURLcode)? {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(pointer, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else {
                continue
            }
            let code = unsafe shareledger_curl_message_result(message)
            var context: UnsafeMutableRawPointer?
            guard unsafe shareledger_curl_get_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK,
                let slot = unsafe TransferSlot.at(context)
            else { continue }
            return (slot, code)
        }
        return nil
    }
}

/// An event descriptor: wakes the thread that polls it.
struct WakeDescriptor: ~Copyable, Sendable {
    let number: Int32

    init() throws(CurlError) {
        number = shareledger_event_create()
        guard number >= 0 else { throw CurlError(code: CURLE_OUT_OF_MEMORY) }
    }

    deinit {
        close(number)
    }

    func signal() {
        shareledger_event_signal(number)
    }

    func clear() {
        shareledger_event_clear(number)
    }
}
