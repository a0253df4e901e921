import Ledger
import LedgerStore
import Sharing
import TestRequests
import Testing
import TicketSharing

@Suite struct CommittedEventsTests {
    /// Messages of tickets among refusals and messages of agreements, in order of position from 0.
    private let events: [SequencedEvent]
    private let tickets: [Position]
    private let messages: [(position: Position, taken: TakenMessage)]

    init() throws {
        var ledger = try MemoryLedger()
        try ledger.run { transaction in
            _ = try transaction.acceptPartner(
                PartnerSettings(name: "partner", url: try BaseURL(TestRequest.partnerURL)),
                operator: "ops"
            )
        }
        for request in GeneratedTraffic.preparation { _ = ledger.answer(request) }
        var traffic = GeneratedTraffic(seed: SeededGenerator.seed, label: "x")
        for _ in 0..<400 { _ = ledger.answer(traffic.next()) }
        events = ledger.events
        messages = ledger.changes.flatMap(\.messages)
        tickets = events.filter { $0.leaf.type.rawValue.hasPrefix("ticket.") && $0.leaf.type.changesState }
            .map(\.position)
        try #require(tickets.count > 10 && tickets.count < events.count)
    }

    private func add(_ range: Range<Int>, to committed: CommittedEvents) {
        committed.add(
            Array(events[range]),
            messages.filter { range.contains(Int($0.position.rawValue)) },
        )
    }

    private func take(_ committed: CommittedEvents, from start: Position, count: Int = 1000) -> CommittedEvents.Run? {
        committed.take(from: start, count: count, byteCount: 1 << 20)
    }

    @Test func `what was committed in batches comes in pieces, all ticket messages once and in order`() throws {
        let committed = CommittedEvents()
        for batch in stride(from: 0, to: events.count, by: 7) {
            add(batch..<min(batch + 7, events.count), to: committed)
        }
        let end = Position(rawValue: Int64(events.count))
        var taken: [Position] = []
        var next = Position.first
        while next < end {
            let run = try #require(take(committed, from: next, count: 3))
            #expect(run.messages.count <= 3 && run.next > next && run.end == end)
            taken += run.messages.map(\.event.position)
            for message in run.messages {
                let end = message.event.leaf.type == .ticketUnshared
                #expect(message.taken.message?.id.text == (end ? nil : message.event.leaf.ticket))
            }
            next = run.next
        }
        #expect(taken == tickets)
        #expect(take(committed, from: end) == nil)
    }

    @Test func `a piece has one message at least, however large`() throws {
        let committed = CommittedEvents()
        add(0..<events.count, to: committed)
        let run = try #require(committed.take(from: .first, count: 10, byteCount: 1))
        #expect(run.messages.map(\.event.position) == [tickets[0]])
        #expect(run.next == tickets[1])
    }

    @Test func `what another process appended in between has to be read`() throws {
        let committed = CommittedEvents()
        add(0..<20, to: committed)
        add(30..<events.count, to: committed)
        #expect(take(committed, from: .first) == nil)
        #expect(take(committed, from: Position(rawValue: 25)) == nil)
        let run = try #require(take(committed, from: Position(rawValue: 30)))
        #expect(run.messages.map(\.event.position) == tickets.filter { $0.rawValue >= 30 })
    }

    @Test func `what is asked for from the middle leaves out what came before`() throws {
        let committed = CommittedEvents()
        add(0..<events.count, to: committed)
        let run = try #require(take(committed, from: tickets[4]))
        #expect(run.messages.map(\.event.position) == Array(tickets[4...]))
        #expect(take(committed, from: tickets[2]) == nil)
    }

    @Test func `too much is dropped, and what comes after it is kept`() throws {
        let committed = CommittedEvents(byteLimit: 4000)
        let cut = Int(tickets[9].rawValue) + 1
        add(0..<cut, to: committed)
        #expect(take(committed, from: .first) == nil)
        add(cut..<cut + 1, to: committed)
        #expect(take(committed, from: .first) == nil)
        #expect(take(committed, from: events[cut].position)?.next == events[cut].position.next)
    }
}

@Suite struct GenerationsTests {
    @Test func `what is asked for stays, what is not goes`() {
        var kept = Generations<Int, String>(capacity: 4)
        for number in 0..<40 {
            kept[number] = "\(number)"
            #expect(kept[0] == "0")
        }
        #expect(kept[1] == nil)
        #expect((36..<40).allSatisfy { kept[$0] == "\($0)" })
    }

    @Test func `replacing a value does not drive out others`() {
        var kept = Generations<Int, Int>(capacity: 100)
        kept.insert(1, for: 1, weight: 10)
        for round in 0..<1000 { kept.insert(round, for: 2, weight: 50) }
        #expect(kept.take(1) == 1)
        #expect(kept.take(2) == 999)
        #expect(kept.take(2) == nil)
    }

    @Test func `weights bound what is held to twice the capacity`() {
        var kept = Generations<Int, Int>(capacity: 100)
        for number in 0..<1000 { kept.insert(number, for: number, weight: 10) }
        #expect((0..<1000).count { kept.take($0) != nil } <= 20)
    }

    @Test func `an older value does not come back when the newer one is taken`() {
        var kept = Generations<Int, String>(capacity: 2)
        for number in 1...3 { kept[number] = "old" }
        kept.insert("new", for: 1)
        #expect(kept.take(1) == "new")
        #expect(kept[1] == nil)
    }
}
