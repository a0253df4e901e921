import Delivery
import Ledger
import Sharing
import Testing

@Suite struct PartnerHealthTests {
    private static let schedule = RetrySchedule(pauses: [.seconds(5), .seconds(30), .seconds(600)])
    private static let start = Timestamp(microseconds: 1_000_000_000)

    private static func away() -> PartnerHealth {
        var health = PartnerHealth()
        for _ in 0..<PartnerHealth.tolerance {
            health.note(isTransportFault: true, at: start, schedule: schedule)
        }
        return health
    }

    @Test func `faults below the tolerance limit nothing`() {
        var health = PartnerHealth()
        for number in 1..<PartnerHealth.tolerance {
            health.note(isTransportFault: true, at: Self.start, schedule: Self.schedule)
            #expect(health.cap(at: Self.start) == nil)
            let isAdmitted = health.admit(DeliveryID(rawValue: Int64(number)), at: Self.start)
            #expect(isAdmitted)
        }
    }

    @Test func `one delivery is let through when the interval is over, however many were claimed`() {
        var health = Self.away()
        #expect(health.cap(at: Self.start) == 0)
        let later = Self.start.advanced(by: .seconds(5))
        #expect(health.cap(at: later) == 1)
        let early = health.admit(DeliveryID(rawValue: 1), at: Self.start)
        let due = (1...3).map { health.admit(DeliveryID(rawValue: $0), at: later) }
        #expect(!early)
        #expect(due == [true, false, false])
        #expect(health.cap(at: later) == 0)
    }

    @Test func `the canary is under way until it ends itself`() {
        var health = Self.away()
        let later = Self.start.advanced(by: .seconds(5))
        let isAdmitted = health.admit(DeliveryID(rawValue: 1), at: later)
        #expect(isAdmitted)
        health.noteEnd(of: DeliveryID(rawValue: 2))
        #expect(health.cap(at: later) == 0)
        health.noteEnd(of: DeliveryID(rawValue: 1))
        #expect(health.cap(at: later) == 1)
    }

    @Test func `an order lets one canary go before its time, and none beside one that is under way`() {
        var health = Self.away()
        let soon = Self.start.advanced(by: .seconds(1))
        #expect(health.heldSince(at: soon) == Self.start)
        health.hurry(at: soon)
        #expect(health.cap(at: soon) == 1)
        let isAdmitted = health.admit(DeliveryID(rawValue: 1), at: soon)
        #expect(isAdmitted)
        #expect(health.heldSince(at: soon) == nil)
        #expect(health.cap(at: soon) == 0)
        health.note(isTransportFault: true, at: soon, schedule: Self.schedule)
        health.noteEnd(of: DeliveryID(rawValue: 1))
        #expect(health.cap(at: soon) == 0)
        #expect(health.heldSince(at: soon) == soon)
    }

    @Test func `intervals grow to a minute`() {
        var health = Self.away()
        let now = Self.start.advanced(by: .seconds(5))
        for interval in [30, 60, 60] {
            health.note(isTransportFault: true, at: now, schedule: Self.schedule)
            #expect(health.nextCanary == now.advanced(by: .seconds(interval)))
        }
    }

    @Test func `an answer ends it`() {
        var health = Self.away()
        health.note(isTransportFault: false, at: Self.start, schedule: Self.schedule)
        #expect(health.isSound)
        #expect(health.cap(at: Self.start) == nil)
    }
}
