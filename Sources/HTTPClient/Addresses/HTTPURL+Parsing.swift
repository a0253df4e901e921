import CCurl

extension HTTPURL {
    /// Why a text is not taken as a URL.
    package enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case tooLong
        case unsupportedScheme
        case userInfo
        case fragment
        case forbiddenCharacter
        case notASCII
        case emptyHost
        case malformedHost
        case numericHost
        case malformedPort
        case malformedPercent
        case queryInBase
        case ambiguous

        /// Says what is wrong, and never repeats the text, which may hold a password.
        package var description: String {
            switch self {
            case .tooLong: "the URL is longer than \(HTTPURL.maximumByteCount) bytes"
            case .unsupportedScheme: "the URL does not begin with http:// or https://"
            case .userInfo: "the URL contains a user name or password"
            case .fragment: "the URL contains a fragment (#)"
            case .forbiddenCharacter: "the URL contains a space, control or other character that RFC 3986 forbids"
            case .notASCII: "the URL is not ASCII: write its host in punycode (xn--…) and the rest as %XX"
            case .emptyHost: "the URL has no host"
            case .malformedHost: "the URL's host is neither a name nor an IP address"
            case .numericHost: "the URL's host is a number but not an IPv4 address in its usual form (192.0.2.1)"
            case .malformedPort: "the URL's port is not a plain number from 1 to 65535"
            case .malformedPercent: "the URL contains a percent sign without two hexadecimal digits"
            case .queryInBase: "a URL with a query cannot be a base URL"
            case .ambiguous: "the URL can be read in more than one way"
            }
        }
    }

    /// Reads a URL with libcurl's reader, and refuses what that or any other reader could take for something else.
    package init(_ text: String) throws(Refusal) {
        try Self.checkCharacters(text)
        let given = try GivenParts(text)
        let read = try ReadParts(text)
        // What libcurl understood must be what stands there: it rewrites hosts such as 127.1 or 0x7f000001.
        guard given.scheme == read.scheme, given.path == read.path || given.path.isEmpty && read.path == "/",
            given.query == read.query || given.query == "" && read.query == nil
        else { throw .ambiguous }
        let host = try HostName(given.host)
        guard try HostName(read.host) == host else { throw .ambiguous }
        guard read.port == given.port.map(String.init) else { throw .malformedPort }
        self.init(
            scheme: given.scheme,
            host: host.text,
            port: given.port ?? given.scheme.defaultPort,
            path: given.path,
            query: given.query,
            literalAddress: host.address,
        )
    }

    /// Refuses what no part of a URL may contain, and fragments.
    static func checkCharacters(_ text: String) throws(Refusal) {
        let bytes = Array(text.utf8)
        guard bytes.count <= maximumByteCount else { throw .tooLong }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 0x80...: throw .notASCII
            case UInt8(ascii: "#"): throw .fragment
            case ...0x20, 0x7F, UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"),
                UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
                throw .forbiddenCharacter
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, bytes[index + 1].isHexDigit, bytes[index + 2].isHexDigit else {
                    throw .malformedPercent
                }
            default: continue
            }
        }
    }
}

// MARK: - The two readings

/// The parts as they stand in the text, cut at the delimiters of RFC 3986.
private struct GivenParts {
    let scheme: HTTPURL.Scheme
    let host: Substring
    let port: UInt16?
    let path: String
    let query: String?

    init(_ text: String) throws(HTTPURL.Refusal) {
        let lowercased = text.prefix(8).lowercased()
        if lowercased.hasPrefix("https://") {
            scheme = .https
        } else if lowercased.hasPrefix("http://") {
            scheme = .http
        } else {
            throw .unsupportedScheme
        }
        let rest = text.dropFirst(scheme == .https ? 8 : 7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.isEmpty else { throw .emptyHost }
        guard !authority.contains("@") else { throw .userInfo }
        let pathAndQuery = rest[end...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = pathAndQuery.first.map(String.init) ?? ""
        query = pathAndQuery.count == 2 ? String(pathAndQuery[1]) : nil
        guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else {
            host = authority
            port = nil
            return
        }
        host = authority[..<colon]
        let digits = authority[authority.index(after: colon)...]
        // UInt16 alone would take "+80" and "080", which other readers refuse or read differently.
        guard let port = UInt16(digits), port > 0, String(port) == digits else { throw .malformedPort }
        self.port = port
    }
}

/// The parts as libcurl, which makes the connection, understands the text.
private struct ReadParts {
    let scheme: HTTPURL.Scheme
    let host: Substring
    let port: String?
    let path: String
    let query: String?

    init(_ text: String) throws(HTTPURL.Refusal) {
        guard let handle = unsafe curl_url() else { throw .malformedHost }
        defer { unsafe curl_url_cleanup(handle) }
        func part(_ which: CURLUPart) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(handle, which, &value, 0) == CURLUE_OK, let value = unsafe value else {
                return nil
            }
            defer { unsafe curl_free(value) }
            return unsafe String(cString: value)
        }
        switch unsafe curl_url_set(handle, CURLUPART_URL, text, UInt32(CURLU_PATH_AS_IS | CURLU_DISALLOW_USER)) {
        case CURLUE_OK: break
        case CURLUE_NO_HOST: throw .emptyHost
        case CURLUE_USER_NOT_ALLOWED: throw .userInfo
        case CURLUE_BAD_PORT_NUMBER: throw .malformedPort
        case CURLUE_UNSUPPORTED_SCHEME, CURLUE_BAD_SCHEME, CURLUE_BAD_SLASHES: throw .unsupportedScheme
        default: throw .malformedHost
        }
        guard let scheme = part(CURLUPART_SCHEME).flatMap(HTTPURL.Scheme.init(rawValue:)) else {
            throw .unsupportedScheme
        }
        guard let host = part(CURLUPART_HOST), let path = part(CURLUPART_PATH) else { throw .emptyHost }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else { throw .userInfo }
        guard part(CURLUPART_FRAGMENT) == nil else { throw .fragment }
        self.scheme = scheme
        self.host = Substring(host)
        self.port = part(CURLUPART_PORT)
        self.path = path
        self.query = part(CURLUPART_QUERY)
    }
}

// MARK: - Hosts

/// A host in its one spelling.
private struct HostName: Equatable {
    let text: String
    let address: IPAddress?

    init(_ given: Substring) throws(HTTPURL.Refusal) {
        guard !given.isEmpty else { throw .emptyHost }
        if given.first == "[" {
            guard given.last == "]", let address = IPAddress(String(given.dropFirst().dropLast())),
                address.family == .v6
            else { throw .malformedHost }
            self.text = "[\(address)]"
            self.address = address
            return
        }
        // One dot at the end says that a name is complete, which every name here is.
        let name = given.last == "." ? given.dropLast().lowercased() : given.lowercased()
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard !name.isEmpty else { throw .emptyHost }
        guard name.utf8.count <= 253, labels.allSatisfy(Self.isLabel) else { throw .malformedHost }
        if let last = labels.last, Self.isNumber(last) {
            guard let address = IPAddress(name), given.last != "." else { throw .numericHost }
            self.text = name
            self.address = address
        } else {
            self.text = name
            self.address = nil
        }
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy { $0.isLetter || $0.isDigit || $0 == hyphen || $0 == UInt8(ascii: "_") }
    }

    /// A last label of digits, or of hexadecimal digits after `0x`, makes some readers take the host for a number.
    private static func isNumber(_ label: Substring.UTF8View) -> Bool {
        label.allSatisfy(\.isDigit) || label.starts(with: "0x".utf8) && label.dropFirst(2).allSatisfy(\.isHexDigit)
    }
}
