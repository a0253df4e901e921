import Arguments
import Delivery
import Foundation
import Linux
import JSON
import PostgresCluster

private let all = Flag("all", help: "Look at every event of the ledger instead of samples")
private let workers = Option<Int>(
    "workers",
    "N",
    in: 1...64,
    help: "Connections that read at a time with --all",
    defaultText: "2"
)

let doctorCommand = Command(
    "doctor",
    summary: "Check everything and say what to do",
    discussion: """
        Looks at the data directory, the keys, the database and its settings, the schema, the ledger, what is delivered and
        the running service. Nothing is changed. Each line begins with OK, WARN or FAIL; the exit status is 0 only where no
        line is a FAIL. The ledger is looked at in samples: its last events, and stretches all over it. Of the messages among
        its last events each must be on its way, delivered or given up, and what is on its way must be as serve writes it.

        With --all every event is: its leaf is computed again from its columns, its parts are held against their commitments,
        its places in stream and share against the events before it; no position may be free, and times must increase. A part
        may be missing only where a payload.erased event names it; what was cut out of a body must open under the key file and
        fit it. No message may be lost, however old, and every access key must open and be recognised. That reads the whole
        ledger, with a progress bar, and can be interrupted at any time.
        """,
    examples: [
        .init("doctor", "Before and after every change of the installation"),
        .init("doctor --json", "For a monitoring system"),
        .init("doctor --all", "Every event: after a restore, before evidence is relied on, and now and then"),
        .init("doctor --data /var/lib/shareledger --public-listen 127.0.0.1:8410", "Look at the public port as well"),
    ],
    options: Options.common + [
        all, workers, Options.publicListen, Options.privateListen, Options.tokenFile, Options.retrySchedule,
        Options.json,
    ],
) { arguments in
    guard arguments[all] || arguments[workers] == nil else { throw UsageError("--workers goes with --all") }
    var examination = Examination(isJSON: arguments[Options.json])
    await examination.run(arguments)
    examination.finish()
    return examination.hasFailed ? 1 : 0
}

/// Looks at one thing after the other and says at once what it came to.
private struct Examination {
    private var list: JSONList?
    private(set) var hasFailed = false

    init(isJSON: Bool) {
        list = isJSON ? JSONList() : nil
    }

    mutating func run(_ arguments: ParsedArguments) async {
        let path = arguments[Options.data] ?? ".shareledger"
        add(DirectoryChecks.dataDirectory(path))
        guard !hasFailed else { return }
        do {
            let directory = try Workspace.directory(arguments, mayCreate: false)
            Interruption.ofCommand.arm()
            try Privileges.drop(to: directory.owner)
            add(DirectoryChecks.token(arguments[Options.tokenFile] ?? directory.path(of: "token")))
            add(DirectoryChecks.space(directory.path))
            await runOnDatabase(try await Workspace.open(directory, arguments), arguments)
        } catch {
            add([.fail("database", error)])
        }
    }

    private mutating func runOnDatabase(_ workspace: Workspace, _ arguments: ParsedArguments) async {
        var isReadable = true
        for check in DatabaseChecks.all + (arguments[all] ? LedgerChecks.withoutSamples : LedgerChecks.all) {
            let isWell: Bool
            do {
                let found = try await workspace.session { session in
                    let context = CheckContext(
                        keyFile: workspace.keyFile,
                        isPrivate: workspace.isPrivate,
                        longestWait: (arguments[Options.retrySchedule] ?? .standard).longestWait,
                    )
                    return try check.look(context, &session)
                }
                add(found)
                isWell = found.allSatisfy { $0.state != .fail }
            } catch {
                add([.fail(check.subject, error)])
                isWell = false
            }
            // Without it, every further look would fail in the same way.
            if check.isFundamental, !isWell {
                isReadable = false
                break
            }
        }
        if arguments[all], isReadable, let configuration = await workspace.configuration(.service) {
            let check = WholeLedgerCheck(
                configuration: configuration,
                // Why there are none was said above.
                keys: try? await workspace.keys(mayCreate: false),
                workers: arguments[workers] ?? 2
            )
            add(await check.look())
        }
        add(await ServiceChecks(workspace: workspace, arguments: arguments).look())
        do {
            try await workspace.close()
        } catch {
            add([.fail("database", error)])
        }
    }

    mutating func finish() {
        list?.finish()
    }

    private mutating func add(_ findings: [Finding]) {
        for finding in findings {
            hasFailed = hasFailed || finding.state == .fail
            guard list != nil else {
                Console.print(finding.text)
                continue
            }
            list?.add { object in
                object.member("check", finding.subject)
                object.member("state", finding.state.rawValue)
                object.member("message", finding.message)
                object.optional("advice", finding.advice)
                object.optional("position", finding.position)
                object.optional("part", finding.part)
            }
        }
    }
}
