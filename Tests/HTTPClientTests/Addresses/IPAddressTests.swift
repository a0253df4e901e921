import HTTPClient
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        "1.2.3.4", "255.255.255.255", "0.0.0.0", "::", "::1", "2001:db8::1", "fe80::1:2", "::ffff:1.2.3.4",
        "64:ff9b::1.2.3.4", "1:2:3:4:5:6:7:8",
    ])
    func `usual text is read and written`(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(IPAddress(address.description) == address)
        #expect(IPAddress(octets: address.octets) == address)
        #expect(address.family == (text.contains(":") ? .v6 : .v4))
    }

    @Test(arguments: [
        "", "1", "127.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x7f.0.0.1", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4",
        "1.2.3.4\0",
        "2130706433", "[::1]", "::1%lo", "1::2::3", "12345::", "::1\0", "g::",
    ])
    func `other text is not`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `only 4 and 16 octets are an address`() {
        for count in 0...17 {
            #expect((IPAddress(octets: [UInt8](repeating: 1, count: count)) != nil) == (count == 4 || count == 16))
        }
    }

    @Test(arguments: [
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "192.31.196.1",
        "2000::1", "2001:200::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1", "64:ff9b::8.8.8.8",
    ])
    func `addresses of the public Internet are global`(text: String) throws {
        #expect(try #require(IPAddress(text)).isGlobal)
    }

    @Test(arguments: [
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.9",
        "192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
        "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.254",
        "255.255.255.255",
        "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::8.8.8.8", "100::1", "100:0:0:1::1", "200::1", "1000::1",
        "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff:ffff::1",
        "2001:db8::1", "2002::1", "2002:808:808::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "6000::1",
        "fc00::1",
        "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ffff::1",
    ])
    func `special addresses are not global`(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(!address.isGlobal)
        #expect(address.specialPurpose?.name.isEmpty == false)
    }

    @Test(arguments: [
        ("::ffff:1.2.3.4", "1.2.3.4"), ("::1.2.3.4", "1.2.3.4"), ("64:ff9b::1.2.3.4", "1.2.3.4"),
        ("64:ff9b:1::1.2.3.4", "1.2.3.4"), ("2002:102:304::9", "1.2.3.4"), ("2001:0:5::fefd:fcfb", "1.2.3.4"),
    ])
    func `the IPv4 address inside is found`(outer: String, inner: String) throws {
        #expect(try #require(IPAddress(outer)).embedded == IPAddress(inner))
    }

    @Test func `every IPv4 block begins and ends where the registry says`() throws {
        // A second reading of the same registries: first octets to a yes or no, for a sample of each /16.
        func isSpecial(_ a: UInt32, _ b: UInt32, _ c: UInt32) -> Bool {
            switch (a, b, c) {
            case (0, _, _), (10, _, _), (127, _, _), (224..., _, _), (169, 254, _), (192, 168, _): true
            case (100, 64...127, _), (172, 16...31, _), (198, 18...19, _): true
            case (192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 51, 100), (203, 0, 113): true
            default: false
            }
        }
        for high in 0..<(1 << 16) as Range<UInt32> {
            let isEdge = high >> 8 >= 192 && high >> 8 <= 203
            for third in (isEdge ? [0, 2, 99, 100, 113, 255] : [1]) as [UInt32] {
                let address = IPAddress(v4: high << 16 | third << 8 | 77)
                #expect(address.isGlobal != isSpecial(high >> 8, high & 0xFF, third), "\(address)")
            }
        }
    }
}
