/// Why an address is not one of the public Internet.
package struct SpecialPurpose: Hashable, Sendable, CustomStringConvertible {
    /// The registry's name for the block.
    package let name: String

    /// Whether hosts of an inner network really have such addresses, so that an operator may allow them.
    package let isInner: Bool

    /// The block's name alone.
    package var description: String { name }
}

extension IPAddress {
    /// Whether a host of the public Internet can have this address.
    ///
    /// False for everything in IANA's special-purpose registries that is not marked globally reachable, for multicast,
    /// for IPv6 outside 2000::/3, and for an address that carries an IPv4 address which is itself not global.
    package var isGlobal: Bool { specialPurpose == nil }

    /// The reserved block that the address, or the IPv4 address inside it, lies in; nil for a global address.
    package var specialPurpose: SpecialPurpose? {
        if let row = Self.specialBlocks.first(where: { $0.block.contains(self) }) {
            return row.purpose
        }
        if let embedded {
            return embedded.specialPurpose
        }
        if family == .v6, !Self.globalUnicast.contains(self) {
            return SpecialPurpose(name: "not allocated for global unicast", isInner: false)
        }
        return nil
    }

    /// The IPv4 address inside an IPv4-mapped, IPv4-compatible, NAT64, 6to4 or Teredo address.
    package var embedded: IPAddress? {
        // The unspecified and the loopback address look like IPv4-compatible ones, and are not.
        guard family == .v6, bits > 1,
            let (_, shift, isInverted) = Self.carriers.first(where: { $0.block.contains(self) })
        else { return nil }
        let carried = UInt32(truncatingIfNeeded: bits >> UInt128(shift))
        return IPAddress(v4: isInverted ? ~carried : carried)
    }
}

// MARK: - Registries

extension IPAddress {
    /// The only part of IPv6 from which global unicast addresses are given out (RFC 4291, IANA's IPv6 address space).
    private static let globalUnicast = block("2000::/3")

    /// Blocks that are not global, the narrower before the wider.
    ///
    /// From IANA's "IPv4 Special-Purpose Address Registry" and "IPv6 Special-Purpose Address Registry" (RFC 6890 and
    /// its successors) and the multicast registries. The blocks that they mark globally reachable (AS112, AMT) are
    /// left out, except for the anycast service addresses inside 192.0.0.0/24 and 2001::/23, where no web server
    /// can be. 64:ff9b::/96 is left out too: it is as global as the IPv4 address inside.
    private static let specialBlocks: [(block: AddressBlock, purpose: SpecialPurpose)] =
        [
            ("0.0.0.0/8", "this network", false),
            ("10.0.0.0/8", "private use", true),
            ("100.64.0.0/10", "shared address space", true),
            ("127.0.0.0/8", "loopback", true),
            // Also where clouds serve credentials to whoever asks: not even an operator's exception opens it.
            ("169.254.0.0/16", "link-local", false),
            ("172.16.0.0/12", "private use", true),
            ("192.0.0.0/24", "IETF protocol assignments", false),
            ("192.0.2.0/24", "documentation", false),
            ("192.88.99.0/24", "6to4 relay anycast", false),
            ("192.168.0.0/16", "private use", true),
            ("198.18.0.0/15", "benchmarking", true),
            ("198.51.100.0/24", "documentation", false),
            ("203.0.113.0/24", "documentation", false),
            ("224.0.0.0/4", "multicast", false),
            ("255.255.255.255/32", "limited broadcast", false),
            ("240.0.0.0/4", "reserved", false),
            ("::/128", "unspecified", false),
            ("::1/128", "loopback", true),
            ("::/96", "IPv4-compatible", false),
            ("::ffff:0:0/96", "IPv4-mapped", false),
            ("64:ff9b:1::/48", "local-use IPv4/IPv6 translation", true),
            ("100::/64", "discard-only", false),
            ("100:0:0:1::/64", "dummy prefix", false),
            ("2001::/32", "Teredo", false),
            ("2001:2::/48", "benchmarking", true),
            ("2001:10::/28", "ORCHID", false),
            ("2001:20::/28", "ORCHIDv2", false),
            ("2001:30::/28", "drone remote identification", false),
            ("2001::/23", "IETF protocol assignments", false),
            ("2001:db8::/32", "documentation", false),
            ("2002::/16", "6to4", false),
            ("3fff::/20", "documentation", false),
            ("5f00::/16", "segment routing identifiers", false),
            ("fc00::/7", "unique local", true),
            ("fe80::/10", "link-local", false),
            ("fec0::/10", "site-local", false),
            ("ff00::/8", "multicast", false),
        ]
        .map { (block($0.0), SpecialPurpose(name: $0.1, isInner: $0.2)) }

    /// Where an IPv4 address stands inside an IPv6 one: how far from the right, and whether its bits are flipped.
    private static let carriers: [(block: AddressBlock, shift: Int, isInverted: Bool)] = [
        (block("::ffff:0:0/96"), 0, false),
        (block("::/96"), 0, false),
        (block("64:ff9b::/96"), 0, false),
        (block("64:ff9b:1::/48"), 0, false),
        (block("2002::/16"), 80, false),
        (block("2001::/32"), 0, true),
    ]

    private static func block(_ text: String) -> AddressBlock {
        guard let block = AddressBlock(text) else { preconditionFailure("malformed address block \(text)") }
        return block
    }
}
