/// The parts of a base URL, taken apart strictly by RFC 3986: what two readers could understand differently is refused.
struct BaseURLParts {
    let isSecure: Bool
    let host: String
    let port: Int
    let path: String

    init(_ text: String) throws(BaseURLFault) {
        let bytes = Array(text.utf8)
        guard bytes.count <= BaseURL.longest else { throw .tooLong }
        guard bytes.allSatisfy({ 0x21...0x7E ~= $0 && !Self.forbidden.contains($0) }) else { throw .forbiddenCharacter }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            bytes[colon...].starts(with: [UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "/")])
        else { throw .scheme }
        switch Self.lowercased(bytes[..<colon]) {
        case "http": isSecure = false
        case "https": isSecure = true
        default: throw .scheme
        }
        let rest = bytes[(colon + 3)...]
        guard !rest.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else { throw .query }
        let pathStart = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        let authority = rest[..<pathStart]
        guard !authority.contains(UInt8(ascii: "@")) else { throw .user }
        (host, port) = try Self.hostAndPort(authority, defaultPort: isSecure ? 443 : 80)
        path = try Self.path(rest[pathStart...])
    }

    private static let forbidden = Array("\"<>\\^`{|}".utf8)

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || 0x61...0x66 ~= byte | 0x20
    }
}

// MARK: - Authority

extension BaseURLParts {
    private static func hostAndPort(
        _ authority: ArraySlice<UInt8>,
        defaultPort: Int,
    ) throws(BaseURLFault) -> (host: String, port: Int) {
        let host: ArraySlice<UInt8>
        let rest: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")) else { throw .host }
            host = authority[(authority.startIndex + 1)..<bracket]
            rest = authority[(bracket + 1)...]
            guard isIPv6(host) else { throw .host }
        } else {
            let colon = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
            host = authority[..<colon]
            rest = authority[colon...]
            guard isName(host) else { throw .host }
        }
        return (lowercased(host), try port(rest) ?? defaultPort)
    }

    private static func port(_ text: ArraySlice<UInt8>) throws(BaseURLFault) -> Int? {
        guard !text.isEmpty else { return nil }
        let digits = text.dropFirst()
        guard text.first == UInt8(ascii: ":"), 1...5 ~= digits.count, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else {
            throw .port
        }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard 1...65_535 ~= port else { throw .port }
        return port
    }

    /// Only the look of an address: whether it is one, whoever connects to it finds out.
    private static func isIPv6(_ host: ArraySlice<UInt8>) -> Bool {
        2...45 ~= host.count && host.contains(UInt8(ascii: ":"))
            && host.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
    }

    /// Whether these are dot-separated labels of letters, digits, hyphens and underscores, as resolvers take them.
    private static func isName(_ host: ArraySlice<UInt8>) -> Bool {
        guard 1...253 ~= host.count else { return false }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            1...63 ~= label.count && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    0x30...0x39 ~= byte || 0x61...0x7A ~= byte | 0x20 || byte == UInt8(ascii: "-")
                        || byte == UInt8(ascii: "_")
                }
        }
    }
}

// MARK: - Path

extension BaseURLParts {
    private static func path(_ text: ArraySlice<UInt8>) throws(BaseURLFault) -> String {
        guard !text.contains(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }) else {
            throw .forbiddenCharacter
        }
        for segment in text.split(separator: UInt8(ascii: "/")) {
            let dots = try dotCount(segment)
            guard dots != 1, dots != 2 else { throw .path }
        }
        let end = text.lastIndex { $0 != UInt8(ascii: "/") }.map { $0 + 1 } ?? text.startIndex
        return String(decoding: text[..<end], as: UTF8.self)
    }

    /// How many dots a segment consists of, plain or escaped; `nil` where it holds anything else.
    private static func dotCount(_ segment: ArraySlice<UInt8>) throws(BaseURLFault) -> Int? {
        var dots: Int? = 0
        var rest = segment
        while let byte = rest.popFirst() {
            var isDot = byte == UInt8(ascii: ".")
            if byte == UInt8(ascii: "%") {
                let digits = rest.prefix(2)
                guard digits.count == 2, digits.allSatisfy(isHexDigit) else { throw .path }
                isDot = lowercased(digits) == "2e"
                rest = rest.dropFirst(2)
            }
            dots = isDot ? dots.map { $0 + 1 } : nil
        }
        return dots
    }
}
