import Arguments
import Testing

@Suite struct ProgramTests {
    private enum Mode: String, CaseIterable { case messages, state }

    private static let share = Command.Positional("SHARE", help: "the share")
    private static let other = Command.Positional("OTHER", help: "another", isOptional: true)
    private static let reason = Option<String>("reason", "TEXT", help: "why")
    private static let rate = Option<Int>("max-rate", "N", in: 1...100, help: "how fast")
    private static let mode = Option<Mode>(choosing: "mode", help: "what", defaultText: "messages")
    private static let json = Flag("json", help: "as JSON")

    private let program = Program(
        name: "ledger",
        version: "1.2",
        summary: "keeps",
        commands: [
            Command(
                "replay",
                summary: "Send again",
                examples: [.init("replay a/b --reason x", "Send a share again")],
                positionals: [share, other],
                options: [reason, rate, mode, json],
            ) { _ in 0 },
            Command(
                "partner",
                summary: "Partners",
                subcommands: [
                    Command("list", summary: "List", examples: [], options: [json]) { _ in 0 }
                ],
            ),
        ],
    )

    private func parse(_ line: String, environment: [String: String] = [:]) throws -> ParsedArguments {
        let words = line.split(separator: " ").map(String.init)
        guard case .run(_, let arguments) = try program.request(words, environment: environment) else {
            throw UsageError("no command was run")
        }
        return arguments
    }

    private func text(_ line: String) throws -> String {
        let words = line.split(separator: " ").map(String.init)
        guard case .show(let text) = try program.request(words, environment: [:]) else { return "" }
        return text
    }

    @Test func `values are read by their declarations, in either form and any order`() throws {
        let arguments = try parse("replay --reason=a=b A/T --max-rate 7 --json --mode state -- --odd")
        #expect(arguments[Self.reason] == "a=b")
        #expect(arguments[Self.rate] == 7)
        #expect(arguments[Self.mode] == .state)
        #expect(arguments[Self.json])
        #expect(try arguments.required(Self.share) == "A/T")
        #expect(arguments[Self.other] == "--odd")
    }

    @Test func `a place that may be repeated takes all that is left, and a setting is on, off or left alone`() throws {
        let ids = Command.Positional("ID", help: "numbers", isRepeated: true)
        let tls = Toggle("tls", help: "whether")
        let command = Command("retry", summary: "Again", examples: [], positionals: [ids], options: [tls]) { _ in 0 }
        func parse(_ words: String...) throws -> ParsedArguments {
            try ParsedArguments(words, of: command, environment: [:])
        }
        #expect(try parse("1", "--tls", "2", "3").all(ids) == ["1", "2", "3"])
        #expect(try parse("1", "--tls")[tls] == true)
        #expect(try parse("1", "--tls=no")[tls] == false)
        #expect(try parse("1")[tls] == nil)
        for words in [["1", "--tls="], ["1", "--tls=perhaps"], []] {
            #expect(throws: UsageError.self) { try ParsedArguments(words, of: command, environment: [:]) }
        }
        let program = Program(name: "ledger", version: "1", summary: "keeps", commands: [command])
        guard case .show(let help) = try program.request(["retry", "--help"], environment: [:]) else { return }
        #expect(help.contains("Usage: ledger retry ID… [OPTIONS]\n") && help.contains("\n  --tls[=no]  whether ["))
    }

    @Test func `the environment stands in for options that are not given`() throws {
        let environment = ["SHARELEDGER_MAX_RATE": "9", "SHARELEDGER_JSON": "1", "SHARELEDGER_REASON": ""]
        let arguments = try parse("replay x --max-rate 3", environment: environment)
        #expect(arguments[Self.rate] == 3)
        #expect(arguments[Self.json])
        #expect(arguments[Self.reason] == nil)
        #expect(arguments.optionsFromEnvironment.map(\.name) == ["json"])
        let taken = try parse("replay x", environment: environment).optionsFromEnvironment
        #expect(taken.map(\.name) == ["max-rate", "json"] && taken.map(\.isSetting) == [false, false])
        #expect(Self.rate.setting.isSetting && Self.json.setting.isSetting)
        #expect(throws: UsageError.self) { try parse("replay x", environment: ["SHARELEDGER_JSON": "maybe"]) }
        #expect(throws: UsageError.self) { try parse("replay x", environment: ["SHARELEDGER_MAX_RATE": "0"]) }
    }

    @Test(arguments: [
        ("replay", "SHARE is missing"),
        ("replay a b c", "too many"),
        ("replay a --reason", "needs a value"),
        ("replay a --json=1", "takes no value"),
        ("replay a --json --json", "given twice"),
        ("replay a --max-rate 101", "from 1 to 100"),
        ("replay a --max-rate 1e2", "from 1 to 100"),
        ("replay a --mode both", "messages or state"),
        ("replay a --resaon x", "did you mean --reason?"),
        ("replay a -x", "no option -x"),
        ("replai", "did you mean replay?"),
        ("partner lst", "did you mean list?"),
        ("replay a --josn", "did you mean --json?"),
        ("replay a --ecno x", "has no option --ecno"),
        ("--verbose", "no option of ledger itself"),
        ("partner --json", "no option of ledger partner itself"),
    ])
    func `a line that cannot be carried out says what to do`(line: String, part: String) {
        let error = #expect(throws: UsageError.self) { try parse(line) }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test func `help shows every option with its variable, and the examples`() throws {
        let help = try text("replay --help")
        for part in [
            "SHARE [OTHER]", "--mode messages|state", "[SHARELEDGER_MAX_RATE]", "ledger replay a/b",
            "(default: messages)",
        ] {
            #expect(help.contains(part), "\(part) in \(help)")
        }
        #expect(try text("help replay") == help)
        #expect(try text("").contains("partner list"))
        #expect(try text("partner").contains("partner list"))
        #expect(try text("--version") == "ledger 1.2\n")
    }
}
