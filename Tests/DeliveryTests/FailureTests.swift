import Delivery
import Foundation
import HTTPClient
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Partners that do not even speak HTTP properly.
@Suite(.schema, .timeLimit(.minutes(5)))
struct FailureTests {
    @Test(arguments: [
        // A 2xx was seen: whatever follows, the message was taken.
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ncut off", EventType.attemptSucceeded, "delivered"),
        (
            "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nrubbish", .attemptSucceeded,
            "delivered"
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", .attemptSucceeded, "delivered"),
        // Another status that breaks off says too little to park.
        ("HTTP/1.1 422 No\r\nContent-Length: 1000\r\n\r\ncut off", .attemptFailed, "retry"),
        ("HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\ncut off", .attemptFailed, "retry"),
        // Nothing that could be read: it may have arrived.
        ("SSH-2.0-OpenSSH_9.2\r\n", .attemptUnknown, "retry"),
        ("", .attemptUnknown, "retry"),
        ("HTTP/1.1 100 Continue\r\n\r\n", .attemptUnknown, "retry"),
    ])
    func `an answer that breaks off counts by its status line`(answer: String, type: EventType, finding: String)
        async throws
    {
        let partner = try RawPartner(answer: answer)
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            let ends = try await ledger.events(type, count: 1)
            #expect(ends[0].text(.facts).contains(#""class":"\#(finding)""#))
        }
        #expect(try await ledger.events(.attemptBegun).count == 1)
        await ledger.close()
    }
}

/// Reads a request and answers with fixed bytes, then closes; on a thread of its own.
final class RawPartner: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init(answer: String) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = unsafe bind(descriptor, generic, length)
                _ = unsafe getsockname(descriptor, generic, &length)
            }
        }
        listen(descriptor, 16)
        port = UInt16(bigEndian: address.sin_port)
        let bytes = Array(answer.utf8)
        let thread = Thread { @Sendable in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                var buffer = [UInt8](repeating: 0, count: 65_536)
                _ = unsafe recv(connection, &buffer, buffer.count, 0)
                _ = unsafe send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                shutdown(connection, Int32(SHUT_WR))
                _ = unsafe recv(connection, &buffer, buffer.count, 0)
                close(connection)
            }
        }
        thread.start()
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    var url: String { "http://127.0.0.1:\(port)/sharing" }
}
