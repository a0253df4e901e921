import Foundation
import Synchronization
import Testing

/// Stands between a session and the server, and fails on demand in ways a server does not.
///
/// Blocking sockets and a thread a direction, which end when either side closes.
final class TestProxy: Sendable {
    enum Fault: Sendable {
        case none
        /// Lets a client's bytes with this text through, and closes the connection on the server's answer.
        case closeOnAnswer(to: String)
        /// Passes nothing on from the moment the client sends this text.
        case stall(on: String)
    }

    let directory: String
    private let listener: Int32
    private let server: String
    private let fault: Mutex<Fault>
    private let sockets = Mutex<[Int32]>([])

    /// Listens in a directory of its own; with `accepts` false nobody ever answers.
    init(to server: String, fault: Fault = .none, accepts: Bool = true) throws {
        self.server = server
        self.fault = Mutex(fault)
        directory = "/tmp/slproxy-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let path = directory + "/.s.PGSQL.5432"
        let bound = unsafe Self.withAddress(path) { unsafe bind(listener, $0, $1) }
        try #require(bound == 0)
        try #require(listen(listener, 16) == 0)
        if accepts { Thread.detachNewThread { @Sendable [self] in accept() } }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        for socket in sockets.withLock({ $0 }) { shutdown(socket, Int32(SHUT_RDWR)) }
        // A directory that stays does no harm.
        try? FileManager.default.removeItem(atPath: directory)
    }

    private func accept() {
        while true {
            let client = Foundation.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let upstream = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard unsafe Self.withAddress(server + "/.s.PGSQL.5432", { unsafe connect(upstream, $0, $1) }) == 0 else {
                return
            }
            sockets.withLock { $0 += [client, upstream] }
            let answerEnds = OneWayFlag()
            Thread.detachNewThread { @Sendable [self] in
                pump(from: client, to: upstream) { bytes in
                    switch fault.withLock({ $0 }) {
                    case .none: return true
                    case .closeOnAnswer(let text):
                        if bytes.contains(text) { answerEnds.set() }
                        return true
                    case .stall(let text):
                        if bytes.contains(text) { answerEnds.set() }
                        return !answerEnds.isSet
                    }
                }
            }
            Thread.detachNewThread { @Sendable [self] in
                pump(from: upstream, to: client) { _ in
                    guard answerEnds.isSet else { return true }
                    if case .closeOnAnswer = fault.withLock({ $0 }) {
                        shutdown(client, Int32(SHUT_RDWR))
                        shutdown(upstream, Int32(SHUT_RDWR))
                    }
                    return false
                }
            }
        }
    }

    private func pump(from source: Int32, to target: Int32, _ passes: (String) -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe read(source, &buffer, buffer.count)
            guard count > 0 else { break }
            // Latin 1, so that any bytes can be searched.
            let text = String(String.UnicodeScalarView(buffer.prefix(count).map { Unicode.Scalar($0) }))
            guard passes(text) else { continue }
            var sent = 0
            while sent < count {
                let written = unsafe buffer.withUnsafeBytes { bytes in
                    unsafe send(target, bytes.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { break }
                sent += written
            }
        }
        shutdown(target, Int32(SHUT_RDWR))
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// A flag that is set once.
private final class OneWayFlag: Sendable {
    private let flag = Mutex(false)

    func set() { flag.withLock { $0 = true } }

    var isSet: Bool { flag.withLock { $0 } }
}
