import Testing
import TicketSharing

@Suite struct BaseURLTests {
    @Test(arguments: [
        "http://127.0.0.1:18999/sharing", "https://rt.lenswerk.example/NoAuth/NHD/1.0", "https://desk.example",
        "HTTPS://Desk.Example:443/", "http://[::1]:8080/a", "https://a_b.example/~x/(y);z=1,2/%7Ea/@me:1",
        "http://localhost/a//b",
    ])
    func `a base URL has a host and any path`(text: String) throws {
        #expect(try BaseURL(text).text == text)
    }

    @Test(arguments: [
        ("", BaseURLFault.scheme), ("desk.example/sharing", .scheme), ("ftp://desk.example", .scheme),
        ("//desk", .scheme),
        ("javascript://desk", .scheme), ("https://", .host), ("https:///a", .host), ("https://-a.example", .host),
        ("https://a..b", .host), ("https://a.example.", .host), ("https://[::1", .host), ("https://[g::]", .host),
        ("https://[1.2.3.4]", .host), ("https://\(String(repeating: "a", count: 64)).example", .host),
        ("https://%61.example", .host), ("https://a.example:", .port), ("https://a.example:0", .port),
        ("https://a.example:65536", .port), ("https://a.example:+1", .port),
        ("https://a.example:8 0", .forbiddenCharacter),
        ("https://[::1]x", .port), ("https://me@a.example", .user), ("https://me:pw@a.example/x", .user),
        ("https://a.example\\@b.example", .forbiddenCharacter), ("https://a.example?x", .query),
        ("https://a.example/#x", .query),
        ("https://a.example/a\nb", .forbiddenCharacter), ("https://a.example/a b", .forbiddenCharacter),
        ("https://ä.example", .forbiddenCharacter), ("https://a.example/\u{0}", .forbiddenCharacter),
        ("https://a.example/a%2", .path), ("https://a.example/%zz", .path), ("https://a.example/../b", .path),
        ("https://a.example/b/.", .path), ("https://a.example/%2E%2e/b", .path), ("https://a.example/.%2e", .path),
        ("https://a.example/[x]", .forbiddenCharacter),
        ("https://a.example/" + String(repeating: "a", count: 1_990), .tooLong),
    ])
    func `what two readers could understand differently is none`(text: String, fault: BaseURLFault) {
        #expect(throws: fault) { try BaseURL(text) }
    }

    @Test func `case of scheme and host, a default port and slashes at the end make no difference`() throws {
        let url = try BaseURL("https://desk.example/Sharing")
        for same in [
            "HTTPS://DESK.example/Sharing", "https://desk.example:443/Sharing", "https://desk.example/Sharing//",
        ] {
            #expect(try BaseURL(same) == url)
            #expect(try BaseURL(same).hashValue == url.hashValue)
        }
        for other in [
            "http://desk.example/Sharing", "https://desk.example:80/Sharing", "https://desk.example/sharing",
            "https://desk.example",
            "https://desk.example/Sharin%67", "https://desk2.example/Sharing",
        ] {
            #expect(try BaseURL(other) != url)
        }
    }

    @Test func `the same address may be reached by either scheme`() throws {
        let url = try BaseURL("https://desk.example/sharing")
        #expect(url.isSameAddress(as: try BaseURL("http://desk.example:80/sharing/")))
        #expect(!url.isSameAddress(as: try BaseURL("http://desk.example:443/sharing")))
        #expect(!url.isSameAddress(as: try BaseURL("http://desk.example/other")))
    }

    @Test func `the part without scheme is as it was given, but for slashes at the end`() throws {
        #expect(try BaseURL("HTTP://Desk.example:8080/A/").schemeless == "Desk.example:8080/A")
        #expect(try BaseURL("https://desk.example/").schemeless == "desk.example")
        #expect(try BaseURL("https://desk.example/").path == "")
        #expect(try BaseURL("http://[::1]:8080/a").host == "::1")
    }
}
