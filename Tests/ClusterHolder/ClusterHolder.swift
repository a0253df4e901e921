import Foundation
import Logging
import PostgresCluster

/// A process that uses a private cluster, for tests that kill one.
///
/// `ClusterHolder <data directory>` drops the privileges of root, opens the cluster, prints `open <socket directory>`
/// and obeys one word a line: `ensure` and `close`, each answered by a line. It ends with its input, without closing.
@main
struct ClusterHolder {
    static func main() async {
        do {
            let directory = try DataDirectory.prepare(at: CommandLine.arguments.dropFirst().first ?? "")
            try Privileges.drop(to: directory.owner)
            let logger = Logger(label: "holder", logLevel: .critical)
            let cluster = try await PrivateCluster.open(directory, logger: logger, timeout: .seconds(60))
            answer("open \(await cluster.endpoint.socketDirectory)")
            while let word = readLine() {
                switch word {
                case "ensure": answer("running \(try await cluster.ensureRunning().socketDirectory)")
                case "close":
                    try await cluster.close()
                    answer("closed")
                default: answer("unknown")
                }
            }
        } catch let error as ClusterError {
            answer("failed \(error.code.rawValue): \(error)")
        } catch {
            answer("failed \(error)")
        }
    }

    private static func answer(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
