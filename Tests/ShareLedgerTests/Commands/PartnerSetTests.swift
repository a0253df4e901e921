import Foundation
import HTTPServer
import TestPeers
import Testing

/// `partner set`.
@Suite(.fewAtATime) struct PartnerSetTests {
    @Test func `what is given is changed, the rest stays, and it is on record`() async throws {
        let service = try TestService()
        try await service.command("init")
        try await service.command(
            "partner",
            "add",
            "lenswerk",
            "--url",
            "http://10.0.0.1/sharing",
            "--allow-http",
            "--allow-private-address"
        )
        let words = ["partner", "set", "lenswerk", "--url", "https://new.example/nhd", "--dialect", "rt"]
        let changed = try await service.run(
            words + ["--concurrency", "9", "--allow-http=no", "--name", "linsen", "--json"]
        )
        let object = try changed.object
        #expect(object["name"] as? String == "linsen" && object["url"] as? String == "https://new.example/nhd")
        #expect(object["dialect"] as? String == "rt" && object["concurrency"] as? Int == 9)
        #expect(object["allow_http"] as? Bool == false)
        #expect(object["allow_private_address"] as? Bool == false)
        #expect(changed.errors.contains("Not allowed any more: --allow-private-address; give it with --url"))
        #expect(changed.errors.contains("/to/linsen from now on; /to/lenswerk is gone"))
        let operation =
            "SELECT operation, partner, operator IS NOT NULL FROM audit.operation ORDER BY position DESC LIMIT 1"
        #expect(try await service.sql(operation) == "partner set|linsen|t")
        #expect(object["rate"] is NSNull)
        let rated = try await service.command("partner", "set", "linsen", "--rate", "20", "--json").object
        #expect(rated["rate"] as? Int == 20)
        #expect(try await service.command("partner", "show", "linsen").output.contains("9 requests, 20 a second\n"))
        #expect(try await service.run("projection", "verify").status == 0)
        #expect(try await service.run("partner", "set", "linsen", "--rate", "20").status == 1)
        let unlimited = try await service.command("partner", "set", "linsen", "--rate", "0", "--json").object
        #expect(unlimited["rate"] is NSNull)
        let rest = try await service.command("partner", "set", "linsen", "--concurrency", "2", "--json").object
        #expect(rest["url"] as? String == "https://new.example/nhd" && rest["dialect"] as? String == "rt")
        #expect(rest["allow_private_address"] as? Bool == false && rest["concurrency"] as? Int == 2)
        let again = ["partner", "set", "linsen", "--url", "http://10.0.0.2/nhd", "--allow-http"]
        let given = try await service.run(again + ["--allow-private-address", "--json"])
        #expect(try given.object["allow_private_address"] as? Bool == true)
        #expect(!given.errors.contains("Not allowed"))
        let port = try await service.command("partner", "set", "linsen", "--url", "http://10.0.0.2:81/nhd", "--json")
        #expect(try port.object["allow_http"] as? Bool == true && !port.errors.contains("Not allowed"))
        #expect(try await service.run("partner", "set", "linsen", "--url", "http://10.0.0.3/nhd").status == 1)
        #expect(try await service.run("projection", "verify").status == 0)
    }

    @Test func `what cannot be is refused in a sentence, and nothing is recorded`() async throws {
        let service = try TestService()
        try await service.command("init", "--public-url", "https://us.example/sharing")
        try await service.command("partner", "add", "one", "--url", "https://one.example")
        try await service.command("partner", "add", "two", "--url", "https://two.example")
        let before = try await service.command("history", "--json").output
        for (words, status, why) in [
            (["one"], 64, "say what to change: --url, --dialect, --concurrency, --rate, --allow-http, "),
            (["one", "--allow-http=maybe"], 64, "--allow-http takes yes or no"),
            (["one", "--name", "two"], 1, "there is a partner two already, at https://two.example"),
            (["one", "--name", "a b"], 64, "cannot name a partner"),
            (["one", "--url", "https://two.example/"], 1, "partner two has the URL https://two.example/ already"),
            (["one", "--url", "http://one.example"], 1, "is not https; --allow-http allows it"),
            (["one", "--url", "https://us.example/sharing"], 1, "is our own public URL"),
            (["one", "--concurrency", "4"], 1, "partner one is like this already"),
            (["three", "--concurrency", "5"], 66, "there is no partner three"),
        ] as [([String], Int32, String)] {
            let run = try await service.run(["partner", "set"] + words)
            #expect(run.status == status && run.output.isEmpty && run.errors.contains(why), "\(words): \(run.errors)")
        }
        #expect(try await service.command("history", "--json").output == before)
    }

    @Test func `what waits goes to the new URL`() async throws {
        let service = try await TestService.started()
        let (old, new) = (try FakePartner { _, _ in .init(status: 503) }, try FakePartner())
        try await service.add(old)
        let invited = try await service.command("agreement", "invite", "lenswerk", "--name", "MondoCam", "--json")
        await old.waitForRequests(1)
        try await service.command("partner", "set", "lenswerk", "--url", new.url)
        try await service.command("delivery", "retry", "--all", "--reason", "they have moved")
        await new.waitForRequests(1)
        let uuid = try #require(try invited.object["uuid"] as? String)
        #expect(new.received == ["POST \(uuid)"])
    }
}
