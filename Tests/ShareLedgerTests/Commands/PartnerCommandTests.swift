import Foundation
import HTTPServer
import TestPeers
import Testing

/// `partner add|list|show|pause|resume`.
@Suite(.fewAtATime) struct PartnerCommandTests {
    @Test func `partners are added, listed and shown, with the service stopped`() async throws {
        let service = try TestService()
        try await service.command("init")
        let added = try await service.command(
            "partner",
            "add",
            "lenswerk",
            "--url",
            "https://rt.lenswerk.example/NoAuth/NHD/1.0",
            "--dialect",
            "rt",
            "--concurrency",
            "2"
        )
        #expect(added.errors == "Recorded at position 1\n")
        #expect(added.output.contains("lenswerk  active  rt       https://rt.lenswerk.example/NoAuth/NHD/1.0\n"))
        try await service.command(
            "partner",
            "add",
            "inner",
            "--url",
            "http://10.0.0.1:8410/sharing",
            "--allow-http",
            "--allow-private-address"
        )
        let table = try await service.command("partner", "list").output
        #expect(
            table == """
                NAME      STATE   DIALECT   URL                                         ALLOWS
                lenswerk  active  rt        https://rt.lenswerk.example/NoAuth/NHD/1.0
                inner     active  standard  http://10.0.0.1:8410/sharing                http,private-address

                """
        )
        let shown = try await service.command("partner", "show", "lenswerk", "--json").object
        #expect(shown["name"] as? String == "lenswerk" && shown["dialect"] as? String == "rt")
        #expect(shown["concurrency"] as? Int == 2 && shown["position"] as? Int == 1)
        #expect(shown["state"] as? String == "active" && shown["paused"] as? Bool == false)
        #expect(shown["allow_private_address"] as? Bool == false && shown["allow_http"] as? Bool == false)
        #expect(try await service.command("partner", "list", "--json").objects.count == 2)
        let missing = try await service.run("partner", "show", "nobody")
        #expect(
            missing.status == 66 && missing.errors.contains("there is no partner nobody; 'shareledger partner list'")
        )
        // Who did it is on record.
        let event = try #require(try await service.command("event", "show", "1", "--json").json as? [String: Any])
        let parts = try #require(event["parts"] as? [[String: Any]])
        let detail = try #require(parts.first { $0["name"] as? String == "detail" }?["content"] as? [String: Any])
        #expect(
            detail["operator"] as? String == ProcessInfo.processInfo.userName || detail["operator"] as? String == "root"
        )
    }

    @Test func `what cannot be a partner is refused in a sentence, and nothing is recorded`() async throws {
        let service = try await TestService.started(["--public-url", "https://us.example/sharing"])
        try await service.command("partner", "add", "taken", "--url", "https://taken.example/sharing")
        let before = try await service.command("history", "--json").output
        let hostile = [
            "'; DROP TABLE ledger.event; --", "$(touch /tmp/pwned)", "`id`", "a b", "../../etc/passwd", "a/b",
            "Lenswerk",
            "\u{1B}[31mred", "a\nb", String(repeating: "x", count: 64), "é", ".hidden", "a%2fb", "",
        ]
        for name in hostile {
            let run = try await service.run("partner", "add", name, "--url", "https://x.example")
            #expect(run.status == 64 && run.output.isEmpty, "\(name): \(run)")
            #expect(run.errors.contains("cannot name a partner; a name is 1 to 63 of"), "\(run.errors)")
            #expect(!run.errors.contains("\u{1B}") && run.errors.count { $0 == "\n" } == 1)
        }
        let urls = [
            "x.example", "//x.example", "javascript:alert(1)", "file:///etc/passwd", "https://", "https:///sharing",
            "https://user:secret@x.example", "https://x.example/?a=b", "https://x.example/#a",
            "https://x.example:99999",
            "https://x.example/a b", "https://x.example/\r\nX: y", "https://[::1", "",
        ]
        for url in urls {
            let run = try await service.run("partner", "add", "x", "--url", url)
            #expect(run.status == 64 && run.output.isEmpty, "\(url): \(run)")
            #expect(run.errors.contains("--url takes a base URL such as https://desk.example/sharing"), "\(run.errors)")
            #expect(!run.errors.contains("secret"))
        }
        for (words, why) in [
            (
                ["x", "--url", "http://x.example"],
                "http://x.example is not https; --allow-http allows it for this partner"
            ),
            (
                ["taken", "--url", "https://other.example"],
                "there is a partner taken already, at https://taken.example/sharing"
            ),
            (["other", "--url", "https://taken.example/sharing/"], "partner taken has this URL already"),
            (["self", "--url", "https://us.example:443/sharing"], "is our own public URL"),
        ] {
            let run = try await service.run(["partner", "add"] + words)
            #expect(run.status == 1 && run.output.isEmpty && run.errors.contains(why), "\(run.errors)")
        }
        for word in ["pause", "resume"] {
            let run = try await service.run("partner", word, "nobody'; --")
            #expect(run.status == 66 && run.errors.contains("there is no partner"))
        }
        #expect(try await service.command("history", "--json").output == before)
    }

    @Test func `pause holds deliveries back, and resume lets them go on in order`() async throws {
        let service = try await TestService.started()
        let (paused, other) = (try FakePartner(), try FakePartner())
        let first = try await service.agreement(with: paused)
        let second = try await service.agreement(with: other, named: "other")
        let said = try await service.command("partner", "pause", "lenswerk")
        #expect(said.output.hasPrefix("Partner lenswerk is paused, recorded at position "))
        let twice = try await service.run("partner", "pause", "lenswerk")
        #expect(twice.status == 1 && twice.errors.contains("partner lenswerk is paused already"))
        #expect(try await service.command("partner", "list").output.contains("lenswerk  paused"))
        try await service.desk("POST", "t1", first, #"{"uuid":"t1","status":"open"}"#)
        try await service.desk("PUT", "t1", first, #"{"status":"solved"}"#)
        // That another partner's messages have gone shows that these were passed over.
        try await service.desk("POST", "o1", second, to: "other", #"{"uuid":"o1"}"#)
        await other.waitForRequests(2)
        try await service.eventually(
            "SELECT count(*) FROM audit.delivery WHERE ticket = 'o1' AND state = 'delivered'",
            is: "1"
        )
        #expect(paused.requests.count == 1)
        #expect(
            try await service.sql(
                "SELECT string_agg(state, ', ' ORDER BY message_position) FROM audit.delivery WHERE ticket = 't1'"
            ) == "waiting, behind another"
        )
        let doctor = try await service.run("doctor")
        #expect(doctor.status == 0 && doctor.output.contains("WARN  partners        paused: lenswerk\n"))
        #expect(doctor.output.contains("'shareledger partner resume NAME' lets deliveries go on"))

        #expect(
            try await service.command("partner", "resume", "lenswerk").output.hasPrefix("Partner lenswerk is resumed, ")
        )
        await paused.waitForRequests(3)
        #expect(paused.received.suffix(2) == ["POST t1", "PUT t1"])
        let states = try await service.command(
            "history",
            "--partner",
            "lenswerk",
            "--type",
            "partner.state_changed",
            "--json"
        )
        #expect(try states.objects.count == 2)
    }

    @Test func `a private address is not spoken to unless it is allowed, and it is said why`() async throws {
        let service = try await TestService.started(["--retry-schedule", "0s"])
        let partner = try FakePartner()
        let added = try await service.command("partner", "add", "inner", "--url", partner.url, "--allow-http")
        let advice = "'shareledger partner set inner --allow-private-address=yes' allows it"
        #expect(added.errors.contains("Nothing is delivered to inner: 127.0.0.1 is not public (loopback); \(advice)\n"))
        let agreed = try await service.command("agreement", "invite", "inner", "--json").object
        let uuid = try #require(agreed["uuid"] as? String)
        let state = "SELECT state, error FROM audit.delivery WHERE agreement = '\(uuid)'"
        try await service.eventually("it is parked with its reason") {
            let answer = try await service.sql(state)
            return answer.hasPrefix("parked|") && answer.contains("127.0.0.1")
                && answer.contains("--allow-private-address")
        }
        #expect(partner.requests.isEmpty)
        let doctor = try await service.run("doctor")
        let allowed = try await service.command("partner", "set", "inner", "--allow-private-address=yes")
        #expect(!allowed.errors.contains("Nothing is delivered"))
        #expect(
            doctor.status == 0 && doctor.output.contains("WARN  deliveries      1 parked, waiting for a decision\n")
        )
        #expect(
            try await service.command("history", "--agreement", uuid, "--json").objects.map { $0["type"] as? String }
                .contains("delivery.parked")
        )
    }
}
