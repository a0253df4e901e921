import Glibc

/// A port of 127.0.0.1 on which nobody listens, and which nobody else gets as long as this is there.
package final class SilentPort: Sendable {
    package let number: UInt16
    private let descriptor: Int32

    package init() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // Whoever asks for this very port may listen on it beside us.
        var one: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe (bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0)
            }
        }
        precondition(isBound, "a port of 127.0.0.1 can be had")
        number = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        close(descriptor)
    }

    /// A base URL there.
    package var url: String { "http://127.0.0.1:\(number)/sharing" }
}
