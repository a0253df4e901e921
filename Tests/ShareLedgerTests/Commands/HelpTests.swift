import Foundation
import TestSupport
import Testing

/// What the program says of itself, and of command lines that it does not understand.
@Suite(.fewAtATime) struct HelpTests {
    private let program = ShareLedgerProgram()

    static let commands = [
        "init", "serve", "status", "migrate", "doctor", "partner add", "partner list", "partner show", "partner pause",
        "partner resume", "partner set", "agreement invite", "agreement list", "agreement show", "agreement accept",
        "agreement decline", "agreement deactivate", "agreement reactivate", "agreement token", "ticket list",
        "ticket show", "history", "event show", "reconstruct", "replay", "projection verify", "projection rebuild",
        "replay plan", "replay start", "replay list", "replay show", "replay watch", "replay pause", "replay resume",
        "replay cancel", "diff", "export", "import", "sql", "delivery list", "delivery show", "delivery retry",
        "delivery skip",
    ]

    @Test func `every command is listed once, with what it does`() async throws {
        for words in [["--help"], ["help"], []] {
            let help = try await program.run(words)
            #expect(help.status == 0 && help.errors.isEmpty)
            let sections = help.output.split(separator: "\n\n")
            let list = try #require(sections.first { $0.hasPrefix("Commands\n") })
            let lines = list.split(separator: "\n").filter { $0.hasPrefix("  ") }
            let width = try #require(lines.compactMap(Self.secondColumn).first)
            #expect(lines.allSatisfy { Self.secondColumn($0) == width }, "the columns do not line up: \(help.output)")
            #expect(
                lines.map { $0.prefix(width).trimmingCharacters(in: .whitespaces) }.sorted() == Self.commands.sorted()
            )
        }
        let help = try await program.run(["--help"]).output
        for word in ["SHARELEDGER_DATA", "DATABASE_URL", "PGHOST", "SHARELEDGER_OWNER_URL", "SHARELEDGER_AUDITOR_URL"] {
            #expect(help.contains(word))
        }
        for status in ["0", "1", "64", "66", "69", "70", "75", "78"] {
            #expect(help.contains("\n  \(status) "), "what \(status) means")
        }
        #expect(try await program.run(["--version"]).output.hasPrefix("shareledger "))
    }

    @Test(arguments: commands)
    func `help has usage, options with their variables, and examples`(command: String) async throws {
        let words = command.split(separator: " ").map(String.init)
        let help = try await program.run(words + ["--help"])
        #expect(help.status == 0 && help.errors.isEmpty)
        #expect(help.output.contains("\nUsage: shareledger \(command)"))
        #expect(help.output.contains("\nExamples\n  # "))
        #expect(help.output.contains("\n  shareledger \(command)"))
        #expect(help.output.contains("[SHARELEDGER_DATA]") && help.output.contains("[SHARELEDGER_KEY_FILE]"))
        for option in help.output.matches(of: /(?m)^  --([a-z-]+)/).map(\.1) where option != "help" {
            let name = "[SHARELEDGER_\(option.uppercased().replacing("-", with: "_"))]"
            #expect(help.output.contains(name), "\(command) --\(option)")
        }
        #expect(!help.output.contains("\u{1B}"))
    }

    @Test(arguments: commands.filter { !["serve", "init", "migrate"].contains($0) })
    func `the examples of help are understood`(command: String) async throws {
        let directory = try TemporaryDirectory()
        let help = try await program.run(command.split(separator: " ").map(String.init) + ["--help"])
        let examples = help.output.matches(of: /(?m)^  shareledger (.*)$/).map { String($0.1) }
        #expect(!examples.isEmpty)
        for example in examples {
            let words = Self.words(example)
            let dashes = words.firstIndex(of: "--") ?? words.endIndex
            // There is nothing to find, which is seen after the command line was understood.
            let place = words.contains("--data") ? [] : ["--data", directory.path(of: "none")]
            let run = try await program.run(Array(words[..<dashes] + place + words[dashes...]))
            #expect(run.status == (command == "doctor" ? 1 : 66), "\(example): \(run.errors)\(run.output)")
        }
    }

    @Test(arguments: [
        (["history", "--josn"], "history has no option --josn; did you mean --json?"),
        (["partner", "add", "x", "--allow-htp"], "add has no option --allow-htp; did you mean --allow-http?"),
        (["serve", "--pubic-url=x"], "serve has no option --pubic-url; did you mean --public-url?"),
        (["histroy"], #"there is no command "histroy"; did you mean history?"#),
        (["partner", "lst"], #"there is no command "partner lst"; did you mean list?"#),
        (["partner", "--data", "x"], "--data is no option of shareledger partner itself"),
        (["history", "-j"], "history has no option -j"),
        (["history", "a/b", "c/d"], #""c/d" is one argument too many for history"#),
        (["history", "--limit"], "--limit needs a value"),
        (["history", "--limit", "0"], "--limit takes a whole number from 1"),
        (["history", "--json=yes"], "--json takes no value"),
        (["history", "--json", "--json"], "--json is given twice"),
        (
            ["history", "--from", "yesterday"],
            #""yesterday" is no moment: give a position such as 1042, or a time with"#
        ),
        (["history", "--from", "2026-01-31T12:00:00"], "is no moment"),
        (["history", "--type", "ticket.stolen"], #""ticket.stolen" is no type of event; there are agreement.invited"#),
        (["history", "--direction", "up"], "--direction takes in or out"),
        (["reconstruct"], "SHARE is missing"),
        (["reconstruct", "a/b", "--at", "5"], "--at takes a time with a zone"),
        (["reconstruct", "a/b", "--at", "2026-01-31T12:00:00Z", "--position", "5"], "exclude each other"),
        (["event", "show", "twelve"], #""twelve" is neither a position such as 1042 nor the id of an event"#),
        (["event", "show", "1", "--raw", "--json"], "--raw and --json exclude each other"),
        (["replay", "a/b"], "--reason TEXT says why, for the record; --dry-run only plans"),
        (["replay", "--dry-run"], "name one of SHARE, --agreement UUID and --partner NAME"),
        (["partner", "add", "x"], "--url is missing (or SHARELEDGER_URL in the environment)"),
        (["partner", "add", "x", "--url", "ftp://x"], "--url takes a base URL"),
        (
            ["partner", "add", "x", "--url", "https://x", "--dialect", "perl"],
            "--dialect takes standard or zendesk or rt"
        ),
        (["serve", "--private-listen", "0.0.0.0:8411"], "is not loopback; that needs a --token-file"),
        (["serve", "--public-listen", "8410"], "--public-listen takes HOST:PORT such as 127.0.0.1:8410"),
        (["serve", "--tls-cert", "x"], "--tls-cert and --tls-key go together"),
        (["serve", "--retry-schedule", "often"], "--retry-schedule takes pauses such as 5s,1m,2h"),
        (["init", "--origin", "a b"], "--origin takes 1 to 200 characters of"),
    ])
    func `a command line that is not understood says why, with status 64`(words: [String], why: String) async throws {
        let directory = try TemporaryDirectory()
        var program = program
        program.environment = ["SHARELEDGER_DATA": directory.path(of: "none")]
        let run = try await program.run(words)
        #expect(run.status == 64 && run.output.isEmpty)
        #expect(run.errors.contains(why), "\(run.errors)")
        #expect(
            run.errors.hasPrefix("shareledger: ") && run.errors.hasSuffix("\n") && run.errors.count { $0 == "\n" } == 1
        )
        #expect(!FileManager.default.fileExists(atPath: directory.path(of: "none")), "nothing is made by a slip")
    }

    /// Where the second column of a line of a table begins.
    private static func secondColumn(_ line: Substring) -> Int? {
        line.firstRange(of: /\S  +(?=\S)/).map { line.distance(from: line.startIndex, to: $0.upperBound) }
    }

    /// The words of an example, which has no quotes but single ones, and may end in a redirection.
    private static func words(_ line: String) -> [String] {
        let command = line.split(separator: " > ").first ?? ""
        return command.matches(of: /'([^']*)'|([^ ]+)/).map { String($0.1 ?? $0.2 ?? "") }
    }
}
