/// The head of a request, checked: only one reading of it is possible.
struct RequestHead: Sendable {
    let method: String
    let target: String
    let version: HTTPRequest.Version
    let headers: HTTPHeaders
    let framing: Framing

    /// How the end of the body is found.
    enum Framing: Sendable, Hashable {
        /// By `Content-Length`, or 0 without one.
        case length(UInt64)
        case chunked
    }

    /// - Throws: the first reason for which two readers could understand this head differently.
    init(
        method: String,
        target: String,
        version: HTTPRequest.Version,
        headers: HTTPHeaders,
    ) throws(HTTPRefusal) {
        guard ASCII.isToken(method.utf8) else { throw .invalidMethod }
        // An absolute form names a host beside `Host`, and only proxies are sent one.
        guard target.utf8.first == UInt8(ascii: "/") || target == "*", target.utf8.allSatisfy(ASCII.isTarget) else {
            throw .invalidTarget
        }
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        framing = try Self.framing(of: headers, version)
    }
}

// MARK: - Fields that decide

extension RequestHead {
    /// Checks every field in one pass and notes those that frame the message.
    private static func framing(
        of headers: HTTPHeaders,
        _ version: HTTPRequest.Version,
    ) throws(HTTPRefusal) -> Framing {
        var hosts = 0
        var length: ArraySlice<UInt8>?
        var coding: ArraySlice<UInt8>?
        for field in headers {
            guard ASCII.isToken(field.nameBytes) else { throw .invalidFieldName }
            guard field.valueBytes.allSatisfy(ASCII.isFieldValue) else { throw .invalidFieldValue }
            switch field.nameBytes.count {
            case 4 where ASCII.equalIgnoringCase(field.nameBytes, "host"):
                hosts += 1
            case 14 where ASCII.equalIgnoringCase(field.nameBytes, "content-length"):
                guard length == nil else { throw .ambiguousLength }
                length = field.valueBytes
            case 17 where ASCII.equalIgnoringCase(field.nameBytes, "transfer-encoding"):
                guard coding == nil else { throw .unknownTransferEncoding }
                coding = field.valueBytes
            default: break
            }
        }
        guard hosts == 1 || (hosts == 0 && version == .http10) else { throw .ambiguousHost }
        guard let coding else { return .length(try byteCount(length)) }
        guard length == nil else { throw .ambiguousLength }
        guard version == .http11, ASCII.equalIgnoringCase(coding, "chunked") else { throw .unknownTransferEncoding }
        return .chunked
    }

    private static func byteCount(_ digits: ArraySlice<UInt8>?) throws(HTTPRefusal) -> UInt64 {
        guard let digits else { return 0 }
        var count: UInt64 = 0
        guard !digits.isEmpty else { throw .ambiguousLength }
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { throw .ambiguousLength }
            let (product, overflow) = count.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw .ambiguousLength }
            count = sum
        }
        return count
    }
}
