import Arguments
import JSON
import Ledger
import LedgerStore
import Linux
import Postgres
import Sharing
import Transfer

private let file = Command.Positional("FILE", help: "What 'export' has written; - is standard input")

let importCommand = Command(
    "import",
    summary: "Make a ledger of an export, checked event by event, in which nothing is sent yet",
    discussion: """
        Into a data directory, or database, that has no ledger: one is made there. All of the file is taken, or nothing of it:
        every leaf, part, chain and position, and the root over all leaves must be as they were recorded.

        The ledger goes on in a new epoch. As where it came from may have sent more than is known here, every partner is paused,
        running replays are paused, and what waits for our own desk is parked: look, then let go on what is to go on, by
        'partner resume', 'replay resume' and 'delivery retry'.

        Without the key file it can be read and proven, but nobody can act under the agreements that are listed, and 'serve'
        refuses to start until the file is back.
        """,
    examples: [
        .init("import /backup/ledger.export --data NEW --key-file /safe/key", "Make the ledger again in NEW"),
        .init(
            "import /backup/ledger.export --data NEW --json",
            "Without the key file, to read it; who cannot act is listed"
        ),
    ],
    positionals: [file],
    options: Options.common + [Options.json],
) { arguments in
    let path = try arguments.required(file)
    let source: ImportSource
    do {
        source = try ImportSource(try TransferFile.toImport(path))
    } catch let error as SystemError {
        throw CommandFailure("\(error)", status: error.isForMissing ? 66 : 74)
    }
    return try await Workspace.with(arguments, mayCreate: true) { workspace in
        let keys = try importedKeys(workspace, isGiven: arguments[Options.keyFile] != nil)
        try await SchemaSetup(workspace: workspace, logger: workspace.logger).run()
        let bars = TransferBars()
        defer { bars.finish() }
        let ledgerImport = LedgerImport(keys: keys, operator: Workspace.operatorName)
        let report = try await workspace.session(configured: LedgerImport.configured) { session in
            do {
                return try ledgerImport.run(in: &session, from: source, progress: bars.show)
            } catch let error as SystemError {
                throw CommandFailure("the export could not be read: \(error)", status: 74)
            }
        }
        bars.finish()
        await analyze(workspace)
        print(report, workspace, asJSON: arguments[Options.json])
        return 0
    }
}

/// The keys of the key file; `nil` where there is none and none was named.
private func importedKeys(_ workspace: Workspace, isGiven: Bool) throws -> KeyRing? {
    do throws(KeyFile.Fault) {
        return try KeyFile.load(workspace.keyFile, mayCreate: false)
    } catch {
        guard isGiven || KeyFile.exists(workspace.keyFile) else { return nil }
        throw error
    }
}

/// Has the planner know the new tables, which it otherwise learns within minutes.
private func analyze(_ workspace: Workspace) async {
    guard await workspace.configuration(.owner) != nil else { return }
    do {
        try await workspace.session(as: .owner) { session in _ = try session.execute("ANALYZE", within: .seconds(600)) }
    } catch {
        Console.note("shareledger: the database does not analyse its new tables now: \(error)")
    }
}

private func print(_ report: LedgerImport.Report, _ workspace: Workspace, asJSON: Bool) {
    if asJSON {
        JSONText.print { object in
            object.member("origin", "\(report.origin)")
            object.member("old_origin", "\(report.oldOrigin)")
            object.member("events", report.eventCount)
            object.member("root", "\(report.root)")
            object.member("parts", report.partCount)
            object.member("erased_parts", report.erasedCount)
            object.member("deliveries", report.deliveryCount)
            object.member("held_for_desk", report.heldDeskCount)
            object.strings("paused_partners", report.pausedPartners)
            object.name("paused_replays")
            object.array { array in
                for replay in report.pausedReplays { array.integer(replay.rawValue) }
            }
            object.name("agreements_that_cannot_act")
            object.array { array in
                for agreement in report.muteAgreements {
                    array.object { object in
                        object.member("agreement", agreement.agreement)
                        object.member("partner", agreement.partner)
                        object.member("status", agreement.status)
                        object.member("reason", agreement.reason.rawValue)
                    }
                }
            }
        }
        return
    }
    let erased = report.erasedCount > 0 ? ", \(report.erasedCount) more are erased" : ""
    Console.print(
        """
        All \(report.eventCount) events and \(report.partCount) parts of \(report.oldOrigin) are as they were recorded\(erased)
        Root \(report.root)
        It goes on as \(report.origin) from position \(report.eventCount)

        """
    )
    let partners = report.pausedPartners
    if !partners.isEmpty {
        Console.print("Paused until 'partner resume NAME': \(partners.joined(separator: ", "))\n")
    }
    if !report.pausedReplays.isEmpty {
        let replays = report.pausedReplays.map { "\($0)" }.joined(separator: ", ")
        Console.print("Replays paused until 'replay resume ID': \(replays)\n")
    }
    if report.heldDeskCount > 0 {
        Console.print("Parked before our own desk until 'delivery retry': \(report.heldDeskCount) lanes\n")
    }
    Console.print(report.muteAgreements.map { "\(line($0))\n" }.joined())
    if report.muteAgreements.contains(where: { $0.reason != .noKey }) {
        Console.note(
            "shareledger: put the key file of \(report.oldOrigin) at \(workspace.keyFile): 'serve' does not start without it"
        )
    }
}

private func line(_ agreement: MuteAgreement) -> String {
    let name = TerminalText.line("\(agreement.agreement) with \(agreement.partner), \(agreement.status)")
    return "Cannot act, for want of its key (\(agreement.reason.rawValue)): \(name)"
}
