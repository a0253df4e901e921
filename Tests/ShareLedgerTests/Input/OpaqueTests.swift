import Foundation
import JSON
import TestPeers
import Testing

extension InputTests {
    /// What is taken although much software would stumble over it, and that it comes out as it came in.
    @Suite struct OpaqueTests {
        /// Valid JSON that no `jsonb`, and no decoder of plain texts and numbers, can hold.
        private static let strange = [
            #""\u0000""#, #""a\u0000b""#, #""\ud800""#, #""\udfff\ud800""#, "1e400000", "-1E+400000", "1e-400000",
            "0.1e999999999999",
            String(repeating: "9", count: 5_000), #"{"a":1,"a":2}"#, #"{"\u0000":0}"#, #"{"\ud800":0}"#,
            #"{"":{"":[]}}"#,
            "[[[[[[]]]]]]", #"[1,"\u0000",1e400000,"\ud800"]"#, #"{"access":"\u0000","b":"\ud83d\udcf7"}"#, "-0", "0e0",
        ]

        @Test func `what we do not interpret is kept as it is, and every view can still be read`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement(
                "opaque",
                tickets: ["opaque-1"],
                members: #","extra":{"a":"\u0000","b":"\ud800","c":1e400000}"#,
            )
            let token = TestService.token("opaque")
            var bodies: [String] = []
            for (number, value) in Self.strange.enumerated() {
                bodies += [
                    #"{"custom_fields":{"x\#(number)":\#(value)}}"#,
                    #"{"unknown":\#(value),"\ud800\#(number)":\#(value),"\u0000\#(number)":0}"#,
                    #"{"comments":[{"uuid":"c\#(number)","custom_fields":{"a":\#(value)},"unknown":\#(value)}]}"#,
                    #"{"comments":[{"uuid":"d\#(number)","author":{"uuid":"u","x":\#(value)}}]}"#,
                    #"{"comments":[{"uuid":"e\#(number)","attachments":[{"url":"u","filename":"f","x":\#(value)}]}]}"#,
                    #"{"requester":{"uuid":"u","unknown":\#(value)},"current_actor":{"uuid":"v","unknown":\#(value)}}"#,
                ]
                let isNumber = ["-", "0", "1"].contains(value.prefix(1))
                if isNumber { bodies.append(#"{"original_id":\#(value)}"#) }
            }
            var positions: [Int] = []
            for (number, body) in bodies.enumerated() {
                let door = number.isMultiple(of: 2) ? Door.partner : .desk
                let answer = try await service.ask(door, "PUT", "/tickets/opaque-1", token: token, body)
                answer.expectTaken(200, "\(door) \(body.prefix(200))")
                positions.append(answer.position ?? -1)
            }
            let agreement = #"{"unknown":[\#(Self.strange.joined(separator: ","))]}"#
            try await service.ask(.partner, "PUT", "/agreements/opaque", token: token, agreement).expectTaken(200)

            let held = try await service.command("reconstruct", "opaque/opaque-1", "--json").output
            let read = try await service.ask(.partner, "GET", "/tickets/opaque-1", token: token)
            read.expectTaken(200)
            #expect(held == read.body + "\n")
            for (number, value) in Self.strange.enumerated() {
                let comment =
                    #"{"uuid":"c\#(number)","public":true,"custom_fields":{"a":\#(value)},"unknown":\#(value)}"#
                #expect(held.contains(comment), "\(comment.prefix(200))")
                #expect(held.contains(#""\ud800\#(number)":\#(value)"#))
            }
            for number in [0, 1, bodies.count - 1] {
                let raw = try await service.command("event", "show", "\(positions[number])", "--raw")
                #expect(raw.output == bodies[number])
            }
            let forms =
                "SELECT DISTINCT body_form FROM audit.message WHERE agreement = 'opaque' AND body_length > 0 ORDER BY 1"
            #expect(try await service.sql(forms) == "json\nnot json")
            let made = "SELECT count(*), count(v::text) FROM audit.message AS v WHERE agreement = 'opaque'"
            let counts = try await service.sql(made).split(separator: "|")
            #expect(
                counts.count == 2 && counts.first == counts.last && counts.first.flatMap { Int($0) } ?? 0 > bodies.count
            )
        }

