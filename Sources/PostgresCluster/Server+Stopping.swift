import Foundation
package import Linux
import Logging

extension Server {
    /// Stops the server if one runs, and waits for its end.
    ///
    /// Sessions are ended (`fast`). A server that does not end within `patience` is stopped without a checkpoint:
    /// nothing that was committed is lost, but the next start takes longer.
    package func stop(patience: Patience) throws {
        guard case .running(let file) = try observe(), let process = try ProcessHandle(id: file.processID),
            // Looked at again: between the first look and the handle the number may have changed hands.
            case .running(let same) = try observe(), same.processID == process.id
        else { return }
        var signal = SIGINT
        var current = patience
        try process.send(signal)
        while try process.waitForExit(slicedBy: current) == nil {
            do {
                try current.check()
            } catch is Patience.Exhausted where signal == SIGINT {
                logger.warning("PostgreSQL does not stop, ending it at once", metadata: ["process.id": "\(process.id)"])
                signal = SIGQUIT
                current = Patience(.seconds(10), endsWithTask: false)
                try process.send(signal)
            } catch is Patience.Exhausted {
                throw ClusterError(.stopFailed, "PostgreSQL (process \(process.id)) did not stop.")
            }
        }
        logger.info("Stopped PostgreSQL", metadata: ["process.id": "\(process.id)"])
        if let socket = file.endpoint?.socketDirectory, !socket.hasPrefix(directory.path + "/") {
            try FileStatus.remove(socket)
        }
    }
}
