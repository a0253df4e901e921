/// A program of commands: finds the one that is meant, and answers `--help` and `--version`.
package struct Program: Sendable {
    package let name: String
    package let version: String
    package let summary: String
    package let commands: [Command]

    /// Tables for the end of the program's help.
    package let sections: [Section]

    package init(name: String, version: String, summary: String, commands: [Command], sections: [Section] = []) {
        self.name = name
        self.version = version
        self.summary = summary
        self.commands = commands
        self.sections = sections
    }

    /// A table of what is true of all commands, such as variables of the environment.
    package struct Section: Sendable {
        package let title: String
        package let rows: [(String, String)]

        package init(_ title: String, _ rows: [(String, String)]) {
            self.title = title
            self.rows = rows
        }
    }

    /// What a command line asks for.
    package enum Request: Sendable {
        case run(Command, ParsedArguments)
        /// Text for standard output.
        case show(String)
    }

    /// Reads a command line without the program's name; throws a ``UsageError``.
    package func request(_ words: [String], environment: [String: String]) throws -> Request {
        var path: [String] = []
        var rest = words[...]
        var candidates = commands
        if rest.first == "--version" { return .show("\(name) \(version)\n") }
        if rest.first == "help" { rest = rest.dropFirst() + ["--help"] }
        while let word = rest.first, !word.hasPrefix("-") {
            rest.removeFirst()
            path.append(word)
            guard let command = candidates.first(where: { $0.name == word }) else {
                let nearest = nearest(to: word, in: candidates.map(\.name))
                let hint =
                    nearest.map { "; did you mean \($0)?" }
                    ?? "; \(([name] + path.dropLast()).joined(separator: " ")) --help lists them"
                throw UsageError("there is no command \(path.joined(separator: " ").debugDescription)\(hint)")
            }
            let isSubcommand = rest.first.map { next in command.subcommands.contains { $0.name == next } } ?? false
            if command.run != nil, !isSubcommand {
                let beforeDashes = rest.prefix { $0 != "--" }
                if beforeDashes.contains("--help") || beforeDashes.contains("-h") {
                    return .show(help(for: command, path: path))
                }
                return .run(command, try ParsedArguments(Array(rest), of: command, environment: environment))
            }
            candidates = command.subcommands
            if rest.isEmpty || rest.first == "--help" || rest.first == "-h" {
                return .show(help(for: command, path: path))
            }
        }
        guard let word = rest.first, word != "--help", word != "-h" else { return .show(help) }
        let place = ([name] + path).joined(separator: " ")
        throw UsageError("\(word) is no option of \(place) itself; \(place) --help lists the commands")
    }
}

// MARK: - Help

extension Program {
    /// The list of commands.
    package var help: String {
        var text = "\(name): \(summary)\n\nUsage: \(name) COMMAND [--help]\n\nCommands\n"
        text += Self.table(Self.leaves(commands).map { ($0.path.joined(separator: " "), $0.command.summary) })
        for section in sections {
            text += "\n\(section.title)\n" + Self.table(section.rows)
        }
        return text + "\n\(name) COMMAND --help shows a command's options with examples.\n"
    }

    private static func leaves(_ commands: [Command], below path: [String] = []) -> [(path: [String], command: Command)]
    {
        commands.flatMap { command in
            let path = path + [command.name]
            return (command.run == nil ? [] : [(path, command)]) + leaves(command.subcommands, below: path)
        }
    }

    private func help(for command: Command, path: [String]) -> String {
        var text = "\(command.summary)\n"
        if !command.discussion.isEmpty {
            text += "\n\(command.discussion)\n"
        }
        guard command.run != nil else {
            let leaves = Self.leaves(command.subcommands, below: path)
            return text + "\nCommands\n"
                + Self.table(leaves.map { ($0.path.joined(separator: " "), $0.command.summary) })
        }
        let places = command.positionals.map(\.usage)
        let rest = command.rest.map { ["[-- \($0.name)]"] } ?? []
        text += "\nUsage: " + ([name] + path + places + ["[OPTIONS]"] + rest).joined(separator: " ") + "\n"
        let arguments = command.positionals + (command.rest.map { [$0] } ?? [])
        if !arguments.isEmpty {
            text += "\nArguments\n" + Self.table(arguments.map { ($0.name, $0.help) })
        }
        text += "\nOptions\n"
        text += Self.table(
            command.options.map { option in
                let standard = option.defaultText.map { " (default: \($0))" } ?? ""
                return (option.usage, "\(option.help)\(standard) [\(option.environmentName)]")
            } + [("--help", "Show this text")],
        )
        if !command.subcommands.isEmpty {
            let leaves = Self.leaves(command.subcommands, below: path)
            text += "\nCommands\n" + Self.table(leaves.map { ($0.path.joined(separator: " "), $0.command.summary) })
        }
        text += "\nExamples\n"
        for example in command.examples {
            text += "  # \(example.purpose)\n  \(name) \(example.line)\n"
        }
        return text
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = min(34, rows.map(\.0.count).max() ?? 0)
        return rows.map { left, right in
            let padding = String(repeating: " ", count: max(0, width - left.count))
            return left.count > width
                ? "  \(left)\n  \(String(repeating: " ", count: width))  \(right)\n"
                : "  \(left)\(padding)  \(right)\n"
        }
        .joined()
    }
}
