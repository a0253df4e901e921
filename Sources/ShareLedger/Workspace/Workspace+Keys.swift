import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster

extension Workspace {
    /// The keys of the ledger's key file, which is made with the ledger and never again.
    ///
    /// Another one would open no access key and know no token, and what came meanwhile would be stored under it.
    func keys(mayCreate: Bool) async throws -> KeyRing {
        let (exists, stored) = try await session { session in
            let epochs = try session.query("SELECT FROM ledger.epoch LIMIT 1")
            return (epochs.count > 0, try SealedKeys.read(in: &session))
        }
        let keys: KeyRing
        do throws(KeyFile.Fault) {
            keys = try KeyFile.load(keyFile, mayCreate: mayCreate && !exists)
        } catch {
            guard exists else { throw error }
            let advice = "there is a ledger that was made with it, and no other will do: restore it from its backup"
            throw CommandFailure("\(error.description); \(advice)", status: 78)
        }
        switch stored.fit(keys) {
        case .nothing, .all: break
        case .older:
            logger.warning(
                "the newest access keys were stored with another key file: their agreements cannot be spoken for",
                metadata: ["key.file": "\(keyFile)"]
            )
        case .none:
            throw CommandFailure(
                "the key file \(keyFile) does not open the access keys in the ledger: it is another ledger's. "
                    + "Restore the one that belongs to it; --key-file names another place.",
                status: 78
            )
        }
        return keys
    }
}
