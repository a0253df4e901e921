import Foundation
import Linux
import Testing

/// A second `serve` on a data directory where one works already.
@Suite(.fewAtATime) struct SecondServiceTests {
    @Test func `who has the ports is named, with what to do`() async throws {
        let service = try await TestService.started()
        let listen = [
            "--public-listen", "127.0.0.1:\(service.publicPort)", "--private-listen",
            "127.0.0.1:\(service.privatePort)",
        ]
        let second = try await service.run(["serve"] + listen)
        #expect(second.status == 69 && second.output.isEmpty)
        #expect(second.errors.contains("port \(service.publicPort) on 127.0.0.1 is in use, and process "))
        #expect(second.errors.contains("and process \(try service.identity), 'shareledger serve' on 127.0.0.1:"))
        #expect(second.errors.contains("stop that one, or give this one other ports"), "\(second.errors)")
        // One that was killed has left its mark, but is not taken for one that works.
        try await service.killHard()
        try await service.start()
        let third = try await service.run(["serve"] + listen)
        #expect(third.errors.contains("process \(try service.identity), "), "\(third.errors)")
        #expect(try await service.stop() == .code(0))
    }
}
