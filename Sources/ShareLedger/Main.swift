import Arguments
import Dispatch
import Foundation

/// `shareledger`: the service and its commands.
@main struct Main {
    static let version = "0.1.0"

    static let program = Program(
        name: "shareledger",
        version: version,
        summary: "records, delivers, reconstructs and replays what help desks share with each other",
        commands: [
            initCommand, serveCommand, migrateCommand, statusCommand, partnerCommand, agreementCommand, ticketCommand,
            deliveryCommand, historyCommand, eventCommand, reconstructCommand, diffCommand, replayCommand,
            projectionCommand, exportCommand, importCommand, sqlCommand, doctorCommand,
        ],
        sections: [HelpSections.environment, HelpSections.exitStatus],
    )

    /// Leaves the work to other threads and waits for the end of the process.
    ///
    /// An asynchronous `main` would park this thread where glibc takes it for one that ends: it would stay root's when the
    /// process gives root's rights up, and so would the process to whoever looks at it.
    static func main() {
        // Whoever reads our output may go away; writing then fails, which is noticed.
        signal(SIGPIPE, SIG_IGN)
        Task.detached { end(await status(Array(CommandLine.arguments.dropFirst()))) }
        let never = DispatchSemaphore(value: 0)
        while true { never.wait() }
    }

    /// Ends the process without the C libraries' clean-up at exit: other threads may still be in the middle of what it frees.
    private static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }

    private static func status(_ words: [String]) async -> Int32 {
        do {
            switch try program.request(words, environment: ProcessInfo.processInfo.environment) {
            case .show(let text):
                Console.print(text)
                return afterPrinting(0)
            case .run(let command, let arguments):
                guard let run = command.run else { return 0 }
                // A variable that was exported for one command must not do something else to another without a word.
                for option in arguments.optionsFromEnvironment where !option.isSetting {
                    Console.note("--\(option.name) is taken from \(option.environmentName) in the environment")
                }
                return afterPrinting(try await Interruption.ofCommand.run { try await run(arguments) })
            }
        } catch {
            if let signal = Interruption.ofCommand.signal { return 128 + signal }
            let failure = CommandFailure(error)
            Console.note("shareledger: \(failure)")
            return failure.status
        }
    }

    /// The status of a command, unless what it printed did not arrive.
    private static func afterPrinting(_ status: Int32) -> Int32 {
        switch Console.outputFault {
        case nil: return status
        case .notRead: return 128 + SIGPIPE
        case .failed(let cause):
            Console.note("shareledger: the output could not be written: \(cause)")
            return 74
        }
    }
}
