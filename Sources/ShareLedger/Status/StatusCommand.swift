import Arguments
import Ledger
import LedgerStore
import PostgresCluster

private let watch = Flag("watch", help: "Look again every two seconds, until interrupted")

let statusCommand = Command(
    "status",
    summary: "Show how partners answer, what waits for them, and how far everything is",
    discussion: """
        A line a partner, and one for the own desk: whether it is up, struggling, out or paused, what is on its way, and what
        came of the attempts of the last hour (of the last 10,000 if there were more). PARKED counts lanes that an operator has
        to decide about. 'shareledger doctor' says what is wrong and what to do about it.
        """,
    examples: [
        .init("status", "How it stands"),
        .init("status --watch", "An outage, as it passes"),
        .init("status --json", "For a script"),
    ],
    options: Options.common + [watch, Options.json],
) { arguments in
    let isWatching = arguments[watch]
    return try await Workspace.with(arguments) { workspace in
        let data = workspace.isPrivate ? workspace.directory.path : nil
        repeat {
            let page = try await workspace.session { session in
                try StatusPage(now: .now(), data: data, in: &session)
            }
            if isWatching, Console.isTerminal { Console.clear() }
            if arguments[Options.json] {
                JSONText.print { page.write(to: &$0) }
            } else {
                Console.print(page.text + (isWatching && !Console.isTerminal ? "\n" : ""))
            }
            if isWatching { try await Task.sleep(for: .seconds(2)) }
        } while isWatching && Console.outputFault == nil
        return 0
    }
}
