import Foundation
import Linux
import TestPeers
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

    @Test func `the URLs of the first stay those of invitations and of doctor`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        try await service.add(partner)
        let second = try TestService(beside: service)
        try await second.start()
        #expect(try second.log.contains("invitations and doctor go on with its URLs"))
        #expect(try await second.stop() == .code(0))
        let agreed = try await service.invite()
        await partner.waitForRequests(1)
        let shown = try await service.command("agreement", "show", agreed.uuid, "--json").object
        #expect(shown["sender_url"] as? String == service.publicURL, "\(shown)")
        let doctor = try await service.command("doctor").output
        #expect(doctor.contains("service         ready at \(service.privateURL)/readyz"), "\(doctor)")
        // Who serves alone is who is reached.
        #expect(try await service.stop() == .code(0))
        try await second.start()
        #expect(try await service.command("doctor").output.contains("ready at \(second.privateURL)/readyz"))
        #expect(try await second.stop() == .code(0))
    }
}
