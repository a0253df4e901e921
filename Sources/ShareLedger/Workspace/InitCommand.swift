import Arguments
import Ledger
import LedgerStore
import PostgresCluster

let initCommand = Command(
    "init",
    summary: "Make the ledger: database, keys, origin",
    discussion: """
        The origin names the ledger in every leaf and can never be changed. 'serve' makes a ledger too where there is none;
        this makes one without starting the service. It does nothing where a ledger exists.
        """,
    examples: [
        .init("init --origin desk.example/sharing", "Make a ledger under a name of your choice")
    ],
    options: Options.common + [
        Options.origin, Options.publicURL, Options.publicListen, Options.privateListen, Options.privateURL,
        Options.deskURL, Options.json,
    ],
) { arguments in
    let settings = try ServiceSettings(arguments)
    return try await Workspace.with(arguments, mayCreate: true) { workspace in
        try await SchemaSetup(workspace: workspace, logger: workspace.logger).run()
        let keys = try await workspace.keys(mayCreate: true)
        let outcome = try await LedgerSetup.open(in: workspace, keys: keys, settings: settings, keepsSettings: true)
        let (origin, isNew) =
            switch outcome {
            case .opened(let origin): (origin, true)
            case .exists(let origin): (origin, false)
            }
        if arguments[Options.json] {
            Console.print(
                json:
                    "{\"origin\":\"\(origin)\",\"created\":\(isNew),\"data\":\(JSONText.quoted(workspace.directory.path))}\n"
            )
        } else {
            Console.print(
                "\(isNew ? "Opened" : "There is already") the ledger \(origin) in \(workspace.directory.path)\n"
            )
        }
        if !isNew, settings.isOriginGiven, origin.name != settings.originName {
            Console.note("It keeps the origin that it was made with: \(settings.originName) is not taken")
        }
        return 0
    }
}

let migrateCommand = Command(
    "migrate",
    summary: "Bring the database's schema up to date",
    discussion: "'serve' does this by itself where it may connect as the owner. Elsewhere set SHARELEDGER_OWNER_URL.",
    examples: [
        .init("migrate", "Bring the private database up to date")
    ],
    options: Options.common + [Options.json],
) { arguments in
    try await Workspace.with(arguments, mayCreate: true) { workspace in
        let report = try await workspace.session(as: .owner) { session in try Migrator.migrate(in: &session) }
        if arguments[Options.json] {
            let lists = [report.migrations, report.objects].map {
                "[" + $0.map(JSONText.quoted).joined(separator: ",") + "]"
            }
            Console.print(json: "{\"migrations\":\(lists[0]),\"objects\":\(lists[1])}\n")
        } else if report.isEmpty {
            Console.print("The schema is up to date\n")
        } else {
            Console.print((report.migrations + report.objects).map { "applied schema/\($0)\n" }.joined())
        }
        return 0
    }
}
