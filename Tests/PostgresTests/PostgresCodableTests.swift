import Foundation
import Postgres
import Testing

@Suite struct PostgresCodableTests {
    private let database: TestDatabase

    init() throws {
        database = try TestDatabase()
    }

    /// Through the server and back, and the server's own text for it.
    private func roundTrip<Value: PostgresCodable & Equatable>(_ values: [Value], as texts: [String?]) throws {
        var session = try database.open()
        for (value, text) in zip(values, texts) {
            let (same, written) = try session.query("SELECT \(value), \(value)::text").onlyRow()
                .decode((Value, String?).self)
            #expect(same == value)
            #expect(written == text)
        }
    }

    @Test func `integers keep their extremes`() throws {
        try roundTrip([Int16.min, 0, .max], as: ["-32768", "0", "32767"])
        try roundTrip([Int32.min, 0, .max], as: ["-2147483648", "0", "2147483647"])
        try roundTrip([Int64.min, 0, .max], as: ["-9223372036854775808", "0", "9223372036854775807"])
        try roundTrip([Int.min, 0, .max], as: ["-9223372036854775808", "0", "9223372036854775807"])
        try roundTrip([UInt32.min, .max], as: ["0", "4294967295"])
    }

    @Test func `floating-point numbers keep their extremes`() throws {
        try roundTrip(
            [0.1, -.infinity, .greatestFiniteMagnitude],
            as: ["0.1", "-Infinity", "1.7976931348623157e+308"]
        )
        var session = try database.open()
        #expect(try session.query("SELECT \(Double.nan)").onlyRow()[0, as: Double.self].isNaN)
        #expect(try session.query("SELECT 0.5::float4").onlyRow()[0, as: Double.self] == 0.5)
    }

    @Test func `truth values, texts, bytes and UUIDs come back as they were`() throws {
        try roundTrip([true, false], as: ["true", "false"])
        let texts = ["", "plain", "'; DROP TABLE x; --", "$1 \\ \" é 日本 👩‍👩‍👧", String(repeating: "x", count: 100_000)]
        try roundTrip(texts, as: texts)
        try roundTrip([[UInt8](), [0, 255, 0], Array(0...255)], as: ["\\x", "\\x00ff00", nil].prefix(2) + [allBytes])
        let uuid = try #require(UUID(uuidString: "018f4e2a-0000-7000-8000-00000000ffff"))
        try roundTrip([uuid], as: ["018f4e2a-0000-7000-8000-00000000ffff"])
    }

    private var allBytes: String {
        "\\x" + (0...255).map { String(format: "%02x", $0) }.joined()
    }

    @Test func `NULL is nil and nothing else`() throws {
        try roundTrip([nil, 5] as [Int64?], as: [nil, "5"])
        try roundTrip([nil, ""] as [String?], as: [nil, ""])
        try roundTrip([nil, []] as [[UInt8]?], as: [nil, "\\x"])
        try roundTrip([nil, []] as [[String]?], as: [nil, "{}"])
    }

