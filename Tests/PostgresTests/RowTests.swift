import Postgres
import Testing

@Suite struct RowTests {
    private let rows: Rows

    init() throws {
        var session = try TestDatabase().open()
        rows = try session.query(
            """
            SELECT n AS id, 'row ' || n AS name, CASE WHEN n > 1 THEN decode('00ff', 'hex') END AS body
            FROM generate_series(1, 3) AS n
            """
        )
    }

    @Test func `rows are a collection, and decode as tuples`() throws {
        #expect(rows.count == 3)
        #expect(rows.columnNames == ["id", "name", "body"])
        #expect(rows.columnTypes == [.int4, .text, .bytea])
        #expect(rows.affectedRowCount == 3)
        #expect(rows.commandTag == "SELECT 3")
        let decoded = try rows.decode((Int, String, [UInt8]?).self)
        #expect(decoded.map(\.0) == [1, 2, 3])
        #expect(decoded.map(\.2) == [nil, [0, 255], [0, 255]])
        #expect(try rows.map { try $0["name", as: String.self] } == ["row 1", "row 2", "row 3"])
    }

    @Test func `rows outlive their session and cross tasks`() async throws {
        let rows = rows
        let names = try await Task.detached { try rows.decode((Int, String, [UInt8]?).self).map(\.1) }.value
        #expect(names == ["row 1", "row 2", "row 3"])
    }

    @Test func `bytes are lent without a copy`() {
        #expect(rows[1].withBytes(of: 2) { bytes in bytes.count == 2 && bytes[1] == 255 })
        #expect(rows[0].withBytes(of: 2) { bytes in bytes.isEmpty })
        #expect(rows[0].isNull(2))
        #expect(!rows[1].isNull(2))
    }

    @Test func `a field that does not fit is named, with what was expected and what came`() throws {
        func message(_ read: () throws -> Void) throws -> String {
            let error = try #require(#expect(throws: PostgresError.self, performing: read))
            #expect(error.kind == .decoding)
            return error.message
        }
        #expect(
            try message { _ = try rows[0].decode((Int, Int, [UInt8]?).self) }
                == #"column 1 "name": expected Int from int8, got text"#
        )
        #expect(
            try message { _ = try rows[0]["body", as: [UInt8].self] }
                == #"column 2 "body": expected Array<UInt8> from bytea, got NULL"#
        )
        #expect(try message { _ = try rows[0].decode((Int, String).self) } == "expected 2 columns, got 3")
        #expect(try message { _ = try rows[0].decode(column: 3, as: Int.self) } == "no column 3, there are 3")
        #expect(
            try message { _ = try rows[0].decode(column: "nome", as: Int.self) }
                == #"no column "nome", there are ["id", "name", "body"]"#
        )
        #expect(try message { _ = try rows.onlyRow() } == "expected one row, got 3")
    }
}
