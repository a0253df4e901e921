import PostgresCluster
import Testing

@Suite struct PostmasterFileTests {
    private let complete = "4711\n/data/pgdata\n1767225600\n5433\n/data/socket\n\n  5432001    65536\nready   \n"

    @Test func `a running server's file tells where and how it is`() throws {
        let file = try #require(PostmasterFile(complete))
        #expect(file.processID == 4711)
        #expect(!file.isStandalone)
        #expect(file.endpoint == ClusterEndpoint(socketDirectory: "/data/socket", port: 5433))
        #expect(file.status == .ready)
    }

    @Test func `every beginning of a file is read as far as it goes`() {
        for length in 0...complete.utf8.count {
            let file = PostmasterFile(String(complete.prefix(length)))
            if length == 0 { #expect(file == nil) }
            if let file, length < complete.utf8.count - 5 { #expect(file.status != .ready) }
        }
    }

    @Test func `a negative number is that of postgres --single`() throws {
        let file = try #require(PostmasterFile("-4711\n/data/pgdata\n"))
        #expect(file.isStandalone)
        #expect(file.processID == 4711)
    }

    @Test(arguments: ["", "0", "x", "-2147483648", "99999999999", "\u{0}"])
    func `what does not begin with a process id is nothing`(text: String) {
        #expect(PostmasterFile(text) == nil)
    }
}
