import CLibPQ
import Glibc

/// Owns one `PGresult` and frees it exactly once.
@safe struct ResultHandle: ~Copyable, Sendable {
    private let address: SharedAddress

    init(taking pointer: OpaquePointer) {
        unsafe address = SharedAddress(pointer)
    }

    deinit {
        unsafe PQclear(address.pointer)
    }

    var status: ExecStatusType {
        unsafe PQresultStatus(address.pointer)
    }

    // MARK: - Rows

    var rowCount: Int {
        unsafe Int(PQntuples(address.pointer))
    }

    var columnCount: Int {
        unsafe Int(PQnfields(address.pointer))
    }

    func columnName(_ column: Int) -> String {
        guard let name = unsafe PQfname(address.pointer, Int32(column)) else { return "" }
        return unsafe String(cString: name)
    }

    /// The place of the first column of that name.
    func column(named name: String) -> Int? {
        unsafe name.withCString { name in
            (0..<columnCount).first { column in
                guard let other = unsafe PQfname(address.pointer, Int32(column)) else { return false }
                return unsafe strcmp(other, name) == 0
            }
        }
    }

    func columnType(_ column: Int) -> PostgresType {
        unsafe PostgresType(rawValue: PQftype(address.pointer, Int32(column)))
    }

    func isNull(row: Int, column: Int) -> Bool {
        unsafe PQgetisnull(address.pointer, Int32(row), Int32(column)) == 1
    }

    /// Lends the bytes of one field, which live as long as this result.
    func withField<Result, Failure: Error>(
        row: Int,
        column: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Result,
    ) throws(Failure) -> Result {
        let start = unsafe PQgetvalue(address.pointer, Int32(row), Int32(column))
        let count = unsafe Int(PQgetlength(address.pointer, Int32(row), Int32(column)))
        let bytes = unsafe UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count)
        return try unsafe bytes.withMemoryRebound(to: UInt8.self) { (bytes) throws(Failure) in
            try unsafe body(bytes.span)
        }
    }

    // MARK: - Commands

    /// `INSERT 0 5`, `COMMIT`: the server's own word for what it did.
    var commandTag: String {
        guard let tag = unsafe PQcmdStatus(address.pointer) else { return "" }
        return unsafe String(cString: tag)
    }

    /// Whether a COPY moves binary data.
    var isBinaryCopy: Bool {
        unsafe PQbinaryTuples(address.pointer) == 1
    }

    /// Zero for commands that do not count rows.
    var affectedRowCount: Int {
        guard let text = unsafe PQcmdTuples(address.pointer) else { return 0 }
        return unsafe Int(String(cString: text)) ?? 0
    }

    // MARK: - Errors

    func field(_ field: ErrorField) -> String? {
        guard let text = unsafe PQresultErrorField(address.pointer, field.rawValue) else { return nil }
        return unsafe String(cString: text)
    }

    /// libpq's own text, for what it reports itself and no server did.
    var errorMessage: String {
        guard let text = unsafe PQresultErrorMessage(address.pointer) else { return "" }
        return unsafe String(cString: text)
    }
}

/// The parts of an error or notice, by the letters of the wire protocol (`PG_DIAG_…`).
enum ErrorField {
    case severity
    case code
    case message
    case detail
    case hint
    case context
    case schema
    case table
    case column
    case dataType
    case constraint
    case sourceFunction

    var rawValue: Int32 {
        let letter: Unicode.Scalar =
            switch self {
            case .severity: "V"
            case .code: "C"
            case .message: "M"
            case .detail: "D"
            case .hint: "H"
            case .context: "W"
            case .schema: "s"
            case .table: "t"
            case .column: "c"
            case .dataType: "d"
            case .constraint: "n"
            case .sourceFunction: "R"
            }
        return Int32(letter.value)
    }
}
