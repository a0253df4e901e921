/// One file of `schema/`, compiled in by the plugin EmbedSchema.
package struct SchemaFile: Sendable {
    /// The path below `schema/`, such as `migrations/0001_ledger.sql`.
    package let path: String

    /// The SQL.
    package let text: String

    /// A file of this path and text.
    package init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// The part of the path before the first slash, such as `migrations`.
    package var kind: Substring {
        path.prefix { $0 != "/" }
    }
}
