import CResolver
import Foundation
import Glibc
import HTTPClient
import Synchronization
import Testing

/// A name server on loopback that answers every question as it is told, and never the same for long.
final class NameServer: Sendable {
    private let descriptor: Int32
    let port: UInt16
    private let count = Mutex(0)

    /// - Parameter answers: The addresses of any name, by the number of the question, counted from 0 for each family.
    init(_ answers: @escaping @Sendable (Int) -> [IPAddress]) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &name) { [descriptor] pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        try #require(isBound, "errno \(errno)")
        port = UInt16(bigEndian: name.sin_port)
        let thread = Thread { @Sendable [descriptor, weak self] in
            var asked = (v4: 0, v6: 0)
            while let (question, peer) = Self.receive(on: descriptor) {
                guard let question = Question(question) else { continue }
                let number = question.isForIPv6 ? asked.v6 : asked.v4
                if question.isForIPv6 { asked.v6 += 1 } else { asked.v4 += 1 }
                if !question.isForIPv6 { self?.count.withLock { $0 += 1 } }
                Self.send(question.answer(answers(number)), to: peer, on: descriptor)
            }
            close(descriptor)
        }
        thread.start()
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// How often it was asked for a name.
    var questionCount: Int { count.withLock { $0 } }

    /// The service's own resolver over the system's `getaddrinfo`, which asks this server and keeps no answer.
    var resolver: Resolver {
        var configuration = SystemResolver.Configuration()
        configuration.freshness = .zero
        configuration.blockingLookUp = { [port] name in
            guard resolver_use_port(port) == 0 else { return .failed(.unavailable("no resolver")) }
            return SystemResolver.askSystem(name)
        }
        return .system(configuration)
    }

    // MARK: Datagrams

    private static func receive(on descriptor: Int32) -> ([UInt8], sockaddr_in)? {
        var bytes = [UInt8](repeating: 0, count: 1_500)
        var peer = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = unsafe withUnsafeMutablePointer(to: &peer) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe recvfrom(descriptor, &bytes, bytes.count, 0, generic, &length)
            }
        }
        return count > 0 ? (Array(bytes.prefix(count)), peer) : nil
    }

    private static func send(_ bytes: [UInt8], to peer: sockaddr_in, on descriptor: Int32) {
        var peer = peer
        _ = unsafe withUnsafePointer(to: &peer) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe sendto(descriptor, bytes, bytes.count, 0, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A question for the addresses of a name, RFC 1035.
    private struct Question {
        let isForIPv6: Bool
        private let id: ArraySlice<UInt8>

        /// Name, type and class as they were asked.
        private let text: ArraySlice<UInt8>

        init?(_ bytes: [UInt8]) {
            guard bytes.count > 16 else { return nil }
            var end = 12
            while end < bytes.count, bytes[end] != 0 { end += Int(bytes[end]) + 1 }
            guard end + 5 <= bytes.count else { return nil }
            id = bytes[0..<2]
            text = bytes[12..<(end + 5)]
            isForIPv6 = bytes[end + 2] == 28
        }

        /// All addresses of the family that was asked for, to be forgotten at once.
        func answer(_ addresses: [IPAddress]) -> [UInt8] {
            let answers = addresses.map(\.octets).filter { ($0.count == 16) == isForIPv6 }
            var bytes = id + [0x81, 0x80, 0, 1, 0, UInt8(answers.count), 0, 0, 0, 0] + text
            for octets in answers {
                bytes += [0xC0, 12, 0, isForIPv6 ? 28 : 1, 0, 1, 0, 0, 0, 0, 0, UInt8(octets.count)] + octets
            }
            return Array(bytes)
        }
    }
}
