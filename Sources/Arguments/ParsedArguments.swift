/// The values of one command line, read by the declarations they were parsed with.
package struct ParsedArguments: Sendable {
    private var values: [String: any Sendable] = [:]
    private var positionals: [String: [String]] = [:]

    /// The options that were taken from the environment, in the order of the command's.
    package private(set) var optionsFromEnvironment: [any OptionDeclaration] = []

    /// What stood after `--`, for a command that passes it on.
    package private(set) var rest: [String] = []

    /// The value of an option, or `nil` where it was not given.
    package subscript<Value>(option: Option<Value>) -> Value? {
        values[option.name] as? Value
    }

    /// Whether a switch is on.
    package subscript(flag: Flag) -> Bool {
        values[flag.name] as? Bool ?? false
    }

    /// The value at a place that the command declares.
    package subscript(positional: Command.Positional) -> String? {
        positionals[positional.name]?.first
    }

    /// All values at a place that the command declares as repeated.
    package func all(_ positional: Command.Positional) -> [String] {
        positionals[positional.name] ?? []
    }

    /// What was said of a setting, or `nil` where nothing was.
    package subscript(toggle: Toggle) -> Bool? {
        values[toggle.name] as? Bool
    }

    /// The value at a place that the parser demands.
    package func required(_ positional: Command.Positional) throws -> String {
        guard let value = self[positional] else { throw UsageError("\(positional.name) is missing") }
        return value
    }

    /// The value of an option that the command cannot do without.
    package func required<Value>(_ option: Option<Value>) throws -> Value {
        guard let value = self[option] else {
            throw UsageError("--\(option.name) is missing (or \(option.environmentName) in the environment)")
        }
        return value
    }
}

extension ParsedArguments {
    /// Reads `words` as the arguments of `command`; options not given are taken from `environment`.
    package init(_ words: [String], of command: Command, environment: [String: String]) throws {
        var words = words[...]
        var places = command.positionals[...]
        while let word = words.popFirst() {
            if word == "--" {
                if command.rest != nil {
                    rest = Array(words)
                    break
                }
                for word in words {
                    try take(word, at: &places, of: command)
                }
                break
            }
            if word.hasPrefix("-"), word != "-" {
                try takeOption(word, rest: &words, of: command)
            } else {
                try take(word, at: &places, of: command)
            }
        }
        if let missing = places.first(where: { !$0.isOptional && positionals[$0.name] == nil }) {
            throw UsageError("\(missing.name) is missing: \(missing.help)")
        }
        for option in command.options where values[option.name] == nil {
            guard let text = environment[option.environmentName], !text.isEmpty else { continue }
            do {
                values[option.name] = try option.value(text)
                optionsFromEnvironment.append(option)
            } catch let error as UsageError {
                throw UsageError("\(option.environmentName) in the environment: \(error)")
            }
        }
    }

    private mutating func take(_ word: String, at places: inout ArraySlice<Command.Positional>, of command: Command)
        throws
    {
        guard let place = places.first else {
            throw UsageError("\(word.debugDescription) is one argument too many for \(command.name)")
        }
        positionals[place.name, default: []].append(word)
        if !place.isRepeated { places.removeFirst() }
    }

    private mutating func takeOption(_ word: String, rest: inout ArraySlice<String>, of command: Command) throws {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0].hasPrefix("--") ? String(parts[0].dropFirst(2)) : ""
        guard let option = command.options.first(where: { $0.name == name }) else {
            let nearest = nearest(to: name, in: command.options.map(\.name) + ["help"])
            throw UsageError(
                "\(command.name) has no option \(parts[0])" + (nearest.map { "; did you mean --\($0)?" } ?? "")
            )
        }
        guard values[name] == nil else { throw UsageError("--\(name) is given twice") }
        if let bare = option.valueWithoutText, parts.count == 1 {
            values[name] = bare
            return
        }
        guard option.takesText else { throw UsageError("--\(name) takes no value") }
        guard let text = parts.count == 2 ? parts[1] : rest.popFirst() else {
            throw UsageError("--\(name) needs a value: \(option.help)")
        }
        values[name] = try option.value(text)
    }
}

/// The candidate that a typing slip most likely meant, or `nil` where none is near.
func nearest(to word: String, in candidates: [String]) -> String? {
    candidates
        .map { (candidate: $0, distance: editDistance(word, $0)) }
        .filter { $0.distance <= max(1, $0.candidate.count / 3) }
        .min { $0.distance < $1.distance }?
        .candidate
}

/// Letters to insert, leave out or exchange for another, and neighbours to swap, until one word is the other.
private func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right))
    var before: [Int] = []
    var row = Array(0...right.count)
    for (leftIndex, leftCharacter) in left.enumerated() {
        var next = [row[0] + 1]
        for (rightIndex, rightCharacter) in right.enumerated() {
            var best = row[rightIndex] + (leftCharacter == rightCharacter ? 0 : 1)
            best = min(best, row[rightIndex + 1] + 1, next[rightIndex] + 1)
            if leftIndex > 0, rightIndex > 0, leftCharacter == right[rightIndex - 1],
                left[leftIndex - 1] == rightCharacter
            {
                best = min(best, before[rightIndex - 1] + 1)
            }
            next.append(best)
        }
        (before, row) = (row, next)
    }
    return row[right.count]
}
