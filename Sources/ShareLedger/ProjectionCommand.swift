import Arguments
import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing

private let workers = Option<Int>("workers", "N", in: 1...64, help: "Connections that fold at a time", defaultText: "2")

let projectionCommand = Command(
    "projection",
    summary: "The current state, which is folded from the ledger",
    subcommands: [verifyCommand, rebuildCommand],
)

private let verifyCommand = Command(
    "verify",
    summary: "Fold everything again and compare it with the projections",
    discussion: """
        Holds the stored bytes that tickets and agreements are made of against the commitments in their events, and changes
        nothing; the service goes on meanwhile. The exit status is 1 where something differs or cannot be folded.
        """,
    examples: [
        .init("projection verify", "Say where the current state is not what the ledger makes it"),
        .init("projection verify --json", "The same for a program"),
    ],
    options: Options.common + [workers, Options.json],
) { arguments in
    try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            guard let configuration = await workspace.configuration(.service) else {
                preconditionFailure("there is always a service role")
            }
            let bar = ProgressBar("Verifying")
            defer { bar.finish() }
            let report = try await ProjectionVerifier.run(
                configuration,
                keys: store.keys,
                workers: arguments[workers] ?? 2,
                progress: bar.show
            )
            bar.finish()
            if arguments[Options.json] {
                JSONText.print { object in
                    object.member("end", report.end.rawValue)
                    object.member("followed", report.followed.rawValue)
                    object.member("shares", report.shareCount)
                    object.member("events", report.eventCount)
                    object.write(report.differences)
                }
            } else {
                print(report.differences)
                let lag = report.end.rawValue - report.followed.rawValue
                let behind = lag > 0 ? "; the last \(lag) events are still to be followed" : ""
                Console.print("\(report.eventCount) messages of \(report.shareCount) shares folded\(behind)\n")
                Console.print(advice(report.differences))
            }
            return report.differences.isEmpty ? 0 : 1
        }
    }
}

private let rebuildCommand = Command(
    "rebuild",
    summary: "Fold everything again and put the result in the place of the projections",
    discussion: """
        The new state is made beside the old one and takes its place in one transaction; messages are taken all the time.
        Interrupted, it leaves everything as it was. It needs the database's owner: with a database of your own set
        SHARELEDGER_OWNER_URL. The exit status is 1 where messages could not be folded, as where their bytes are damaged: what
        they said is then missing from the new state, and listed as unfolded.
        """,
    examples: [.init("projection rebuild", "Make the current state anew")],
    options: Options.common + [workers, Options.json],
) { arguments in
    try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            guard let owner = await workspace.configuration(.owner) else {
                throw CommandFailure(
                    "this needs the database's owner: set SHARELEDGER_OWNER_URL to a URL that connects as shareledger_owner",
                    status: 78,
                )
            }
            var options = ProjectionRebuilder.Options()
            options.workers = arguments[workers] ?? options.workers
            let bar = ProgressBar("Rebuilding")
            defer { bar.finish() }
            let report = try await ProjectionRebuilder.run(
                owner,
                settings: store.settings,
                keys: store.keys,
                options: options,
                progress: bar.show
            )
            bar.finish()
            if arguments[Options.json] {
                JSONText.print { object in
                    object.member("swapped", report.isSwapped)
                    object.member("shares", report.shareCount)
                    object.member("events", report.eventCount)
                    object.member("mended", report.mendedCount)
                    object.write(report.differences)
                    object.strings("faults", report.faults.map(\.description))
                }
            } else {
                print(report.differences)
                report.faults.forEach { Console.print(TerminalText.line("\($0)") + "\n") }
                Console.print("\(report.eventCount) messages of \(report.shareCount) shares folded\n")
                Console.print(
                    report.differences.isEmpty ? "The new state equals the old one\n" : "The old state differed\n"
                )
            }
            return report.isSwapped && report.faults.isEmpty ? 0 : 1
        }
    }
}

/// What to do about differences. What is wrong with the ledger itself no rebuild can put right.
private func advice(_ differences: DifferenceList) -> String {
    if differences.isEmpty { return "All projections are what the ledger makes them\n" }
    guard differences.unfoldableCount > 0 else {
        return "'shareledger projection rebuild' puts this right; 'shareledger doctor' looks for the cause\n"
    }
    return """
        \(differences.unfoldableCount) events cannot be folded, which no rebuild puts right: compare the ledger with a backup; \
        'shareledger doctor --all' names all that is damaged

        """
}

/// One line a difference, and how many there are in all.
private func print(_ differences: DifferenceList) {
    for difference in differences.first.sorted(by: { $0.since < $1.since }) {
        Console.print(TerminalText.line("\(difference)") + "\n")
    }
    if differences.count > differences.first.count {
        Console.print("… \(differences.count) differences in all\n")
    }
}

extension JSONWriter {
    /// The members `difference_count` and `differences`, of which there are the first ones.
    fileprivate mutating func write(_ list: DifferenceList) {
        member("difference_count", list.count)
        member("unfoldable_count", list.unfoldableCount)
        name("differences")
        array { array in
            for difference in list.first.sorted(by: { $0.since < $1.since }) {
                array.object { object in
                    object.member("table", difference.table.rawValue)
                    object.member("row", difference.row)
                    object.member("position", difference.since.rawValue)
                    object.member("difference", "\(difference)")
                }
            }
        }
    }
}
