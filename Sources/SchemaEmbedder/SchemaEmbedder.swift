import Foundation

/// `SchemaEmbedder SCHEMA-DIRECTORY OUTPUT`: writes a Swift file that holds every SQL file below the directory.
@main struct SchemaEmbedder {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            FileHandle.standardError.write(Data("usage: SchemaEmbedder SCHEMA-DIRECTORY OUTPUT\n".utf8))
            exit(64)
        }
        let directory = URL(filePath: CommandLine.arguments[1], directoryHint: .isDirectory)
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path())
            .filter { $0.hasSuffix(".sql") }
            .sorted()
        var source = "extension SchemaFile {\n    package static let all: [SchemaFile] = [\n"
        for name in names {
            let text = try String(contentsOf: directory.appending(path: name), encoding: .utf8)
            source += "        SchemaFile(path: \"\(name)\", text: ####\"\"\"\n\(text)\n\"\"\"####),\n"
        }
        source += "    ]\n}\n"
        let output = URL(filePath: CommandLine.arguments[2])
        // A file that is written again has all that depends on it compiled again.
        guard (try? Data(contentsOf: output)) != Data(source.utf8) else { return }
        try Data(source.utf8).write(to: output, options: .atomic)
    }
}
