import Foundation
import Linux
import TestSupport
import Testing

/// `tools/demo` on the built program: the whole story, and what it says where a story does not end well.
@Suite(.fewAtATime) struct DemoTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.path(of: "made"), withIntermediateDirectories: false)
    }

    @Test func `the story ends well and leaves nothing behind`() async throws {
        let demo = try await demo("--program", try ShareLedgerProgram.path)
        try #require(demo.status == 0, "\(demo.output.suffix(2000))\(demo.errors)")
        #expect(demo.errors.isEmpty)
        // Shown as it is run, with what it prints.
        #expect(demo.output.contains("\nmondocam$ shareledger agreement invite lenswerk --name MondoCam\n"))
        #expect(demo.output.contains("HTTP/1.1 201 Created\nShareLedger-Position: "))
        #expect(demo.output.contains(/\| waiting +\| +[2-9] \| could not connect: Connection refused\n/))
        #expect(demo.output.contains(/Messages +from position \d+ to \d+; 2 to lenswerk not acknowledged\n/))
        #expect(demo.output.matches(of: /message\.duplicated/).count == 4)
        #expect(demo.output.contains("HTTP/1.1 403 Forbidden"))
        #expect(demo.output.contains("It ended well: both sides hold the same ticket"))
        #expect(!demo.output.contains("\u{1B}"))
        #expect(try remains == [])
        #expect(try processes == [])
    }

    @Test func `a partner that was down gets everything, and a replay outlives a kill -9`() async throws {
        let demo = try await demo("outage", "--program", try ShareLedgerProgram.path)
        try #require(demo.status == 0, "\(demo.output.suffix(2000))\(demo.errors)")
        #expect(demo.errors.isEmpty)
        #expect(demo.output.contains(#/\nlenswerk +out +2\S+Z +[01] +(500|499) +0 /#))
        #expect(demo.output.contains(/partner.state_changed +lenswerk +out: could not connect/))
        #expect(demo.output.contains(#/State +paused\n(.*\n)*Ended +[1-9]\d? delivered\nLeft /#))
        #expect(demo.output.contains(/State +finished at (.*\n)*Ended +100 delivered\nLeft +none\n/))
        let kinds = demo.output.matches(of: #/replay\.(\w+)[ \n]/#).map { String($0.1) }
        #expect(kinds == ["requested", "paused", "resumed", "finished"])
        #expect(demo.output.contains("It ended well: both sides hold the same tickets"))
        #expect(try remains == [])
        #expect(try processes == [])
    }

    @Test func `a copy that differs is shown, and the exit status says so`() async throws {
        let program = try wrapper(
            """
            case "$SHARELEDGER_DATA $1" in
            "lenswerk reconstruct") exec "$program" "$@" | sed "s/the lens by Thursday/the lens some day/" ;;
            *) exec "$program" "$@" ;;
            esac
            """,
        )
        let demo = try await demo("--program", program)
        #expect(demo.status == 1, "\(demo.output.suffix(2000))\(demo.errors)")
        #expect(demo.output.contains(/They differ.*\n(.*\n)*< .*the lens by Thursday(.*\n)*> .*the lens some day/))
        #expect(!demo.output.contains("ended well"))
        #expect(try remains == [])
        #expect(try processes == [])
    }

    @Test func `a command that fails ends it`() async throws {
        let program = try wrapper(#"if [ "$1" = partner ]; then exit 3; else exec "$program" "$@"; fi"#)
        let demo = try await demo("--program", program)
        #expect(demo.status == 70)
        #expect(demo.errors.contains("The end of mondocam.log:"))
        #expect(try remains == [])
        #expect(try processes == [])
    }

    @Test func `what cannot be run is refused before anything is started`() async throws {
        let missing = try await demo("--program", "/nowhere/shareledger")
        #expect(missing.status == 64)
        #expect(missing.errors.contains("/nowhere/shareledger"))
        let unknown = try await demo("--fast")
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("--fast"))
        #expect(try remains == [])
    }
}

extension DemoTests {
    private func demo(_ words: String...) async throws -> ShareLedgerProgram.Finished {
        let program = ShareLedgerProgram(environment: ["TMPDIR": directory.path(of: "made")])
        return try await program.run(tool: "demo", words, within: .seconds(240))
    }

    /// A program that runs the built one, or does something else.
    private func wrapper(_ script: String) throws -> String {
        let file = directory.path(of: "wrapper")
        try "#!/bin/sh\nprogram='\(ShareLedgerProgram.path)'\n\(script)\n".write(
            toFile: file,
            atomically: true,
            encoding: .utf8,
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        return file
    }

    /// What is left of what it made.
    private var remains: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: directory.path(of: "made")) }
    }

    /// The processes that still work in a directory of its making.
    private var processes: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { entry in
                // A process may end while it is looked at, and is of no interest then.
                let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(entry)/cwd")
                return Int32(entry) != nil && place?.hasPrefix(directory.path) == true
            }
        }
    }
}
