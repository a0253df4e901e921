/// The five characters by which PostgreSQL names what happened (its manual, appendix A).
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Digits and capital letters, such as `40001`.
    package let rawValue: String

    /// Also for codes of our own functions.
    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The first two characters, shared by related codes.
    package var errorClass: Substring {
        rawValue.prefix(2)
    }

    package var description: String {
        rawValue
    }
}

// MARK: - Codes

extension SQLState {
    /// 0A000; also what a prepared statement reports after the tables under it changed shape.
    package static let featureNotSupported = SQLState(rawValue: "0A000")
    /// 21000
    package static let cardinalityViolation = SQLState(rawValue: "21000")
    /// 22003
    package static let numericValueOutOfRange = SQLState(rawValue: "22003")
    /// 22008
    package static let datetimeFieldOverflow = SQLState(rawValue: "22008")
    /// 22021; a NUL or a byte sequence that is no UTF-8.
    package static let characterNotInRepertoire = SQLState(rawValue: "22021")
    /// 22P02
    package static let invalidTextRepresentation = SQLState(rawValue: "22P02")
    /// 22P03; a binary parameter that does not have the form of its type.
    package static let invalidBinaryRepresentation = SQLState(rawValue: "22P03")
    /// 22P04
    package static let badCopyFileFormat = SQLState(rawValue: "22P04")
    /// 23502
    package static let notNullViolation = SQLState(rawValue: "23502")
    /// 23503
    package static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// 23505
    package static let uniqueViolation = SQLState(rawValue: "23505")
    /// 23514
    package static let checkViolation = SQLState(rawValue: "23514")
    /// 23P01
    package static let exclusionViolation = SQLState(rawValue: "23P01")
    /// 25006
    package static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// 25P02; an earlier statement of the transaction failed.
    package static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// 25P03; the server has closed the connection.
    package static let idleInTransactionSessionTimeout = SQLState(rawValue: "25P03")
    /// 26000; a prepared statement that the server does not know.
    package static let invalidStatementName = SQLState(rawValue: "26000")
    /// 28000
    package static let invalidAuthorization = SQLState(rawValue: "28000")
    /// 28P01
    package static let invalidPassword = SQLState(rawValue: "28P01")
    /// 3D000; no such database.
    package static let invalidCatalogName = SQLState(rawValue: "3D000")
    /// 40001
    package static let serializationFailure = SQLState(rawValue: "40001")
    /// 40P01
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    /// 42501
    package static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// 42601
    package static let syntaxError = SQLState(rawValue: "42601")
    /// 42703
    package static let undefinedColumn = SQLState(rawValue: "42703")
    /// 42804
    package static let datatypeMismatch = SQLState(rawValue: "42804")
    /// 42883
    package static let undefinedFunction = SQLState(rawValue: "42883")
    /// 42P01
    package static let undefinedTable = SQLState(rawValue: "42P01")
    /// 42P07
    package static let duplicateTable = SQLState(rawValue: "42P07")
    /// 53100
    package static let diskFull = SQLState(rawValue: "53100")
    /// 53200
    package static let outOfMemory = SQLState(rawValue: "53200")
    /// 53300
    package static let tooManyConnections = SQLState(rawValue: "53300")
    /// 55P03
    package static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// 57014; cancelled, by us, by an operator or by `statement_timeout`.
    package static let queryCanceled = SQLState(rawValue: "57014")
    /// 57P01; the server is stopping, or an operator ended the session.
    package static let adminShutdown = SQLState(rawValue: "57P01")
    /// 57P02; another backend crashed.
    package static let crashShutdown = SQLState(rawValue: "57P02")
    /// 57P03; the server is starting, stopping or recovering.
    package static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// 57P05
    package static let idleSessionTimeout = SQLState(rawValue: "57P05")
    /// P0001; `RAISE` without a code.
    package static let raiseException = SQLState(rawValue: "P0001")
}

extension SQLState {
    /// Class 22, whose messages quote the value they complain about.
    var quotesValues: Bool {
        errorClass == "22"
    }

    /// The server has ended, or will not take, the connection.
    var endsConnection: Bool {
        switch self {
        case .adminShutdown, .crashShutdown, .cannotConnectNow, .idleSessionTimeout, .idleInTransactionSessionTimeout:
            true
        default:
            errorClass == "08"
        }
    }

    /// Conflicts with others and shortages, which may be gone on the next try.
    var isTransient: Bool {
        switch self {
        case .serializationFailure, .deadlockDetected, .lockNotAvailable, .invalidStatementName:
            true
        default:
            errorClass == "53"
        }
    }
}
