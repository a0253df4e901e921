import Foundation
import Ledger
import Linux
import Postgres
import Sharing
import TestRequests
import TestSupport
import Testing
import Transfer

/// An export that was interrupted, at whatever byte, is gone on with.
@Suite(.schema) struct ResumeTests {
    private let source = TestDatabase.current

    /// What an export looks like that a crash has ended at a byte, perhaps with something else behind.
    private func resumed(_ bytes: [UInt8], _ directory: TemporaryDirectory) throws -> (LedgerExport.Report, [UInt8]) {
        let path = directory.path(of: "export")
        try? FileManager.default.removeItem(atPath: path)
        try Data(bytes).write(to: URL(filePath: path))
        let report = try source.export(to: path, isResumed: true)
        return (report, Array(try Data(contentsOf: URL(filePath: path))))
    }

    @Test func `it comes to the same, wherever it was cut off`() async throws {
        try await source.fill(requestCount: 1500)
        let whole = try source.exported()
        let file = try ExportFile(whole)
        let offsets = file.offsets
        let isAsDescribed = file.bytes == whole
        #expect(isAsDescribed)
        #expect(file.blocks.count { $0.table == 2 } > 1, "there are several pages of events")
        let directory = try TemporaryDirectory()
        // In each block, and at each end of one; what is before the end of the header is no beginning of an export.
        for (number, offset) in offsets.enumerated().dropFirst() {
            for cut in [offset, offset + 3, offset - 1] where cut < whole.count && cut >= offsets[1] {
                let (report, bytes) = try resumed(Array(whole[..<cut]), directory)
                // Told alone: what differs would be printed byte by byte.
                let isSame = bytes == whole
                #expect(isSame, "cut at \(cut), in block \(number)")
                #expect(report.byteCount == whole.count)
            }
        }
        for cut in [0, 10, offsets[1] - 1] {
            let fault = #expect(throws: TransferFault.self) { try resumed(Array(whole[..<cut]), directory) }
            #expect(fault?.kind == .file)
        }
        // Torn, with zeros where bytes were to be written.
        let torn = Array(whole[..<(offsets[4] - 100)]) + [UInt8](repeating: 0, count: 5000)
        let isMended = try resumed(torn, directory).1 == whole
        #expect(isMended)
    }

    @Test func `a page is not gone on with in its middle`() async throws {
        try await source.fill(requestCount: 20)
        var file = try ExportFile(try source.exported())
        // As it is written where the events of a page are too much for one block.
        let index = try #require(file.blocks.firstIndex { $0.table == 2 })
        let rows = ExportFile.rows(file.blocks[index].payload)
        file.blocks[index].payload = ExportFile.payload(2, Array(rows[..<30]))
        file.blocks.insert(ExportFile.Block(kind: 2, payload: ExportFile.payload(2, Array(rows[30...]))), at: index + 1)
        try await source.withTarget { target in
            try target.importing(file.bytes)
            try await target.check()
        }
        let directory = try TemporaryDirectory()
        for end in [file.offsets[index + 1], file.offsets[index + 1] + 100, file.offsets[index + 2]] {
            let (report, bytes) = try resumed(Array(file.bytes[..<end]), directory)
            #expect(report.eventCount == Int64(rows.count))
            try await source.withTarget { target in
                try target.importing(bytes)
                try await target.check()
            }
        }
    }

    @Test func `what comes while it is written is in it, or not, as a whole`() async throws {
        try await source.fill(requestCount: 300)
        let bytes = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { [source] in
                try await source.withStore { store in
                    var traffic = GeneratedTraffic(seed: SeededGenerator.seed &+ 1, label: "meanwhile")
                    while !Task.isCancelled { _ = try await store.answer(traffic.next()) }
                    return nil
                }
            }
            var bytes: [UInt8] = []
            // The last one has the most behind it.
            for _ in 0..<5 { bytes = try source.exported() }
            group.cancelAll()
            return bytes
        }
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            #expect(try source.number("SELECT count(*) FROM ledger.event") >= report.eventCount)
            try await target.check()
        }
    }

    @Test func `what has come meanwhile is in it, and a whole one is left as it is`() async throws {
        try await source.fill(requestCount: 20)
        let first = try source.exported()
        let directory = try TemporaryDirectory()
        let (complete, same) = try resumed(first, directory)
        let isSame = same == first
        #expect(isSame && complete.resumedCount == complete.eventCount)
        try await source.withStore { store in
            let answer = try await store.must(.update("kept", under: "in-7", #"{"status":"solved"}"#))
            try await store.erase([(try #require(answer.receipt).position, "headers")])
        }
        let (report, bytes) = try resumed(Array(first.dropLast(20)), directory)
        #expect(report.eventCount == complete.eventCount + 2 && report.resumedCount == complete.eventCount)
        #expect(report.erasures == [Position(rawValue: report.eventCount - 1)] && complete.erasures == [])
        try await source.withTarget { target in
            try target.importing(bytes)
            try await target.check()
        }
    }

    @Test func `an export of another ledger, or of another copy, is not gone on with`() async throws {
        try await source.fill(requestCount: 5)
        let bytes = try source.exported()
        let directory = try TemporaryDirectory()
        try await source.withTarget { target in
            try await target.fill(requestCount: 5)
            let path = directory.path(of: "other")
            try Data(bytes.dropLast(50)).write(to: URL(filePath: path))
            let fault = #expect(throws: TransferFault.self) { try target.export(to: path, isResumed: true) }
            #expect(fault?.kind == .state)
            let isLeft = Array(try Data(contentsOf: URL(filePath: path))) == bytes.dropLast(50)
            #expect(isLeft)
        }
        // A copy that was restored goes on under the same origin.
        let later = try await source.withStore { store in
            _ = try await store.must(.update("kept", under: "in-7", #"{"status":"solved"}"#))
            return try source.exported()
        }
        try await source.execute(
            """
            ALTER TABLE ledger.event DISABLE TRIGGER ALL;
            UPDATE ledger.event SET leaf_hash = sha256('x') WHERE position = (SELECT max(position) FROM ledger.event);
            ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change;
            """
        )
        let fault = #expect(throws: TransferFault.self) { try resumed(later.dropLast(50), directory) }
        #expect(fault?.description.contains("another copy") == true, "\(String(describing: fault))")
    }

    @Test func `a file that is there is not overwritten, and two exports do not write one file`() async throws {
        try await source.fill(requestCount: 5)
        let directory = try TemporaryDirectory()
        let path = directory.path(of: "export")
        let held = try TransferFile.toExport(path, isResumed: false)
        let fault = #expect(throws: TransferFault.self) { try TransferFile.toExport(path, isResumed: false) }
        #expect(fault?.kind == .target)
        let second = #expect(throws: TransferFault.self) { try TransferFile.toExport(path, isResumed: true) }
        #expect(second?.description.contains("another export is writing") == true)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        withExtendedLifetime(held) {}
    }
}
