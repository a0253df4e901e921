import HTTPClient
import Testing

@Suite struct HTTPURLTests {
    @Test func `the parts are read, scheme and host in lower case, path and query byte for byte`() throws {
        let url = try HTTPURL("HTTPS://Desk.Example:8443/a/../B//%7e?q=%2f&r?s")
        #expect(url.scheme == .https)
        #expect(url.host == "desk.example")
        #expect(url.port == 8443)
        #expect(url.path == "/a/../B//%7e")
        #expect(url.query == "q=%2f&r?s")
        #expect(url.authority == "desk.example:8443")
        #expect(url.requestTarget == "/a/../B//%7e?q=%2f&r?s")
        #expect(url.description == "https://desk.example:8443/a/../B//%7e?q=%2f&r?s")
        #expect(url.literalAddress == nil)
    }

    @Test(arguments: [
        ("http://a", "http://a", "/"), ("http://a:80/", "http://a/", "/"), ("https://a:443", "https://a", "/"),
        ("http://a:443/x", "http://a:443/x", "/x"), ("http://a?", "http://a?", "/?"),
        ("http://a?b/c", "http://a?b/c", "/?b/c"),
        ("http://a./x", "http://a/x", "/x"), ("http://a.b.", "http://a.b", "/"),
        ("http://[::1]:81/", "http://[::1]:81/", "/"),
        ("http://[2001:DB8:0:0::1]", "http://[2001:db8::1]", "/"), ("http://192.0.2.1/", "http://192.0.2.1/", "/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/", "/"),
        ("http://_a.1b/", "http://_a.1b/", "/"),
        ("http://a/;x=1,2!$&'()*+:@~-._", "http://a/;x=1,2!$&'()*+:@~-._", "/;x=1,2!$&'()*+:@~-._"),
    ])
    func `the description and the request target are as expected`(
        text: String,
        description: String,
        target: String,
    ) throws {
        let url = try HTTPURL(text)
        #expect(url.description == description)
        #expect(url.requestTarget == target)
        #expect(try HTTPURL(url.description) == url)
    }

    /// What is refused, by the reason.
    static let refused: [HTTPURL.Refusal: [String]] = [
        .unsupportedScheme: [
            "", "a", "//a/", "ftp://a/", "file:///etc/passwd", "javascript:alert(1)", "http:/a", "http:a",
        ],
        .emptyHost: [
            "https:///a", "http://", "http:///x", "http://?x", "http://:80/", "http://./",
        ],
        .userInfo: [
            "http://u@a/", "http://u:p@a/", "http://@a/", "http://a@b@c/",
        ],
        .fragment: [
            "http://a/#x", "http://a#", "http://a#@b/",
        ],
        .forbiddenCharacter: [
            "http://a b/", "http://a/ ", " http://a/", "http://a/\t", "http://a/\r\nHost: b", "http://a/\0",
            "http://a\\b/", "http:\\\\a/", "http://a/\u{7F}", "http://a/<x>", "http://a/{x}|^`\"",
        ],
        .notASCII: [
            "http://bücher.example/", "http://a/ü", "http://１２７.0.0.1/", "http://a。b/",
        ],
        .malformedHost: [
            "http://a..b/", "http://.a/", "http://a../", "http://-a/", "http://a-.b/", "http://a%2eb/",
            "http://%31%32%37.0.0.1/", "http://a,b/", "http://a+b/", "http://[::1/", "http://::1/",
            "http://[1.2.3.4]/", "http://[fe80::1%25lo]/", "http://[::1]x/", "http://[]/",
        ],
        .numericHost: [
            "http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://0x7f000001/", "http://017700000001/",
            "http://0177.0.0.1/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://a.1/", "http://a.0x/",
            "http://127.0.0.1./", "http://127.0.0.0x1/",
        ],
        .malformedPort: [
            "http://a:/", "http://a:0/", "http://a:080/", "http://a:65536/", "http://a:+80/", "http://a:8a/",
            "http://a:80:80/", "http://a:-1/",
        ],
        .malformedPercent: [
            "http://a/%", "http://a/%4", "http://a/%zz", "http://a/?%",
        ],
    ]

    @Test(arguments: refused) func `what could be read in another way is refused`(
        refusal: HTTPURL.Refusal,
        texts: [String],
    ) {
        for text in texts {
            let error = #expect(throws: HTTPURL.Refusal.self, "\(text)") { try HTTPURL(text) }
            // What is wrong with a host or a port can be said in several ways.
            #expect(error == refusal || [.malformedHost, .malformedPort].contains(refusal), "\(text)")
        }
    }

    @Test func `length is bounded`() throws {
        let base = "http://a/"
        let longest = base + String(repeating: "x", count: HTTPURL.maximumByteCount - base.utf8.count)
        #expect(try HTTPURL(longest).description == longest)
        #expect(throws: HTTPURL.Refusal.tooLong) { try HTTPURL(longest + "x") }
        #expect(throws: HTTPURL.Refusal.self) { try HTTPURL("http://\(String(repeating: "x", count: 64)).example/") }
        let name = Array(repeating: String(repeating: "x", count: 63), count: 4).joined(separator: ".")
        #expect(throws: HTTPURL.Refusal.self) { try HTTPURL("http://\(name)/") }
    }

    @Test func `writings of one base URL have one identity`() throws {
        let same = ["https://A.example/sharing", "https://a.example:443/sharing/", "HTTPS://a.example./sharing//"]
        #expect(Set(try same.map { try HTTPURL($0).identity }) == ["https://a.example/sharing"])
        let others = [
            "http://a.example/sharing", "https://a.example:8443/sharing", "https://a.example/Sharing",
            "https://a.example/sharing/x", "https://b.example/sharing", "https://a.example/sharing?x",
        ]
        #expect(Set(try (others + same).map { try HTTPURL($0).identity }).count == others.count + 1)
        #expect(try HTTPURL("http://a").identity == HTTPURL("http://a:80/").identity)
    }

    @Test func `a path is joined by one slash`() throws {
        for (base, suffix, joined) in [
            ("http://a", "tickets/1", "http://a/tickets/1"), ("http://a/", "/tickets/1", "http://a/tickets/1"),
            ("http://a/s", "tickets/1", "http://a/s/tickets/1"), ("http://a:81/s/", "x?y=1", "http://a:81/s/x?y=1"),
        ] {
            #expect(try HTTPURL(base).appending(path: suffix).description == joined)
        }
        #expect(throws: HTTPURL.Refusal.queryInBase) { try HTTPURL("http://a/?x").appending(path: "y") }
        #expect(throws: HTTPURL.Refusal.fragment) { try HTTPURL("http://a/").appending(path: "y#z") }
        #expect(throws: HTTPURL.Refusal.forbiddenCharacter) { try HTTPURL("http://a/").appending(path: "y z") }
    }
}
