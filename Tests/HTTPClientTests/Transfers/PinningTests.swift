import CCurl
import Glibc
import HTTPClient
import Testing

@Suite struct PinningTests {
    /// Asks for a socket to `actual` where `expected` was vetted.
    private func open(_ actual: IPAddress, port: UInt16 = 443, expected: IPAddress) -> curl_socket_t {
        var storage = [UInt8](repeating: 0, count: MemoryLayout<curl_sockaddr>.size + MemoryLayout<sockaddr_in6>.size)
        return unsafe storage.withUnsafeMutableBytes { buffer in
            let address = unsafe buffer.bindMemory(to: curl_sockaddr.self).baseAddress!
            unsafe address.pointee.socktype = Int32(SOCK_STREAM.rawValue)
            let start = MemoryLayout<curl_sockaddr>.offset(of: \.addr)!
            let octets = actual.octets
            if actual.family == .v4 {
                unsafe address.pointee.family = AF_INET
                unsafe address.pointee.addrlen = UInt32(MemoryLayout<sockaddr_in>.size)
                var name = sockaddr_in()
                name.sin_family = sa_family_t(AF_INET)
                name.sin_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &name.sin_addr) { unsafe $0.copyBytes(from: octets) }
                unsafe buffer.storeBytes(of: name, toByteOffset: start, as: sockaddr_in.self)
            } else {
                unsafe address.pointee.family = AF_INET6
                unsafe address.pointee.addrlen = UInt32(MemoryLayout<sockaddr_in6>.size)
                var name = sockaddr_in6()
                name.sin6_family = sa_family_t(AF_INET6)
                name.sin6_port = port.bigEndian
                unsafe withUnsafeMutableBytes(of: &name.sin6_addr) { unsafe $0.copyBytes(from: octets) }
                unsafe buffer.storeBytes(of: name, toByteOffset: start, as: sockaddr_in6.self)
            }
            let vetted = expected.octets
            return unsafe shareledger_curl_open_expected(address, vetted, vetted.count, 443)
        }
    }

    @Test func `a socket is opened for the vetted address alone`() throws {
        let addresses = try ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::2"]
            .map { try #require(IPAddress($0)) }
        for actual in addresses {
            for expected in addresses {
                let descriptor = open(actual, expected: expected)
                // A machine without IPv6 opens no socket of that family.
                #expect((descriptor >= 0) == (actual == expected) || actual.family == .v6 && actual == expected)
                if descriptor >= 0 {
                    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                    close(descriptor)
                }
            }
            #expect(open(actual, port: 80, expected: actual) == -1)
        }
    }
}
