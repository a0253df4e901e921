import Glibc
import Synchronization

/// A client that sends exactly the bytes it is given.
///
/// Every wait ends after half a minute at the latest, as if the server had closed.
package final class RawClient: Sendable {
    private let descriptor: Int32
    private let received = Mutex<[UInt8]>([])
    private static let patience = Duration.seconds(30)

    /// Connects; throws ``ConnectError`` where nobody listens.
    ///
    /// - Parameter source: The own address, such as 127.0.0.2: all of 127.0.0.0/8 is this machine.
    package init(port: UInt16, host: String = "127.0.0.1", source: String? = nil) throws {
        let family = host.contains(":") ? AF_INET6 : AF_INET
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        guard source.map({ Self.bind(descriptor, $0) }) ?? true, Self.connect(descriptor, host, port) else {
            // The descriptor is closed by `deinit`, which runs for an initialiser that throws this late, too.
            throw ConnectError(code: errno)
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// A connection that was not taken.
    package struct ConnectError: Error {
        /// As in `errno`.
        package let code: Int32
    }

    deinit {
        close(descriptor)
    }

    private static func bind(_ descriptor: Int32, _ source: String) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        unsafe inet_pton(AF_INET, source, &address.sin_addr)
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Connects, which takes no time on loopback.
    private static func connect(_ descriptor: Int32, _ host: String, _ port: UInt16) -> Bool {
        if host.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            unsafe inet_pton(AF_INET6, host, &address.sin6_addr)
            return unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
                }
            }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, host, &address.sin_addr)
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

// MARK: - Sending

extension RawClient {
    /// Sends all bytes; false if the server has closed.
    @discardableResult package func send(_ bytes: [UInt8]) async -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                rest = rest.dropFirst(sent)
            } else {
                guard errno == EAGAIN else { return false }
                guard await Poller.shared.wait(descriptor, for: POLLOUT, atMost: Self.patience) else { return false }
            }
        }
        return true
    }

    /// Sends text as UTF-8; false if the server has closed.
    @discardableResult package func send(_ text: String) async -> Bool {
        await send(Array(text.utf8))
    }

    /// Says that nothing more will be sent.
    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Goes away without reading what it has asked for.
    package func abort() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}

// MARK: - Receiving

extension RawClient {
    /// One answer, its body decoded as UTF-8.
    package struct Answer: Sendable {
        /// The status code.
        package let status: Int

        /// The lines of the head after the first.
        package let headers: [String]

        /// As long as `Content-Length` says.
        package let body: String

        /// The value of a field; `nil` where it is missing.
        package func header(_ name: String) -> String? {
            headers.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { String($0.dropFirst(name.count + 1).trimmingPrefix(" ")) }
        }
    }

    /// Sends a GET and receives its answer.
    package func ask(_ target: String) async -> Answer? {
        await send("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
        return await receive()
    }

    /// Watches the connection for a while; false as soon as something arrives or the server closes it.
    package func isOpen(for duration: Duration) async -> Bool {
        await !Poller.shared.wait(descriptor, for: POLLIN, atMost: duration)
    }

    /// Everything until the server closes.
    package func receiveAll() async -> String {
        while await receiveMore() {}
        return String(decoding: take { $0.count } ?? [], as: UTF8.self)
    }

    /// The next answer, or nil if the server closes before it is complete.
    package func receive(toHead: Bool = false) async -> Answer? {
        var head: [UInt8]?
        while true {
            head = take { bytes in
                let end: [UInt8] = [13, 10, 13, 10]
                return bytes.indices.first { bytes[$0...].starts(with: end) }.map { $0 + end.count }
            }
            if head != nil { break }
            guard await receiveMore() else { return nil }
        }
        let lines = String(decoding: head ?? [], as: UTF8.self).split(separator: "\r\n").map(String.init)
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        let answer = Answer(status: status, headers: Array(lines.dropFirst()), body: "")
        let count = toHead ? 0 : answer.header("Content-Length").flatMap { Int($0) } ?? 0
        while true {
            if let body = take({ $0.count >= count ? count : nil }) {
                return Answer(status: status, headers: answer.headers, body: String(decoding: body, as: UTF8.self))
            }
            guard await receiveMore() else { return nil }
        }
    }

    /// Takes so many of the bytes received as the closure says, or nothing.
    private func take(_ count: ([UInt8]) -> Int?) -> [UInt8]? {
        received.withLock { received in
            guard let count = count(received) else { return nil }
            defer { received.removeFirst(count) }
            return Array(received.prefix(count))
        }
    }

    private func receiveMore() async -> Bool {
        while true {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                received.withLock { $0 += buffer.prefix(count) }
                return true
            }
            guard count < 0, errno == EAGAIN else { return false }
            guard await Poller.shared.wait(descriptor, for: POLLIN, atMost: Self.patience) else { return false }
        }
    }
}
