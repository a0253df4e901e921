import Foundation
import Postgres
import Testing

@Suite struct RowBatchTests {
    private let database: TestDatabase
    private static let columnCount = 11

    init() throws {
        database = try TestDatabase(isolated: ())
        var session = try database.open()
        try session.run(
            script: """
                CREATE SCHEMA ledger;
                CREATE DOMAIN ledger.position AS bigint CHECK (VALUE >= 0);
                CREATE DOMAIN ledger.place AS ledger.position;
                CREATE TYPE ledger.direction AS ENUM ('in', 'out');
                CREATE TABLE ledger.event (
                    position ledger.place, dropped text, id uuid, hash bytea, tags text[], parts bytea[], sizes bigint[],
                    direction ledger.direction, body jsonb, name varchar(20), at timestamptz, ok boolean, ratio float8);
                ALTER TABLE ledger.event DROP COLUMN dropped;
                """
        )
    }

    private func fill(_ batch: inout RowBatch, _ range: Range<Int64>) throws {
        for number in range {
            try batch.appendRow { row in
                guard number % 3 != 0 else {
                    row.append(number)
                    for _ in 1..<12 { row.appendNull() }
                    return
                }
                row.append(number)
                row.append(UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, UInt8(number % 256))))
                row.append([UInt8](repeating: 7, count: Int(number % 5)))
                row.append(["a", nil, "é\(number)"] as [String?])
                row.append([[1, 2], []] as [[UInt8]])
                row.append([number, -number])
                row.append(number % 2 == 0 ? "in" : "out")
                row.append("{\"n\": \(number)}" as String?)
                row.append("name")
                row.append(Time(microseconds: number))
                row.append(true)
                row.append(0.5)
            }
        }
    }

    private struct Time: PostgresEncodable {
        let microseconds: Int64

        static var postgresType: PostgresType { .timestamptz }

        func encode(into buffer: inout PostgresBuffer) {
            buffer.append(microsecondsSince1970: microseconds)
        }
    }

    private func digest(_ session: inout PostgresSession) throws -> String {
        try session.query("SELECT md5(string_agg(e::text, E'\\n' ORDER BY position)) FROM ledger.event AS e").onlyRow()
            .decode(String.self)
    }

    @Test func `rows of every type go in as one parameter`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("ledger.event"))
        try fill(&batch, 0..<256)
        #expect(batch.count == 256)
        let insert = Statement<RowBatch>("INSERT INTO ledger.event SELECT e.* FROM unnest($1) AS e")
        #expect(try session.execute(insert(batch)) == 256)
        let row = try session.query(
            """
            SELECT position, id::text, hash, tags, parts, sizes, direction::text, (body->'n')::bigint, name,
                   extract(epoch FROM at) * 1000000 = position, ok, ratio
            FROM ledger.event WHERE position = 4
            """
        ).onlyRow()
        #expect(try row[0, as: Int64.self] == 4)
        #expect(try row[1, as: String.self] == "01020304-0506-0708-090a-0b0c0d0e0f04")
        #expect(try row[2, as: [UInt8].self] == [7, 7, 7, 7])
        #expect(try row[3, as: [String?].self] == ["a", nil, "é4"])
        #expect(try row[4, as: [[UInt8]].self] == [[1, 2], []])
        #expect(try row[5, as: [Int64].self] == [4, -4])
        #expect(try row[6, as: String.self] == "in")
        #expect(try row[7, as: Int64.self] == 4)
        #expect(try row[8, as: String.self] == "name")
        #expect(try row[9, as: Bool.self])
        #expect(try row[10, as: Bool.self])
        #expect(try row[11, as: Double.self] == 0.5)
        let nulls = try session.query("SELECT count(*) FROM ledger.event WHERE num_nulls(id, body, ratio) = 3")
            .onlyRow()
        #expect(try nulls.decode(Int.self) == 86)
    }

    @Test func `the same rows go in by COPY, and are the same then`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("ledger.event"))
        try fill(&batch, 0..<500)
        try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e")
        let inserted = try digest(&session)
        try session.execute("TRUNCATE ledger.event")
        let count = try session.copyIn("COPY ledger.event FROM STDIN (FORMAT binary)") { writer in
            try writer.write(batch)
        }
        #expect(count == 500)
        #expect(try digest(&session) == inserted)
    }

    @Test func `an emptied batch is filled again, and an empty one inserts nothing`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("ledger.event"))
        #expect(try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e") == 0)
        for round in 0..<3 as Range<Int64> {
            batch.removeAll()
            #expect(batch.byteCount == 0)
            try fill(&batch, round * 10..<round * 10 + 10)
            #expect(try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e") == 10)
        }
        #expect(try session.query("SELECT count(*) FROM ledger.event").onlyRow().decode(Int.self) == 30)
    }

    @Test func `a row that does not fit its table is refused, and leaves the batch as it was`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("ledger.event"))
        try fill(&batch, 0..<2)
        let size = batch.byteCount
        func refusal(_ body: (inout RowWriter) -> Void) throws -> String {
            let error = try #require(#expect(throws: PostgresError.self) { try batch.appendRow(body) })
            #expect(error.kind == .misuse)
            return error.message
        }
        #expect(
            try refusal { $0.append("text") }
                == #"row 2 for ledger.event: column "position" is int8, the value is text"#
        )
        #expect(try refusal { $0.append(1 as Int64) } == #"row 2 for ledger.event: no value for column "id""#)
        #expect(
            try refusal { row in (0..<13).forEach { _ in row.appendNull() } }
                == "row 2 for ledger.event: more than 12 values"
        )
        #expect(batch.count == 2)
        #expect(batch.byteCount == size)
        #expect(try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e") == 2)
    }

    @Test func `a value that the table refuses fails the statement with its constraint`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("ledger.event"))
        try fill(&batch, 1..<2)
        try batch.appendRow { row in
            row.append(-5 as Int64)
            for _ in 1..<12 { row.appendNull() }
        }
        let error = #expect(throws: PostgresError.self) {
            try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e")
        }
        #expect(error?.code == .checkViolation)
        #expect(error?.constraint == "position_check")
        #expect(session.isClean == true)
    }

    @Test func `row types are looked up once, forgotten when they no longer fit, and unknown ones are named`() throws {
        var session = try database.open()
        let type = try session.compositeType("ledger.event")
        #expect(type.columns.map(\.name).prefix(3) == ["position", "id", "hash"])
        #expect(type.columns[0].baseType == .int8)
        #expect(type.columns[6].isEnumeration)
        var batch = RowBatch(type)
        try fill(&batch, 0..<1)
        let insert: SQL = "INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e"
        try session.execute("ALTER TABLE ledger.event ADD COLUMN more text")
        #expect(throws: PostgresError.self) { try session.execute(insert) }
        #expect(try session.compositeType("ledger.event").columns.last?.name == "more")
        for name in ["ledger.nothing", "int8", "'; DROP TABLE ledger.event", ""] {
            #expect(throws: PostgresError.self) { try session.compositeType(name) }
        }
        #expect(session.isClean == true)
    }
}
