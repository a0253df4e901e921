import Foundation
import Glibc
import Synchronization

/// A server on loopback that does with each connection exactly what a test says, byte by byte.
package final class RawServer: Sendable {
    /// On 127.0.0.1.
    package let port: UInt16
    private let listener: Int32
    private let received = Mutex<[[UInt8]]>([])
    private let accepted = Mutex<[Int32]>([])

    /// Listens; every connection is served on a thread of its own, numbered from 0.
    package init(_ serve: @escaping @Sendable (RawConnection) throws -> Void) throws {
        (listener, port) = try Self.listen(on: 0x7F00_0001, port: 0, backlog: 1_024)
        let listener = listener
        let server = Weak(self)
        Thread { @Sendable in
            defer { close(listener) }
            var number = 0
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0, let server = server.value else { return }
                server.accepted.withLock { $0.append(peer) }
                let connection = RawConnection(descriptor: peer, number: number) { request in
                    server.received.withLock { $0.append(request) }
                }
                number += 1
                Thread { @Sendable in
                    connection.prepare()
                    // A peer that goes away is what many tests are about.
                    try? serve(connection)
                    connection.end()
                }.start()
            }
        }.start()
    }

    deinit {
        // The accepting thread closes it, lest it accept on a descriptor that has been given out again.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Every request that was read in full or in part, in the order of reading.
    package var requests: [[UInt8]] { received.withLock { $0 } }

    /// The same as text.
    package var requestTexts: [String] { requests.map { String(decoding: $0, as: UTF8.self) } }

    /// Connections that were taken so far.
    package var connectionCount: Int { accepted.withLock { $0.count } }

    /// Makes a listening socket; any free port if `port` is 0.
    package static func listen(on address: UInt32, port: UInt16, backlog: Int32) throws -> (
        descriptor: Int32, port: UInt16
    ) {
        let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = address.bigEndian
        name.sin_port = port.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = unsafe withUnsafeMutablePointer(to: &name) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(listener, generic, length) == 0 && Glibc.listen(listener, backlog) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard isListening else { throw RawClient.ConnectError(code: errno) }
        return (listener, UInt16(bigEndian: name.sin_port))
    }

    private struct Weak: Sendable {
        weak let value: RawServer?
        init(_ value: RawServer) { self.value = value }
    }
}

/// One accepted connection.
package struct RawConnection: Sendable {
    /// The peer has gone.
    package struct Ended: Error {}

    /// Its socket.
    package let descriptor: Int32

    /// How many came before it.
    package let number: Int
    private let record: @Sendable ([UInt8]) -> Void

    init(descriptor: Int32, number: Int, record: @escaping @Sendable ([UInt8]) -> Void) {
        self.descriptor = descriptor
        self.number = number
        self.record = record
    }

    /// Bounds every wait, so that a test that goes wrong ends all the same.
    func prepare() {
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    }

    /// Reads a request with its body, whose length it must give; nil if the peer closed before it began.
    package func readRequest() throws -> [UInt8]? {
        var request: [UInt8] = []
        while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard let byte = try read(upTo: 1).first else {
                guard request.isEmpty else { throw Ended() }
                return nil
            }
            request.append(byte)
        }
        let head = String(decoding: request, as: UTF8.self).lowercased()
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
            .flatMap { Int($0.dropFirst(16)) }
        var left = length ?? 0
        while left > 0 {
            let piece = try read(upTo: left)
            guard !piece.isEmpty else { throw Ended() }
            request += piece
            left -= piece.count
        }
        record(request)
        return request
    }

    /// Reads some bytes; none if the peer has closed.
    package func read(upTo count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = unsafe recv(descriptor, &bytes, count, 0)
        guard got >= 0 else { throw Ended() }
        return Array(bytes.prefix(got))
    }

    /// Sends text as it is.
    package func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// Sends bytes as they are.
    package func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = unsafe rest.withUnsafeBytes { buffer in
                unsafe send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { throw Ended() }
            rest = rest.dropFirst(sent)
        }
    }

    /// Waits until the peer closes, reading whatever still comes.
    package func waitForClose() throws {
        while try !read(upTo: 4_096).isEmpty {}
    }

    /// Ends the connection with a reset rather than in order.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }

    fileprivate func end() {
        close(descriptor)
    }
}
