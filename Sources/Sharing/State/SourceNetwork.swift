import Glibc

/// Tells by what a source is counted: whoever has one IPv6 address has all of its /64.
package enum SourceNetwork {
    /// The /64 of an IPv6 address, the IPv4 address in a mapped one, and anything else as it is.
    package static func of(_ source: String) -> String {
        var address = in6_addr()
        guard source.utf8.contains(UInt8(ascii: ":")), unsafe inet_pton(AF_INET6, source, &address) == 1 else {
            return source
        }
        let octets = unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
        if octets[..<10].allSatisfy({ $0 == 0 }), octets[10] == 0xFF, octets[11] == 0xFF {
            return octets[12...].map { "\($0)" }.joined(separator: ".")
        }
        let groups = stride(from: 0, to: 8, by: 2).map { UInt16(octets[$0]) << 8 | UInt16(octets[$0 + 1]) }
        return groups.map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }
}
