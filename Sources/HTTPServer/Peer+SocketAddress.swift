import CMicroHTTPD
import Glibc

extension HTTPRequest.Peer {
    /// Reads an IPv4 or IPv6 address; nil for any other family.
    init?(_ address: UnsafePointer<sockaddr>) {
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            self = unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                var host = unsafe address.pointee.sin_addr
                return unsafe Self(
                    address: Self.text(AF_INET, &host),
                    port: UInt16(bigEndian: address.pointee.sin_port)
                )
            }
        case AF_INET6:
            self = unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                var host = unsafe address.pointee.sin6_addr
                return unsafe Self(
                    address: Self.text(AF_INET6, &host),
                    port: UInt16(bigEndian: address.pointee.sin6_port)
                )
            }
        default:
            return nil
        }
    }

    /// The /64 of an IPv6 address; anything else as it is.
    static func network(of address: String) -> String {
        var host = in6_addr()
        guard address.utf8.contains(UInt8(ascii: ":")), unsafe inet_pton(AF_INET6, address, &host) == 1 else {
            return address
        }
        unsafe withUnsafeMutableBytes(of: &host) { octets in
            for index in 8..<16 { unsafe octets[index] = 0 }
        }
        return unsafe text(AF_INET6, &host) + "/64"
    }

    private static func text(_ family: Int32, _ host: UnsafeRawPointer) -> String {
        let text = unsafe String(unsafeUninitializedCapacity: Int(INET6_ADDRSTRLEN)) { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) { buffer in
                guard let base = buffer.baseAddress,
                    let end = unsafe inet_ntop(family, host, base, socklen_t(buffer.count))
                else { return 0 }
                return unsafe strlen(end)
            }
        }
        let mapped = "::ffff:"
        return text.hasPrefix(mapped) && text.contains(".") ? String(text.dropFirst(mapped.count)) : text
    }
}
