import HTTPClient
import Testing

@Suite struct AddressPolicyTests {
    private func refusal(_ policy: AddressPolicy, _ texts: [String], port: UInt16 = 443) throws -> AddressRefusal? {
        let verdict = policy.vet(try texts.map { try #require(IPAddress($0)) }, port: port)
        switch verdict {
        case .allowed(let vetted):
            #expect(vetted.port == port)
            return nil
        case .refused(let refusal):
            return refusal
        }
    }

    @Test func `one refused answer refuses them all, and is named`() throws {
        #expect(try refusal(.publicOnly, ["8.8.8.8", "2606:4700::1111"]) == nil)
        let refusal = try #require(try refusal(.publicOnly, ["8.8.8.8", "10.0.0.1", "127.0.0.1"]))
        #expect(refusal.address == IPAddress("10.0.0.1"))
        #expect(refusal.description == "10.0.0.1 is not public (private use)")
    }

    @Test func `no answer is no permission`() throws {
        #expect(try refusal(.allowPrivate, [])?.reason == .noAddress)
    }

    @Test func `answers keep their order and lose their repetitions`() throws {
        let addresses = try ["8.8.8.8", "1.1.1.1", "8.8.8.8"].map { try #require(IPAddress($0)) }
        guard case .allowed(let vetted) = AddressPolicy.publicOnly.vet(addresses, port: 443) else {
            throw Unexpected("refused")
        }
        #expect(vetted.addresses == Array(addresses.prefix(2)))
    }

    @Test(arguments: ["10.0.0.1", "127.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1"])
    func `an operator's exception opens inner networks`(text: String) throws {
        #expect(try refusal(.publicOnly, [text]) != nil)
        #expect(try refusal(.allowPrivate, [text]) == nil)
    }

    @Test(arguments: [
        "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "::ffff:127.0.0.1", "::127.0.0.1",
        "ff02::1",
        "fe80::1", "2002:7f00:1::1", "64:ff9b::169.254.169.254", "64:ff9b:1::0.0.0.0",
    ])
    func `no exception opens what no host has`(text: String) throws {
        #expect(try refusal(.allowPrivate, [text]) != nil)
    }

    @Test func `our own listeners are never a target`() throws {
        let own = Endpoint(address: try #require(IPAddress("127.0.0.1")), port: 8411)
        let policy = AddressPolicy(.allowPrivate, excluding: [own], localAddresses: { [] })
        #expect(try refusal(policy, ["127.0.0.1"], port: 8411)?.reason == .ownListener)
        #expect(try refusal(policy, ["127.0.0.1"], port: 8412) == nil)
        #expect(try refusal(policy, ["10.0.0.1"], port: 8411) == nil)
        #expect(try refusal(policy, ["64:ff9b::127.0.0.1"], port: 8411)?.reason == .ownListener)
    }

    @Test(arguments: ["0.0.0.0", "::"])
    func `a listener on a wildcard address stands for every local address`(wildcard: String) throws {
        let local = try #require(IPAddress("198.41.0.4"))
        let own = Endpoint(address: try #require(IPAddress(wildcard)), port: 8410)
        for scope in [AddressPolicy.Scope.publicOnly, .allowPrivate] {
            let policy = AddressPolicy(scope, excluding: [own], localAddresses: { [local] })
            #expect(try refusal(policy, ["198.41.0.4"], port: 8410)?.reason == .ownListener)
            #expect(try refusal(policy, ["198.41.0.4"], port: 8411) == nil)
            #expect(try refusal(policy, ["198.41.0.5"], port: 8410) == nil)
        }
        let policy = AddressPolicy(.allowPrivate, excluding: [own], localAddresses: { [] })
        #expect(try refusal(policy, ["127.0.0.99"], port: 8410)?.reason == .ownListener)
        #expect(try refusal(policy, ["::1"], port: 8410)?.reason == .ownListener)
    }

    @Test func `the machine knows its loopback address`() throws {
        #expect(LocalAddresses.current().contains(try #require(IPAddress("127.0.0.1"))))
    }

    @Test func `a resolver that changes its mind is vetted each time`() async throws {
        let (answers, next) = AsyncStream<[IPAddress]>.makeStream()
        for text in ["8.8.8.8", "127.0.0.1"] {
            next.yield([try #require(IPAddress(text))])
        }
        let resolver = Resolver { _, _ in
            for await answer in answers { return .addresses(answer) }
            return .failed(.unknownName)
        }
        let url = try HTTPURL("https://partner.test/")
        let first = await AddressPolicy.publicOnly.target(of: url, resolver: resolver, within: .seconds(1))
        #expect(try first.get().addresses == [IPAddress("8.8.8.8")])
        let second = await AddressPolicy.publicOnly.target(of: url, resolver: resolver, within: .seconds(1))
        let failure = #expect(throws: HTTPFailure.self) { try second.get() }
        #expect(failure?.requestMayHaveArrived == false)
        guard case .refusedByPolicy(let refusal) = failure?.kind else { throw Unexpected("not refused") }
        #expect(refusal.address == IPAddress("127.0.0.1"))
    }
}
