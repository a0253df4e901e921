import Glibc

/// An IPv4 or IPv6 address without zone, compared by value.
///
/// An IPv4-mapped IPv6 address is *not* equal to the IPv4 address inside it: sockets treat them as different peers.
/// ``embedded`` shows what is inside.
package struct IPAddress: Hashable, Sendable {
    /// Which protocol the address belongs to.
    package enum Family: Hashable, Sendable {
        case v4
        case v6
    }

    /// Which protocol the address belongs to.
    package let family: Family

    /// The address as a number; an IPv4 address fills the low 32 bits.
    let bits: UInt128

    private init(family: Family, bits: UInt128) {
        self.family = family
        self.bits = bits
    }

    /// Takes an IPv4 address as a number, most significant octet first.
    package init(v4 bits: UInt32) {
        self.init(family: .v4, bits: UInt128(bits))
    }

    /// Takes an IPv6 address as a number, most significant octet first.
    package init(v6 bits: UInt128) {
        self.init(family: .v6, bits: bits)
    }

    /// Takes 4 or 16 octets in network order; nil for any other count.
    package init?(octets: some Collection<UInt8>) {
        let bits = octets.reduce(0 as UInt128) { $0 &<< 8 | UInt128($1) }
        switch octets.count {
        case 4: self.init(family: .v4, bits: bits)
        case 16: self.init(family: .v6, bits: bits)
        default: return nil
        }
    }

    /// Reads strict dotted-quad or RFC 4291 text; nil for anything else, such as `127.1`, `0x7f.0.0.1` or a zone.
    package init?(_ text: String) {
        var octets = [UInt8](repeating: 0, count: 16)
        let isV6 = text.utf8.contains(UInt8(ascii: ":"))
        // inet_pton stops at a NUL, so one inside the text must not reach it.
        guard !text.utf8.contains(0),
            unsafe inet_pton(isV6 ? AF_INET6 : AF_INET, text, &octets) == 1
        else { return nil }
        self.init(octets: octets.prefix(isV6 ? 16 : 4))
    }

    /// 4 or 16 octets in network order.
    package var octets: [UInt8] {
        let count = family == .v4 ? 4 : 16
        return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128(8 * (count - 1 - $0))) }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted quad, or the RFC 5952 form without brackets.
    package var description: String {
        var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let octets = octets
        let family = family == .v4 ? AF_INET : AF_INET6
        unsafe text.withUnsafeMutableBytes { buffer in
            _ = unsafe inet_ntop(
                family,
                octets,
                buffer.bindMemory(to: CChar.self).baseAddress,
                socklen_t(INET6_ADDRSTRLEN),
            )
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
}

/// An address and a port, such as one that we listen on.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The address alone.
    package let address: IPAddress
    /// 1 to 65535 for a target; 0 has no meaning here.
    package let port: UInt16

    /// Joins an address and a port.
    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `192.0.2.1:443` or `[2001:db8::1]:443`.
    package var description: String {
        address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

/// A block of addresses in prefix notation.
struct AddressBlock: Hashable, Sendable {
    let first: IPAddress

    /// The bits in which the block's addresses differ.
    private let hostMask: UInt128

    /// Reads `10.0.0.0/8` or `fc00::/7`; nil if malformed or if bits beyond the prefix are set.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPAddress(String(parts[0])), let length = Int(parts[1]) else { return nil }
        let width = first.family == .v4 ? 32 : 128
        guard (0...width).contains(length) else { return nil }
        self.first = first
        hostMask = length == 0 && width == 128 ? .max : (1 as UInt128) << UInt128(width - length) - 1
        guard first.bits & hostMask == 0 else { return nil }
    }

    /// Whether the address lies in the block; never true across families.
    func contains(_ address: IPAddress) -> Bool {
        address.family == first.family && address.bits & ~hostMask == first.bits
    }
}
