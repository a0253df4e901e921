import Postgres
import Testing

@Suite struct SQLTests {
    @Test func `values become placeholders, names are quoted, trusted text is spliced`() {
        let direction = "DESC"
        let sql: SQL = """
            SELECT \(identifier: "a\"b") FROM \(identifier: "s", "t") WHERE x = \(1) AND y = \("z") ORDER BY 1 \
            \(unescaped: direction)
            """
        #expect(sql.text == #"SELECT "a""b" FROM "s"."t" WHERE x = $1 AND y = $2 ORDER BY 1 DESC"#)
        #expect(sql.parameters.types == [.int8, .text])
    }

    @Test func `fragments are numbered anew`() {
        let inner: SQL = "b = \("é") AND '$1' <> \(2)"
        var sql: SQL = "a = \(1) AND (\(inner)) AND c = \(true)"
        sql += " OR d = \(3)"
        #expect(sql.text == "a = $1 AND (b = $2 AND '$1' <> $3) AND c = $4 OR d = $5")
        #expect(sql.parameters.types == [.int8, .text, .int8, .bool, .int8])
    }

    @Test func `fragments bring their values, large ones too`() throws {
        var session = try TestDatabase().open()
        let twelve = (1...12).map { SQL("\($0)") }
        var sql: SQL = "SELECT ARRAY["
        for (index, number) in twelve.enumerated() {
            sql += index == 0 ? number : ", \(number)"
        }
        sql += "], \(String(repeating: "x", count: 5000))"
        let (numbers, text) = try session.query(sql).onlyRow().decode(([Int], String).self)
        #expect(numbers == Array(1...12))
        #expect(text.count == 5000)
    }

    @Test(arguments: [
        "'; DROP TABLE victim; --", "$1", "\\'; DROP TABLE victim; --", "'||(SELECT 1)||'",
        "\u{2019}; DROP TABLE victim",
    ])
    func `hostile values stay values`(text: String) throws {
        var session = try TestDatabase().open()
        try session.execute("CREATE TABLE victim (name text)")
        try session.execute("INSERT INTO victim VALUES (\(text))")
        #expect(try session.query("SELECT name FROM victim WHERE name = \(text)").decode(String.self) == [text])
    }

    @Test(arguments: ["a\"; DROP TABLE victim; --", "\"", "", "a.b", "é"])
    func `hostile names stay names`(name: String) throws {
        var session = try TestDatabase().open()
        try session.execute("CREATE TABLE victim ()")
        if name.isEmpty {
            #expect(throws: PostgresError.self) { try session.query("SELECT 1 AS \(identifier: name)") }
        } else {
            #expect(try session.query("SELECT 1 AS \(identifier: name)").columnNames == [name])
        }
        try session.execute("SELECT FROM victim")
    }

    @Test func `a NUL is refused in the text by us and in a value by the server`() throws {
        var session = try TestDatabase().open()
        let inText = #expect(throws: PostgresError.self) {
            try session.query("SELECT 1 AS \(identifier: "a\0b")")
        }
        #expect(inText?.kind == .misuse)
        let inValue = #expect(throws: PostgresError.self) { try session.query("SELECT \("a\0b")") }
        #expect(inValue?.code == .characterNotInRepertoire)
        #expect(session.isClean == true)
    }

    @Test func `two statements in one are refused`() throws {
        var session = try TestDatabase().open()
        let error = #expect(throws: PostgresError.self) { try session.query("SELECT 1; SELECT 2") }
        #expect(error?.code == .syntaxError)
    }

    @Test func `a statement is written once and bound often`() throws {
        let add = Statement<Int64, Int64?, String>("SELECT $1 + coalesce($2, 0), $3")
        var session = try TestDatabase().open()
        for number in 1...5 as ClosedRange<Int64> {
            let row = try session.query(add(number, number == 3 ? nil : 10, "x")).onlyRow()
            #expect(try row.decode((Int64, String).self) == (number == 3 ? 3 : number + 10, "x"))
        }
    }
}
