/// A statement written once and bound often: no text is put together when it runs.
///
/// ```swift
/// static let rename = Statement<Int64, String>("UPDATE partner SET name = $2 WHERE id = $1")
/// try session.execute(rename(id, name))
/// ```
package struct Statement<each Parameter: PostgresEncodable>: Sendable {
    /// The text, with `$1`, `$2` … in the order of the parameters.
    package let text: String

    /// A literal, so that nothing from outside can be in it.
    package init(_ text: StaticString) {
        self.text = text.description
    }

    /// The statement with its values.
    package func callAsFunction(_ values: repeat each Parameter) -> SQL {
        var parameters = PostgresParameters()
        for value in repeat each values {
            value.bind(to: &parameters)
        }
        return SQL(text: text, parameters: parameters)
    }
}
