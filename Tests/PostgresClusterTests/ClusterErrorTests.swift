import Linux
import PostgresCluster
import Testing

@Suite struct ClusterErrorTests {
    @Test func `a full disk is called that, whoever found it full`() {
        let said = "FATAL:  could not write lock file \"postmaster.pid\": No space left on device"
        #expect(ClusterError(.startFailed, "It did not start.", output: said).code == .diskFull)
        #expect(ClusterError(SystemError(code: 28, operation: "write")).code == .diskFull)
    }

    @Test func `the reason is taken from what the server said last`() {
        let said = "LOG:  starting\nFATAL:  first\nLOG:  shutting down\nFATAL:  last\nLOG:  gone\n"
        let error = ClusterError(.startFailed, "It did not start.", output: said)
        #expect(error.description == "It did not start. It said: FATAL:  last")
        #expect(error.debugDescription.contains("FATAL:  first"))
    }

    @Test func `an exhausted patience says what took too long`() throws {
        let error = try #require(throws: ClusterError.self) {
            try ClusterError.translating("stand on one leg") { throw Patience.Exhausted() } as Void
        }
        #expect(error.code == .timedOut)
        #expect(error.message == "It took too long to stand on one leg.")
    }
}
