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
