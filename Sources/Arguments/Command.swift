/// One command of the program: what it takes, what it says of itself, and what it does.
package struct Command: Sendable {
    package let name: String

    /// One line for the list of commands.
    package let summary: String

    /// More, for the command's own help.
    package let discussion: String

    /// Command lines that work, each with what it is for.
    package let examples: [Example]

    package let positionals: [Positional]
    package let options: [any OptionDeclaration]

    /// What may follow `--`, for commands that pass words on as they are.
    package let rest: Positional?

    package let subcommands: [Command]

    /// Does the work and gives the exit status; `nil` for a command that only holds others.
    package let run: (@Sendable (ParsedArguments) async throws -> Int32)?

    /// A command that does something, and may hold others beside that.
    ///
    /// A first word that names one of these means it; what else may stand there must not look so.
    package init(
        _ name: String,
        summary: String,
        discussion: String = "",
        examples: [Example],
        positionals: [Positional] = [],
        options: [any OptionDeclaration],
        rest: Positional? = nil,
        subcommands: [Command] = [],
        run: @escaping @Sendable (ParsedArguments) async throws -> Int32,
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.examples = examples
        self.positionals = positionals
        self.options = options
        self.rest = rest
        self.run = run
        self.subcommands = subcommands
    }

    /// A command that holds others.
    package init(_ name: String, summary: String, discussion: String = "", subcommands: [Command]) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.subcommands = subcommands
        examples = []
        positionals = []
        options = []
        rest = nil
        run = nil
    }
}

extension Command {
    /// A command line that works, as its words after the program's name.
    package struct Example: Sendable {
        package let line: String
        package let purpose: String

        package init(_ line: String, _ purpose: String) {
            self.line = line
            self.purpose = purpose
        }
    }

    /// A value by its place on the command line.
    package struct Positional: Sendable {
        package let name: String
        package let help: String
        package let isOptional: Bool

        /// Whether any number of values may stand there; it is the last one then.
        package let isRepeated: Bool

        package init(_ name: String, help: String, isOptional: Bool = false, isRepeated: Bool = false) {
            self.name = name
            self.help = help
            self.isOptional = isOptional
            self.isRepeated = isRepeated
        }

        /// As it stands in a line of usage.
        var usage: String {
            let name = isRepeated ? "\(name)…" : name
            return isOptional ? "[\(name)]" : name
        }
    }
}

/// A command line or environment that cannot be carried out as given; the program exits with 64.
package struct UsageError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
