import Arguments
import Foundation
import JSON
import Ledger
import Linux
import Transfer

private let file = Command.Positional(
    "FILE",
    help: "The file to write, which must not be there yet; - is standard output"
)
private let resume = Flag("resume", help: "Go on with FILE, which an export that was interrupted has begun")

let exportCommand = Command(
    "export",
    summary: "Write the whole ledger into a file, from which 'import' makes it anew elsewhere",
    discussion: """
        Events, their bytes and what waits to be delivered, as of one moment; the service goes on meanwhile. Access keys are in
        it as they are stored, encrypted: keep the key file apart from it, as without that nobody can act under any agreement
        again. The file holds what partners have shared: it is made 0600, and should stay that.

        An export that was interrupted is gone on with by --resume, which looks at what is there first.
        """,
    examples: [
        .init("export /backup/ledger.export", "Write it into a file"),
        .init("export /backup/ledger.export --resume", "Go on where that was interrupted"),
        .init("export -", "Write it to standard output, as in: shareledger export - | zstd >ledger.export.zst"),
    ],
    positionals: [file],
    options: Options.common + [resume, Options.json],
) { arguments in
    let path = try arguments.required(file)
    let directory = try Workspace.directory(arguments, mayCreate: false)
    // Opened while root's rights are still there, for a directory that is root's own.
    let target: TransferFile
    do {
        target = try TransferFile.toExport(path, isResumed: arguments[resume])
    } catch let error as SystemError {
        throw CommandFailure("\(error)", status: arguments[resume] && error.isForMissing ? 66 : 73)
    }
    return try await Workspace.with(arguments, in: directory) { workspace in
        let bars = TransferBars()
        defer { bars.finish() }
        let isResumed = arguments[resume]
        let report: LedgerExport.Report
        do {
            report = try await workspace.session { session in
                try LedgerExport.run(in: &session, to: target, isResumed: isResumed, progress: bars.show)
            }
        } catch let error as SystemError {
            guard !error.isForWantOfReaders else {
                throw CommandFailure("nobody reads the export any more", status: 128 + SIGPIPE)
            }
            let advice = path == "-" ? "" : "; 'shareledger export \(path) --resume' goes on once there is room"
            throw CommandFailure("the export could not be written: \(error)\(advice)", status: 74)
        }
        bars.finish()
        print(report, path: path, asJSON: arguments[Options.json])
        return 0
    }
}

/// Says what was written, beside the export itself where that goes to standard output.
private func print(_ report: LedgerExport.Report, path: String, asJSON: Bool) {
    if !report.erasures.isEmpty {
        let list = report.erasures.prefix(5).map { "\($0)" }.joined(separator: ", ")
        let text = "what events \(list) erased may be in the file, as it was written before"
        Console.note("shareledger: \(text); export again, and destroy this one, if it must not be")
    }
    guard path != "-" else {
        Console.note("\(report.eventCount) events of \(report.origin), root \(report.root)")
        return
    }
    if asJSON {
        JSONText.print { object in
            object.member("file", path)
            object.member("origin", "\(report.origin)")
            object.member("events", report.eventCount)
            object.member("resumed_events", report.resumedCount)
            object.member("root", "\(report.root)")
            object.member("bytes", report.byteCount)
            object.name("erasures_meanwhile")
            object.array { array in
                for position in report.erasures { array.integer(position.rawValue) }
            }
        }
        return
    }
    let resumed = report.resumedCount > 0 ? ", \(report.resumedCount) of them earlier" : ""
    Console.print(
        """
        \(report.eventCount) events of \(report.origin)\(resumed), in \(report.byteCount) bytes
        Root \(report.root)
        Keep the key file apart from it: without it nobody can act under the agreements again

        """
    )
}
