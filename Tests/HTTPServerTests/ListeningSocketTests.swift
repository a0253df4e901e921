import HTTPServer
import TestPeers
import Testing

@Suite struct ListeningSocketTests {
    @Test func `a name is bound to its address, and port 0 to a free one`() throws {
        let socket = try ListeningSocket.bind(host: "localhost", port: 0)
        #expect(["127.0.0.1", "::1"].contains(socket.host))
        #expect(socket.port > 0)
    }

    @Test func `a port that is taken is named, with what to do`() throws {
        let first = try ListeningSocket.bind(host: "127.0.0.1", port: 0)
        let error = try #require(throws: ListeningSocketError.self) {
            _ = try ListeningSocket.bind(host: "127.0.0.1", port: first.port)
        }
        #expect(
            error.description
                == "port \(first.port) on 127.0.0.1 is in use by another program; stop that one or choose another port"
        )
    }

    @Test func `a port is free again when its socket has gone`() throws {
        let port = try ListeningSocket.bind(host: "127.0.0.1", port: 0).port
        #expect(try ListeningSocket.bind(host: "127.0.0.1", port: port).port == port)
    }

    @Test func `an address of another machine is named as such`() throws {
        let error = try #require(throws: ListeningSocketError.self) {
            _ = try ListeningSocket.bind(host: "192.0.2.1", port: 0)
        }
        #expect(error.description == "192.0.2.1 is not an address of this machine")
    }

    @Test func `a name that stands for nothing is named as such`() throws {
        let error = try #require(throws: ListeningSocketError.self) {
            _ = try ListeningSocket.bind(host: "not a name", port: 0)
        }
        #expect(error.description.hasPrefix("cannot listen on not a name: the name is unknown"))
    }

    @Test func `an IPv4 client of a socket for all addresses is known by its IPv4 address`() async throws {
        let server = try TestServer(host: "::")
        #expect(try await server.client().ask("/x")?.status == 200)
        #expect(server.seen.all.first?.peer.address == "127.0.0.1")
        await server.stop()
    }
}

@Suite struct PeerTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "::/64"), ("", ""),
        ("no:address", "no:address"),
    ])
    func `connections are counted by address, of IPv6 by network`(address: String, network: String) {
        #expect(HTTPRequest.Peer(address: address, port: 7).network == network)
    }
}