    @Test func `arrays come back, empty, with NULLs, and of every type`() throws {
        try roundTrip([[], [1], [.min, .max]] as [[Int64]], as: ["{}", "{1}", "{\(Int64.min),\(Int64.max)}"])
        try roundTrip([[1, nil, 3], [nil]] as [[Int?]], as: ["{1,NULL,3}", "{NULL}"])
        try roundTrip([["a", "", "NULL", "{,}"]], as: [#"{a,"","NULL","{,}"}"#])
        try roundTrip([[nil, "x"]] as [[String?]], as: ["{NULL,x}"])
        try roundTrip([[[1, 2], []]] as [[[UInt8]]], as: [#"{"\\x0102","\\x"}"#])
        try roundTrip([[[1], nil]] as [[[UInt8]?]], as: [#"{"\\x01",NULL}"#])
        try roundTrip([[true, false]], as: ["{t,f}"])
        try roundTrip([[1, -1]] as [[Int16]], as: ["{1,-1}"])
        try roundTrip([[1, -1]] as [[Int32]], as: ["{1,-1}"])
        try roundTrip([[0.5]], as: ["{0.5}"])
        try roundTrip(
            [[UUID(uuid: (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2))]],
            as: ["{01000000-0000-0000-0000-000000000002}"]
        )
    }

    @Test func `an array of arrays and an array with a NULL that nobody expects are refused`() throws {
        var session = try database.open()
        #expect(throws: PostgresError.self) { try session.query("SELECT \([[1, 2], [3, 4]])") }
        #expect(session.isClean == true)
        for text in ["{{1,2},{3,4}}", "{1,NULL}"] {
            let row = try session.query("SELECT \(text)::bigint[]").onlyRow()
            let error = #expect(throws: PostgresError.self) { try row.decode([Int64].self) }
            #expect(error?.kind == .decoding)
        }
    }

    @Test func `smaller integers are read into larger ones, never the other way`() throws {
        var session = try database.open()
        let row = try session.query("SELECT 1::int2, 2::int4, 3::int8").onlyRow()
        let (a, b, c) = try row.decode((Int64, Int32, Int).self)
        #expect(a == 1 && b == 2 && c == 3)
        #expect(try row[0, as: Int32.self] == 1)
        #expect(try row[1, as: Int64.self] == 2)
        #expect(throws: PostgresError.self) { try row[2, as: Int32.self] }
        #expect(throws: PostgresError.self) { try row[1, as: Int16.self] }
    }

    @Test func `texts of all kinds are read as strings`() throws {
        var session = try database.open()
        let row = try session.query(
            "SELECT 'a'::varchar, 'b'::char(3), 'c'::name, 'd', '{\"e\": 1}'::json, 1.50::numeric::text"
        ).onlyRow()
        #expect(
            try row.decode((String, String, String, String, String, String).self)
                == ("a", "b  ", "c", "d", "{\"e\": 1}", "1.50")
        )
    }

    // MARK: - Types of other modules

    private struct Instant: PostgresCodable, Equatable {
        let microseconds: Int64

        static var postgresType: PostgresType { .timestamptz }

        func encode(into buffer: inout PostgresBuffer) {
            buffer.append(microsecondsSince1970: microseconds)
        }

        init(_ microseconds: Int64) {
            self.microseconds = microseconds
        }

        init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
            microseconds = try PostgresEpoch.microsecondsSince1970(bytes)
        }
    }

    private enum State: String, PostgresCodable {
        case open
        case closed
    }

    private struct Position: RawRepresentable, PostgresCodable, Equatable {
        let rawValue: Int64
    }

    @Test func `a type of one's own needs three lines, a wrapper none`() throws {
        var session = try database.open()
        try session.execute("SET timezone = 'UTC'")
        let instants = [Instant(0), Instant(1_700_000_000_123_456), Instant(-1)]
        let row = try session.query(
            "SELECT \(instants), \(instants)::text[], \(State.closed), \([Position(rawValue: 7)])"
        )
        .onlyRow()
        let (times, texts, state, positions) = try row.decode(([Instant], [String], State, [Position]).self)
        #expect(times == instants)
        #expect(
            texts == [
                "1970-01-01 00:00:00+00", "2023-11-14 22:13:20.123456+00", "1969-12-31 23:59:59.999999+00",
            ]
        )
        #expect(state == .closed)
        #expect(positions == [Position(rawValue: 7)])
        #expect(throws: PostgresError.self) { try session.query("SELECT 'ajar'::text").onlyRow().decode(State.self) }
    }

    @Test func `a time is never infinite by accident`() throws {
        var session = try database.open()
        for microseconds in [Int64.min, Int64.min + PostgresEpoch.microsecondsFrom1970] {
            let error = #expect(throws: PostgresError.self) {
                try session.query("SELECT \(Instant(microseconds))")
            }
            #expect(error?.code == .datetimeFieldOverflow)
        }
        for text in ["infinity", "-infinity"] {
            let row = try session.query("SELECT \(text)::timestamptz").onlyRow()
            #expect(throws: PostgresError.self) { try row.decode(Instant.self) }
        }
    }
}
