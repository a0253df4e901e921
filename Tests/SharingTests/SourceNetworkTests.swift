import Sharing
import Testing

@Suite struct SourceNetworkTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("0:0:0:0:0:ffff:192.0.2.7", "192.0.2.7"),
        ("::", "0:0:0:0::/64"),
        ("::1", "0:0:0:0::/64"),
        ("2001:db8::7", "2001:db8:0:0::/64"),
        ("2001:0DB8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("1:2:3:4:5:6:192.0.2.7", "1:2:3:4::/64"),
        ("64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"),
    ])
    func `addresses are counted by their network`(address: String, network: String) {
        #expect(SourceNetwork.of(address) == network)
    }

    @Test(arguments: [
        "", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "12345::", "g::", "+1::",
        "::192.0.2", "::192.0.2.256", "192.0.2.7::", "fe80::1%eth0", "[::1]:80", "a:b", "1.2.3.4:5", ":1:2:3:4:5:6:7",
    ])
    func `what is no address is counted as it is`(source: String) {
        #expect(SourceNetwork.of(source) == source)
    }
}
