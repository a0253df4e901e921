import Foundation
import PackagePlugin

/// Compiles every file below `schema/` into the target, so that one executable carries the schema it needs.
@main struct EmbedSchema: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let schema = context.package.directoryURL.appending(path: "schema")
        let output = context.pluginWorkDirectoryURL.appending(path: "SchemaFiles.swift")
        let files = FileManager.default.enumerator(at: schema, includingPropertiesForKeys: nil)
        let inputs = (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "sql" }
        return [
            .buildCommand(
                displayName: "Embedding schema/",
                executable: try context.tool(named: "SchemaEmbedder").url,
                arguments: [schema.path(), output.path()],
                inputFiles: inputs.sorted { $0.path() < $1.path() },
                outputFiles: [output],
            )
        ]
    }
}
