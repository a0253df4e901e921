import Foundation
import HTTPServer
import Linux
import TestPeers
import TestSupport
import Testing

/// `export` and `import`: a ledger that was lost is made again elsewhere.
@Suite(.fewAtATime) struct TransferCommandTests {
    /// A service with a partner that has taken a ticket and then went away, and its update that waits.
    private func scene() async throws -> (service: TestService, partner: FakePartner, agreed: TestService.Agreed) {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1","subject":"Autofocus","status":"open"}"#)
        await partner.waitForRequests(2)
        partner.setScript { _, _ in HTTPResponse(status: 503) }
        try await service.desk("PUT", "t1", agreed, #"{"status":"pending","comments":[{"uuid":"c1","body":"Look"}]}"#)
        await partner.waitForRequests(3)
        try await service.eventually("SELECT count(*) FROM audit.attempt WHERE outcome = 'failed'", is: "1")
        return (service, partner, agreed)
    }

    @Test func `a lost ledger is recovered, sends nothing by itself, and goes on when told to`() async throws {
        let (lost, partner, agreed) = try await scene()
        let file = lost.directory.path(of: "export")
        // The service goes on while it is exported.
        let exported = try await lost.command("export", file, "--reason", "the weekly copy", "--json").object
        let events = try #require(exported["events"] as? Int)
        let taken = try await lost.sql("SELECT position, reason FROM audit.operation WHERE operation = 'export'")
        #expect(taken == "\(events - 1)|the weekly copy", "who takes a copy is in that copy")
        let waiting = try await lost.sql(
            "SELECT message_position, state, attempts FROM audit.delivery WHERE finished_at IS NULL"
        )
        try await lost.killHard()
        try FileManager.default.moveItem(atPath: "\(lost.data)/key", toPath: lost.directory.path(of: "key"))
        partner.setScript { _, _ in HTTPResponse(status: 200) }

        let found = try TestService(["--key-file", lost.directory.path(of: "key")])
        let key = ["--key-file", lost.directory.path(of: "key")]
        let imported = try await found.run(["import", file, "--json"] + key)
        #expect(imported.status == 0, "\(imported.errors)")
        let report = try imported.object
        #expect(report["events"] as? Int == events)
        #expect(report["root"] as? String == exported["root"] as? String)
        #expect(report["old_origin"] as? String == exported["origin"] as? String)
        #expect((report["origin"] as? String)?.hasSuffix("/2") == true)
        #expect(report["paused_partners"] as? [String] == ["lenswerk"])
        #expect((report["agreements_that_cannot_act"] as? [Any])?.isEmpty == true)

        let before = partner.requests.count
        try await found.start()
        let answer = try await found.fromPartner("PUT", "/tickets/t1", token: agreed.token, #"{"status":"solved"}"#)
        #expect(answer.status == 200)
        let stands = try await found.sql(
            "SELECT message_position, state, attempts FROM audit.delivery WHERE finished_at IS NULL"
        )
        #expect(stands == waiting && !waiting.isEmpty)
        let doctor = try await found.run(["doctor", "--all"] + key)
        #expect(doctor.status == 0, "\(doctor.output)")
        #expect(doctor.output.contains("paused: lenswerk"))
        let verified = try await found.run(["projection", "verify"] + key)
        #expect(verified.status == 0, "\(verified.output)")
        #expect(partner.requests.count == before)
        // What waited is due only after the partner's pause between tries, so an operator has it tried at once.
        #expect(try await found.run(["partner", "resume", "lenswerk"] + key).status == 0)
        #expect(try await found.run(["delivery", "retry", "--all", "--reason", "recovered"] + key).status == 0)
        await partner.waitForRequests(before + 1)
        try await found.eventually("SELECT count(*) FROM audit.delivery WHERE finished_at IS NULL", is: "0")
        #expect(partner.received.last == "PUT t1")
        #expect(try await found.stop() == .code(0))
    }

    @Test func `without the key file it is said who cannot act, and nothing is served`() async throws {
        let (lost, _, agreed) = try await scene()
        let file = lost.directory.path(of: "export")
        try await lost.command("export", file)
        #expect(try await lost.stop() == .code(0))
        let found = try TestService()
        let imported = try await found.run("import", file)
        #expect(imported.status == 0, "\(imported.errors)")
        #expect(
            imported.output.contains(
                "Cannot act, for want of its key (no key file): \(agreed.uuid) with lenswerk, accepted"
            )
        )
        #expect(imported.errors.contains("'serve' does not start without it"))
        // It can be read all the same.
        let history = try await found.run("history", "--json")
        #expect(history.status == 0 && history.output.contains("epoch.opened"), "\(history.errors)")
        let listen = [
            "--public-listen", "127.0.0.1:\(found.publicPort)", "--private-listen", "127.0.0.1:\(found.privatePort)",
        ]
        let served = try await found.run(["serve"] + listen)
        #expect(served.status == 78 && served.errors.contains("restore it from its backup"), "\(served.errors)")
        let missing = try await TestService().run("import", file, "--key-file", "/nowhere/key")
        #expect(missing.status == 78, "\(missing.errors)")
    }

    @Test func `an export that was killed or had no room is gone on with`() async throws {
        let (service, _, agreed) = try await scene()
        let body = String(repeating: "x", count: 60_000)
        for number in 0..<10 {
            try await service.desk(
                "POST",
                "n\(number)",
                agreed,
                #"{"uuid":"n\#(number)","comments":[{"uuid":"n","body":"\#(body)"}]}"#
            )
        }
        let file = service.directory.path(of: "export")
        // A limit of the system stands for a disk that is full.
        let limited = try await service.run(shell: #"ulimit -f 100; "$1" export "$3" --data "$2""#, file)
        #expect(limited.status == 74 && limited.errors.contains("--resume"), "\(limited)")
        let begun = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
        #expect(begun > 10_000 && begun < 200_000)
        let killing = #""$1" export "$3" --resume --data "$2" & while kill -9 $! && kill -0 $!; do :; done; exit 0"#
        _ = try await service.run(shell: killing, file)
        let again = try await service.run("export", file)
        #expect(again.status == 73 && again.errors.contains("--resume"), "\(again.errors)")
        try await service.command("export", file, "--resume")
        let whole = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
        #expect(whole > 600_000)
        let done = try await service.command("export", file, "--resume", "--json").object
        #expect(done["resumed_events"] as? Int == done["events"] as? Int)
        let full = try await service.run(shell: #""$1" export - --data "$2" >/dev/full"#)
        #expect(full.status == 74 && full.errors.contains("No space left"), "\(full)")
        let unread = try await service.run(
            shell: #"{ "$1" export - --data "$2"; echo "status $?" >&2; } | head -c 100 >/dev/null"#
        )
        #expect(unread.errors.contains("status 141"), "\(unread)")
        let found = try TestService()
        #expect(try await found.run("import", file, "--key-file", "\(service.data)/key").status == 0)
    }

    @Test func `an import that is killed leaves nothing, and begins anew`() async throws {
        let (service, _, _) = try await scene()
        let file = service.directory.path(of: "export")
        try await service.command("export", file)
        let found = try TestService()
        // Half of the file, from a pipe that stays open until the program is killed.
        let size = try #require(try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
        let flag = found.directory.path(of: "flag")
        let script = #"""
            wait_for_flag() { until [ -e "$5" ]; do sleep 0.05; done; }
            { head -c "$3" "$4"; wait_for_flag "$@"; } | "$1" import - --data "$2" &
            wait_for_flag "$@"
            kill -9 $!
            exit 0
            """#
        async let killed = found.run(shell: script, "\(size / 2)", file, flag)
        try await found.untilImporting()
        try Data().write(to: URL(filePath: flag))
        _ = try await killed
        let none = try await found.run("history", "--json")
        #expect(none.output == "[]\n", "there is no ledger: \(none)")
        let imported = try await found.run("import", file, "--key-file", "\(service.data)/key")
        #expect(imported.status == 0, "\(imported.errors)")
        let twice = try await found.run("import", file, "--key-file", "\(service.data)/key")
        #expect(twice.status == 1 && twice.errors.contains("name another data directory"), "\(twice.errors)")
    }

    @Test func `what cannot be is said, with what to do`() async throws {
        let service = try await TestService.started()
        let file = service.directory.path(of: "export")
        try await service.command("export", file)
        let found = try TestService()
        let wrong: [(words: [String], status: Int32, text: String)] = [
            (["import", "/nowhere"], 66, "No such file"),
            (["import", "/etc/passwd"], 65, "it is no export of a ledger"),
            (["export", "/nowhere/export"], 66, "there is no ledger"),
            (["import"], 64, "FILE is missing"),
        ]
        for (words, status, text) in wrong {
            let run = try await found.run(words)
            #expect(run.status == status && run.errors.contains(text), "\(words): \(run)")
        }
        let target = try await service.run("export", "/nowhere/export")
        #expect(target.status == 73, "\(target)")
        let absent = try await service.run("export", "/nowhere/export", "--resume")
        #expect(absent.status == 66, "\(absent)")
        let piped = try await found.run(shell: #""$1" import - --data "$2" <"$3""#, file)
        #expect(piped.status == 0 && piped.output.contains("It goes on as"), "\(piped)")
    }
}

extension TestService {
    /// Waits until an import has begun and waits for more of its file, as PostgreSQL has it in the names of its processes.
    fileprivate func untilImporting() async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        while !isImporting {
            try #require(.now < deadline, "no import has begun")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private var isImporting: Bool {
        // There may be no server yet, and sessions end while they are looked at.
        guard let postmaster = currentPostmaster, let sessions = try? backends(of: postmaster) else { return false }
        return sessions.contains { session in
            let name = try? String(contentsOfFile: "/proc/\(session)/cmdline", encoding: .utf8)
            return name?.contains("shareledger_service") == true && name?.contains("idle in transaction") == true
        }
    }
}
