import Cryptography
import Foundation
import Ledger
import TestRequests
import TestSupport
import Testing
import Transfer

/// Whatever a file says, it becomes a ledger only if all of it is as it was recorded; else nothing of it does.
@Suite(.schema) struct ForgedFileTests {
    private let source = TestDatabase.current

    /// A change of an export and what is said of it.
    private struct Forgery {
        let name: String
        let complaint: String
        let change: (inout ExportFile) -> Void

        init(_ name: String, _ complaint: String, _ change: @escaping (inout ExportFile) -> Void) {
            self.name = name
            self.complaint = complaint
            self.change = change
        }

        /// A change of the first row of a table that has a column, from 0, with a value that fits.
        init(
            _ name: String,
            _ table: UInt8,
            _ column: Int,
            where fits: @escaping ([[UInt8]?]) -> Bool = { _ in true },
            _ complaint: String,
            _ value: @escaping ([UInt8]?) -> [UInt8]?,
        ) {
            self.init(name, complaint) { file in
                var isDone = false
                file.change(table) { rows in
                    guard !isDone, let index = rows.firstIndex(where: fits) else { return }
                    rows[index][column] = value(rows[index][column])
                    isDone = true
                }
            }
        }
    }

    @Test func `a file that was forged with right checksums is refused, and says where`() async throws {
        try await source.fill(requestCount: 80)
        let file = try ExportFile(try source.exported())
        try await source.withTarget { target in
            for forgery in Self.forgeries {
                var forged = file
                forgery.change(&forged)
                let isForged = forged.blocks != file.blocks
                #expect(isForged, "\(forgery.name): nothing was changed")
                forged.signRoot()
                let fault = #expect(throws: TransferFault.self, "\(forgery.name)") {
                    try target.importing(forged.bytes)
                }
                // What got in is in the way of all that follow.
                guard let fault else { return }
                #expect(fault.description.contains(forgery.complaint), "\(forgery.name): \(fault)")
                #expect(try target.number("SELECT count(*) FROM ledger.event") == 0, "\(forgery.name)")
            }
            try target.importing(file.bytes)
            try await target.check()
        }
    }

    private static var forgeries: [Forgery] {
        events + state + [
            Forgery("no trailer", "without its trailer") { $0.blocks.removeLast() },
            Forgery("no rows", "it says that there are") { $0.blocks.removeAll { $0.kind == 2 } },
            Forgery("two trailers", "there is more behind it") { $0.blocks.append($0.blocks[$0.blocks.count - 1]) },
            Forgery("two headers", "there is a second header") { $0.blocks.insert($0.blocks[0], at: 1) },
            Forgery("no header", "does not begin as an export does") { $0.blocks.removeFirst() },
            Forgery("another origin", "not those of elsewhere.example/1") {
                $0.replaceHeader("desk.example/sharing", "elsewhere.example")
            },
            Forgery("a newer schema", "use a newer shareledger") { $0.replaceHeader("migrations/00", "migrations/99") },
            Forgery("an unknown kind", "of a kind that this program does not know") { $0.blocks[2].kind = 9 },
            Forgery("an unknown table", "of a table that this program does not know") { $0.blocks[2].payload[0] = 99 },
            Forgery("tables in another order", "stand where none should") {
                let last = $0.blocks.count - 2
                $0.blocks.swapAt(last, last - 1)
            },
            Forgery("events at the end", "stand where none should") {
                let event = $0.blocks.firstIndex { $0.table == 2 } ?? 0
                $0.blocks.insert($0.blocks.remove(at: event), at: $0.blocks.count - 1)
            },
            Forgery("a row count", "has not as many rows as it says") { $0.blocks[1].payload[4] ^= 1 },
            Forgery("a huge row count", "has not as many rows as it says") { $0.blocks[1].payload[1] = 0xff },
            Forgery("a column count", "has not 7 columns") { $0.blocks[1].payload[6] += 1 },
            Forgery("a negative length", "a column says that it is -2 bytes long") {
                $0.blocks[1].payload.replaceSubrange(7..<11, with: [0xff, 0xff, 0xff, 0xfe])
            },
            Forgery("a huge length", "a column says that it is 2147483647 bytes long") {
                $0.blocks[1].payload.replaceSubrange(7..<11, with: [0x7f, 0xff, 0xff, 0xff])
            },
            Forgery("a cut row", "a row ends within a length") { $0.blocks[1].payload.removeLast() },
            Forgery("a block of many rows", "larger than a block of several rows can be") {
                let row = ExportFile.rows($0.blocks[1].payload)[0]
                $0.blocks[1].payload = ExportFile.payload(1, Array(repeating: row, count: 20_000))
            },
        ]
    }

    private static var events: [Forgery] {
        [
            Forgery("a status", 2, 8, where: { $0[8] != nil }, "the leaf of event") { _ in [0, 0, 2, 87] },
            Forgery("a time", 2, 5, "the leaf of event 0") { $0.map { $0.dropLast() + [$0[7] ^ 1] } },
            Forgery("a leaf hash", 2, 15, where: { $0[0] == number(3) }, "the leaf of event 3") { _ in
                [UInt8](repeating: 1, count: 32)
            },
            Forgery(
                "an epoch",
                2,
                6,
                where: { $0[0] == number(3) },
                "event 3 is of a stream or an epoch that is not there"
            ) {
                _ in [0, 0, 0, 7]
            },
            Forgery("a stream", 2, 1, where: { $0[0] == number(3) }, "duplicate key value") { _ in number(0) },
            Forgery("a position", 2, 0, where: { $0[0] == number(4) }, "event 40 stands where event 4 should") { _ in
                number(40)
            },
            Forgery("a type that is none", 2, 13, where: { $0[0] == number(4) }, "event 4") { _ in Array("nothing".utf8)
            },
            Forgery("broken text", 2, 13, "invalid byte sequence") { _ in [0xff] },
            Forgery("parts without commitments", 2, 20, "event_is_sound") { _ in [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17]
            },
            Forgery("an array of too many dimensions", 2, 19, "does not take its rows of ledger.event") { _ in
                [0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 20]
            },
            Forgery("an event that is left out", "event 6 stands where event 5 should") { file in
                file.change(2) { rows in rows.removeAll { $0[0] == number(5) } }
            },
            Forgery("the last event and its parts left out", "it says that there are") { file in
                file.change(2) { rows in rows.removeLast() }
            },
            Forgery("bytes", 1, 4, where: { $0[2] == Array("body".utf8) }, "the part body of event") { bytes in
                bytes.map { $0.dropLast() + [UInt8(ascii: "]")] }
            },
            Forgery("a salt", 1, 3, "of event 0") { _ in [UInt8](repeating: 0, count: 32) },
            Forgery("chunks", 1, 5, where: { $0[5] != nil }, "of event") { _ in nil },
            Forgery("castable", 1, 1, where: { $0[1] == [1] }, "of event") { _ in [0] },
            Forgery("splices", 1, 6, where: { $0[6] != nil }, "of event") { _ in nil },
            Forgery("bytes that are left out", "the part") { file in
                file.change(1) { rows in rows.removeAll { $0[0] == number(6) && $0[2] == Array("body".utf8) } }
            },
            Forgery("bytes too many", "does not name") { file in
                file.change(1) { rows in
                    guard let row = rows.first(where: { $0[0] == number(0) }) else { return }
                    var other = row
                    other[2] = Array("sent-body".utf8)
                    rows.insert(other, at: 0)
                }
            },
            Forgery("bytes of an event far ahead", "there are bytes of event 1152921504606846976") { file in
                file.change(1) { rows in rows[0][0] = number(1 << 60) }
            },
            Forgery(
                "facts of the first event",
                1,
                4,
                where: { $0[0] == number(0) && $0[2] == Array("facts".utf8) },
                "its events are not those"
            ) { _ in
                Array(#"{"v":1,"origin":"elsewhere.example/1","size":0}"#.utf8)
            },
            Forgery(
                "facts without an end",
                1,
                4,
                where: { $0[0] == number(0) && $0[2] == Array("facts".utf8) },
                "stack depth"
            ) { _ in
                [UInt8](repeating: UInt8(ascii: "["), count: 200_000)
            },
        ]
    }

    private static var state: [Forgery] {
        [
            Forgery(
                "a stream's name",
                3,
                1,
                where: { $0[1]?.starts(with: Array("agreement:".utf8)) == true },
                "the leaf of event"
            ) {
                $0.map { $0.dropLast() + [UInt8(ascii: "x")] }
            },
            Forgery("a share's ticket", 4, 2, "the leaf of event") { $0.map { $0 + [UInt8(ascii: "x")] } },
            Forgery("a share too many", "has no such first event") { file in
                file.change(4) { rows in
                    var other = rows[0]
                    other[0] = number(0)
                    other[2] = Array("none".utf8)
                    rows.append(other)
                }
            },
            Forgery("a stream far ahead", "event 999999: there is no such event") { file in
                file.change(3) { rows in rows.append([number(999_999), Array("agreement:theirs".utf8)]) }
            },
            Forgery("how somebody else answered", 13, 0, "event 999999: there is no such event") { _ in number(999_999)
            },
            Forgery("an access key that is left out", "version 1 of the access key of agreement in-1 is missing") {
                file in
                file.change(5) { rows in rows.removeFirst() }
            },
            Forgery("a fingerprint", 5, 3, "has the fingerprint of another one") { _ in [UInt8](repeating: 5, count: 32)
            },
            Forgery("a key's event", 5, 2, "it did not bring the access key") { _ in number(0) },
            Forgery("an Idempotency-Key's event", 6, 3, "an Idempotency-Key names it") { _ in
                [UInt8](repeating: 5, count: 16)
            },
            Forgery(
                "a partner's URL",
                7,
                2,
                where: { $0[0] == number(2) },
                "projection.partner: partner 2 differs in base_url"
            ) { _ in
                Array("https://evil.example/sharing".utf8)
            },
            Forgery("a partner's state", 7, 5, where: { $0[5] == Array("proposed".utf8) }, "differs in state") { _ in
                Array("active".utf8)
            },
            Forgery("a partner too many", "is not in the ledger") { file in
                file.change(7) { rows in
                    var other = rows[0]
                    other[0] = number(3)
                    other[1] = Array("x".utf8)
                    other[3] = Array("x.example".utf8)
                    rows.append(other)
                }
            },
            Forgery("an agreement's status", 8, 11, where: { $0[11] == Array("pending".utf8) }, "differs in status") {
                _ in
                Array("accepted".utf8)
            },
            Forgery("an agreement that is left out", "a delivery names it") { file in
                file.change(8) { rows in rows.removeFirst() }
            },
            Forgery("a ticket head", 9, 6, where: { $0[6] == Array("open".utf8) }, "differs in status") { _ in
                Array("solved".utf8)
            },
            Forgery("a ticket head that is left out", "is missing") { file in file.change(9) { $0.removeFirst() } },
            Forgery("a ticket head too many", "is not in the ledger") { file in
                file.change(9) { rows in
                    var other = rows[0]
                    other[0] = number(1)
                    rows.insert(other, at: 0)
                }
            },
            Forgery(
                "a sandbox's URL",
                10,
                12,
                where: { $0[12] != nil },
                "there is a replay that it did not ask for"
            ) { _ in Array("https://evil.example/sharing".utf8) },
            Forgery("a replay's mode", 10, 1, "there is a replay that it did not ask for") { _ in
                Array("messages".utf8)
            },
            Forgery("a replay that nobody asked for", 10, 0, "violates foreign key") { _ in number(3) },
            Forgery("a delivery of another message", 12, 7, "a delivery names it") { _ in
                [UInt8](repeating: 5, count: 16)
            },
            Forgery("a delivery to another partner", 12, 1, where: { $0[1] == number(1) }, "a delivery names it") { _ in
                number(2)
            },
            Forgery("a delivery out of its turn", 12, 16, where: { $0[16] == [0] }, "has not the place in its lane") {
                _ in
                [1]
            },
            Forgery("a delivery that has ended", "though its delivery has ended") { file in
                guard let message = file.deliveredMessage() else { return }
                file.change(12) { rows in
                    var row = rows[0]
                    row[0] = number(999_999)
                    row[1] = number(0)
                    (row[2], row[3], row[5 - 1], row[6], row[7], row[8]) =
                        (message[1], message[3], message[0], message[0], message[10], nil)
                    (row[5], row[11], row[12], row[15]) = ([0, 0, 0, 0], nil, nil, nil)
                    (row[16], row[17], row[18], row[19], row[20]) =
                        ([1], [message[3] == nil ? 1 : 0], Array("waiting".utf8), Array("message".utf8), nil)
                    rows.removeAll { $0[1] == row[1] && $0[2] == row[2] && $0[3] == row[3] }
                    rows.append(row)
                }
            },
            Forgery("no settings", "it lacks the settings") { file in file.blocks.removeAll { $0.table == 14 } },
        ]
    }

    private static func number(_ number: Int64) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }

    @Test func `a root or a size that is not the ledger's is refused`() async throws {
        try await source.fill(requestCount: 5)
        let file = try ExportFile(try source.exported())
        try await source.withTarget { target in
            for (find, replace, complaint) in [
                ("root ", "root 00", "it says no size and root that can be"),
                ("size ", "size 1", "it says that there are 1"),
                ("root", "ruth", "does not say its root"),
            ] {
                var forged = file
                let trailer = String(decoding: file.blocks[file.blocks.count - 1].payload, as: UTF8.self)
                forged.blocks[file.blocks.count - 1].payload = Array(trailer.replacing(find, with: replace).utf8)
                let fault = #expect(throws: TransferFault.self) { try target.importing(forged.bytes) }
                #expect(fault?.description.contains(complaint) == true, "\(fault?.description ?? "")")
            }
            var forged = file
            let last = file.blocks.count - 1
            let digit = forged.blocks[last].payload.count - 2
            forged.blocks[last].payload[digit] = UInt8(
                ascii: forged.blocks[last].payload[digit] == UInt8(ascii: "0") ? "1" : "0"
            )
            let fault = #expect(throws: TransferFault.self) { try target.importing(forged.bytes) }
            #expect(fault?.description.contains("the root over the leaves is not the one that it says") == true)
        }
    }

    @Test func `a bit that flipped, wherever it is, is found`() async throws {
        try await source.fill(requestCount: 5)
        let bytes = try source.exported()
        let offsets = try ExportFile(bytes).offsets
        var generator = SeededGenerator(seed: SeededGenerator.seed)
        try await source.withTarget { target in
            for (number, start) in offsets.enumerated().dropLast() {
                let end = offsets[number + 1]
                // Kind, length, payload, checksum.
                for place in [
                    start, start + 1, start + 4, Int.random(in: start + 5..<end - 32, using: &generator), end - 1,
                ] {
                    var flipped = bytes
                    flipped[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    let fault = #expect(throws: TransferFault.self, "byte \(place)") { try target.importing(flipped) }
                    #expect(
                        fault?.description.contains("block \(number) at byte \(start)") == true,
                        "\(place): \(fault?.description ?? "")"
                    )
                }
            }
            for cut in offsets.dropLast().flatMap({ [$0, $0 + 2, $0 + 6] }) {
                let fault = #expect(throws: TransferFault.self, "cut at \(cut)") {
                    try target.importing(Array(bytes[..<cut]))
                }
                #expect(fault?.kind == .file)
            }
            var swapped = bytes
            swapped.replaceSubrange(
                offsets[2]..<offsets[4],
                with: bytes[offsets[3]..<offsets[4]] + bytes[offsets[2]..<offsets[3]]
            )
            let fault = #expect(throws: TransferFault.self) { try target.importing(swapped) }
            #expect(fault?.description.contains("block 2 at byte \(offsets[2])") == true)
            let count = try target.number("SELECT count(*) FROM ledger.event")
            #expect(count == 0)
        }
    }

    @Test func `a length that no block can have takes no memory`() async throws {
        try await source.fill(requestCount: 0)
        let bytes = try source.exported()
        let offset = try ExportFile(bytes).offsets[1]
        for (length, complaint) in [
            ([0xff, 0xff, 0xff, 0xff] as [UInt8], "says that it is 4294967295 bytes long"),
            ([0x0e, 0, 0, 0], "the file ends within block 1"),
        ] {
            var forged = bytes
            forged.replaceSubrange(offset + 1..<offset + 5, with: length)
            let fault = #expect(throws: TransferFault.self) { try source.importing(forged) }
            #expect(
                fault?.description.contains(complaint) == true || fault?.kind == .state,
                "\(fault?.description ?? "")"
            )
        }
    }

    @Test func `what is no export is said to be none`() async throws {
        for bytes in [[], Array("PGDMP".utf8), [UInt8](repeating: 0, count: 10_000)] as [[UInt8]] {
            let fault = #expect(throws: TransferFault.self) { try source.importing(bytes) }
            #expect(fault?.kind == .file)
        }
    }
}

