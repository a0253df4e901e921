import Glibc

/// The addresses of this machine's interfaces.
package enum LocalAddresses {
    /// Asks the system; empty if it does not say, in which case only loopback is known to be local.
    package static let current: @Sendable () -> Set<IPAddress> = {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&head) == 0 else { return [] }
        defer { unsafe freeifaddrs(head) }
        var addresses: Set<IPAddress> = []
        var next = unsafe head
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ifa_addr, let local = unsafe IPAddress(socketAddress: address) {
                addresses.insert(local)
            }
            unsafe next = entry.pointee.ifa_next
        }
        return addresses
    }
}

extension IPAddress {
    /// Reads an `AF_INET` or `AF_INET6` socket address; nil for other families.
    @unsafe init?(socketAddress: UnsafePointer<sockaddr>) {
        let raw = unsafe UnsafeRawPointer(socketAddress)
        switch unsafe Int32(socketAddress.pointee.sa_family) {
        case AF_INET:
            let peer = unsafe raw.loadUnaligned(as: sockaddr_in.self)
            self.init(v4: UInt32(bigEndian: peer.sin_addr.s_addr))
        case AF_INET6:
            let peer = unsafe raw.loadUnaligned(as: sockaddr_in6.self)
            let octets = unsafe withUnsafeBytes(of: peer.sin6_addr) { unsafe [UInt8]($0) }
            self.init(octets: octets)
        default:
            return nil
        }
    }
}
