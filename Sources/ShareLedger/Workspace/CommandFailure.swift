import Arguments
import LedgerStore
import Postgres
import PostgresCluster
import Projections
import Sharing
import TicketSharing
import Transfer

/// Why a command did not do what it was asked, with what to do next; printed as it is.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    let status: Int32

    /// - Parameter status: As in sysexits.h: 1 for a plain no, 66 for what is not there, 69 for what is not available,
    ///   78 for wrong settings.
    init(_ description: String, status: Int32 = 1) {
        self.description = description
        self.status = status
    }
}

// MARK: - Errors of the layers below

extension CommandFailure {
    /// What an error means to whoever gave the command.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as UsageError: self.init(error.description, status: 64)
        case let error as OperatorFault: self.init(error.description)
        case let error as AppendError: self.init(error)
        case let error as PostgresError: self.init(error)
        case let error as ClusterError: self.init(error)
        case let error as KeyFile.Fault: self.init(error.description, status: 78)
        case let error as Migrator.Fault: self.init(error.description, status: 78)
        case let error as BaseURLFault:
            self.init(
                "a URL in the database's settings is none: \(error.rawValue); 'shareledger serve' sets it",
                status: 78
            )
        case let error as RebuildFault: self.init(error.description, status: 69)
        case let fault as TransferFault: self.init(fault)
        case is CancellationError: self.init("interrupted", status: 75)
        default: self.init("\(error)", status: 70)
        }
    }

    private init(_ error: AppendError) {
        switch error {
        case .refused: self.init(error.description, status: 65)
        case .notInitialized: self.init(error.description, status: 66)
        case .unavailable, .overloaded, .lostEvents: self.init(error.description, status: 69)
        }
    }

    private init(_ error: PostgresError) {
        switch error.kind {
        case .connection, .deadline: self.init("the database is not available: \(error)", status: 69)
        case .cancelled: self.init("interrupted", status: 75)
        case .server where error.code == .undefinedTable || error.code == .undefinedColumn:
            let advice = "'shareledger init' makes one, 'shareledger migrate' brings one up to date"
            self.init("the database holds no ledger, or one of another version: \(advice)", status: 66)
        case .server where error.code == .insufficientPrivilege:
            self.init("\(error); the service connects as shareledger_service", status: 78)
        case .server where error.code?.errorClass == "53":
            self.init("the database has no room for it: \(error)", status: 69)
        case .misuse: self.init(error.description, status: 78)
        case .server, .decoding: self.init(error.description, status: 70)
        }
    }

    private init(_ fault: TransferFault) {
        switch fault.kind {
        case .file, .version: self.init(fault.description, status: 65)
        case .target: self.init(fault.description, status: 73)
        case .state: self.init(fault.description)
        }
    }

    private init(_ error: ClusterError) {
        switch error.code {
        case .directoryRefused, .accessDenied, .foreignOwner, .unusableUser: self.init(error.description, status: 78)
        default: self.init(error.description, status: 69)
        }
    }
}