extension ExportFile {
    /// Has the trailer say the root over the leaf hashes that are there.
    fileprivate mutating func signRoot() {
        let leaves = blocks.filter { $0.table == 2 && $0.kind == 2 }.flatMap { block in
            Self.isReadable(block.payload) ? Self.rows(block.payload).compactMap { $0[15].flatMap { Digest($0) } } : []
        }
        var sha256 = SHA256()
        let root = MerkleTree.root(ofLeafHashes: leaves, with: &sha256)
        for index in blocks.indices where blocks[index].kind == 3 {
            let size = String(decoding: blocks[index].payload, as: UTF8.self).split(separator: "\n")[0]
            blocks[index].payload = Array("\(size)\nroot \(root)\n".utf8)
        }
    }

    /// A message to our desk, as an event, that was delivered.
    fileprivate func deliveredMessage() -> [[UInt8]?]? {
        let events = blocks.filter { $0.table == 2 }.flatMap { Self.rows($0.payload) }
        let end = events.first { $0[13] == Array("attempt.succeeded".utf8) }
        return events.first { $0[10] == end?[11] }
    }

    private static func isReadable(_ payload: [UInt8]) -> Bool {
        payload.count > 5 && payload[5] == 0 && payload[6] == 21
    }

    fileprivate mutating func replaceHeader(_ text: String, _ other: String) {
        let header = String(decoding: blocks[0].payload, as: UTF8.self)
        blocks[0].payload = Array(header.replacing(text, with: other).utf8)
    }
}