        /// Texts that mean something to shells, databases, terminals, formatters, browsers or spreadsheets.
        private static let hostile = [
            "'; DROP TABLE ledger.event; --", "' OR '1'='1", "\\'; SELECT pg_sleep(10); --", "$$; SELECT 1; $$",
            "$1 %s %n %x",
            "$(touch /tmp/shareledger-owned)", "`id`", "; rm -rf ~ #", "| cat /etc/passwd", "&& reboot", "${PATH}",
            "\\copy x",
            "<script>alert(1)</script>", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "=cmd|' /C calc'!A0",
            "../../../etc/passwd",
            "a\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1", "tab\tand\u{B}and\u{7F}", "\u{1B}]0;owned\u{7}\u{1B}[2J",
            "\u{202E}desrever",
            "\u{2028}\u{2029}\u{85}", "\u{FEFF}bom", "e\u{301} é", "\u{FFFF}\u{10FFFF}\u{FFFD}", "🧑‍🔧📷", "NULL", "null",
            "\\N", "\"quoted\\\"",
            "{a,b}", "{\"uuid\":\"x\"}", "%00", "\\u0000", "[secret]", "İıſK", " leading and trailing ", "",
        ]

        @Test func `texts that mean something elsewhere mean nothing here`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("hostile", tickets: ["hostile-1"])
            let token = TestService.token("hostile")
            let fields = ["User-Agent: '; DROP TABLE ledger.event; -- $(id)", "traceparent: '; --", "X-Evil: ${x} %s"]
            for (number, text) in Self.hostile.enumerated() {
                let door = number.isMultiple(of: 2) ? Door.partner : .desk
                let said = ticket(text, number)
                let body = Array(said.utf8)
                let answer = try await service.ask(
                    door,
                    "PUT",
                    "/tickets/hostile-1",
                    token: token,
                    fields: fields,
                    body: body
                )
                answer.expectTaken(200, text)
                // The last comment is this one's, and all else is as this message says.
                let held = try await service.ask(.partner, "GET", "/tickets/hostile-1", token: token).body
                #expect(held.utf8.count > body.count)
                for part in parts(text, number) {
                    #expect(held.utf8.contains(part.utf8), "\(text.debugDescription): \(part)")
                }
            }
            let held = try await service.ask(.partner, "GET", "/tickets/hostile-1", token: token).body
            #expect(try await service.command("reconstruct", "hostile/hostile-1", "--json").output == held + "\n")

            let name = json(Self.hostile.joined(separator: " "))
            try await service.ask(.partner, "PUT", "/agreements/hostile", token: token, #"{"name":\#(name)}"#)
                .expectTaken(200)
            let agreement = try await service.ask(.partner, "GET", "/agreements/hostile", token: token)
            #expect(agreement.body.utf8.contains(#""name":\#(name)"#.utf8))
            // What is shown to people moves no cursor and sets no title.
            for shown in [
                try await service.command("agreement", "list"),
                try await service.command("reconstruct", "hostile/hostile-1"),
                try await service.command("history", "hostile/hostile-1"),
                try await service.command("ticket", "show", "hostile/hostile-1"),
            ] {
                #expect(!shown.output.contains("\u{1B}") && !shown.output.contains("\u{202E}"))
            }
            #expect(!FileManager.default.fileExists(atPath: "/tmp/shareledger-owned"))
        }

        /// A text as our writer has it.
        private func json(_ text: String) -> String {
            var writer = JSONWriter()
            writer.string(text)
            return String(decoding: writer.bytes, as: UTF8.self)
        }

        /// The members of a ticket with a text wherever one can stand, in the order in which we write them.
        private func parts(_ text: String, _ number: Int) -> [String] {
            let text = json(text)
            let actor = #"{"uuid":"u","name":\#(text),"role":\#(text),"x":\#(text)}"#
            let file =
                #"{"url":\#(text),"filename":\#(text),"content_type":\#(text),"display_filename":\#(text),"x":\#(text)}"#
            let comment = #"""
                {"uuid":"h\#(number)","author":\#(actor),"body":\#(text),"html_body":\#(text),"public":false,\#
                "attachments":[\#(file)],"custom_fields":{\#(text):\#(text)},"unknown":[\#(text)]}
                """#
            return [
                #""subject":\#(text)"#, #""status":\#(text)"#, #""requester":\#(actor)"#, comment,
                #""current_actor":\#(actor)"#, #""tags":[\#(text),"a",\#(text)]"#, #""original_id":\#(text)"#,
                #""custom_fields":{\#(text):\#(text),"b":[\#(text)]}"#, #""custom_status":\#(text)"#,
                #""unknown":\#(text)"#,
            ]
        }

        private func ticket(_ text: String, _ number: Int) -> String {
            let members = parts(text, number).map { $0.hasPrefix("{") ? #""comments":[\#($0)]"# : $0 }
            return "{\(members.joined(separator: ","))}"
        }
    }
}
