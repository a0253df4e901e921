import Delivery
import Ledger
import Sharing
import Testing

/// When a destination counts as struggling or out, and how it comes back.
@Suite struct DestinationHealthTests {
    private static let start = Timestamp(microseconds: 1_000_000_000)
    private let rules = OutageRules()

    private static func after(_ seconds: Int) -> Timestamp {
        start.advanced(by: .seconds(seconds))
    }

    private func note(
        _ record: inout DestinationRecord,
        _ sign: HealthSign,
        of delivery: Int64 = 1,
        at now: Timestamp = start,
        asking pause: Duration? = nil,
        capacity: Int = 4,
    ) -> String? {
        let report = HealthReport(
            sign,
            of: DeliveryID(rawValue: delivery),
            reason: "\(sign)",
            requestedPause: pause,
            capacity: capacity,
        )
        return record.note(report, at: now, under: rules)
    }

    private func out() -> DestinationRecord {
        var record = DestinationRecord(.desk)
        for _ in 0..<rules.faultTolerance { _ = note(&record, .fault) }
        return record
    }

    @Test func `faults below the tolerance limit nothing, and an answer ends their row`() {
        var record = DestinationRecord(.desk)
        for _ in 1..<rules.faultTolerance { _ = note(&record, .fault) }
        #expect(record.state == .up && record.limit == nil)
        _ = note(&record, .reached)
        #expect(record.failures == 0 && record.firstFailure == nil)
    }

    @Test func `faults in a row make it out, with a canary after the first interval`() {
        let record = out()
        #expect(record.state == .out)
        #expect(record.since == Self.start && record.reason == "fault")
        #expect(record.nextCanary == Self.after(5))
    }

    @Test func `few faults are enough where they last`() {
        var record = DestinationRecord(.desk)
        for seconds in [0, 5] { _ = note(&record, .fault, at: Self.after(seconds)) }
        var soon = record
        _ = note(&soon, .fault, at: Self.after(59))
        #expect(soon.state == .up)
        _ = note(&record, .fault, at: Self.after(60))
        #expect(record.state == .out)
    }

    @Test func `what answers that it can take nothing is given longer, and needs no row`() {
        var record = DestinationRecord(.desk)
        for _ in 1..<rules.failureTolerance { _ = note(&record, .overload, at: Self.after(600)) }
        #expect(record.state == .struggling)
        _ = note(&record, .overload)
        #expect(record.state == .out)

        var flapping = DestinationRecord(.desk)
        var states: [DestinationRecord.State] = []
        for number in 0..<OutageRules.window where flapping.state != .out {
            _ = note(&flapping, number % 5 == 4 ? .reached : .overload)
            states.append(flapping.state)
        }
        #expect(states.last == .out && states.count == 18)
    }

    @Test func `a destination that fails often gets half, and less with each further failure`() {
        var record = DestinationRecord(.desk)
        var limits: [Int?] = []
        for number in 0..<12 where record.state != .out {
            _ = note(&record, number % 2 == 0 ? .overload : .reached, capacity: 16)
            limits.append(record.limit)
        }
        #expect(limits == [nil, nil, nil, nil, nil, nil, nil, nil, 8, 9, 4, 5])
        #expect(record.state == .struggling && record.reason == "overload")
    }

    @Test func `only the canary is admitted while it is out, and only its faults count`() {
        var record = out()
        record.canary = DeliveryID(rawValue: 7)
        #expect(record.admits(DeliveryID(rawValue: 7)) && !record.admits(DeliveryID(rawValue: 8)))
        _ = note(&record, .fault, of: 8, at: Self.after(4))
        #expect(record.nextCanary == Self.after(5) && record.canaries == 0)
        var intervals: [Int64] = []
        for _ in 0..<6 {
            _ = note(&record, .fault, of: 7, at: Self.start)
            intervals.append(((record.nextCanary?.microseconds ?? 0) - Self.start.microseconds) / 1_000_000)
        }
        #expect(intervals == [10, 20, 40, 60, 60, 60])
        _ = note(&record, .overload, of: 7, asking: .seconds(900))
        #expect(record.nextCanary == Self.after(900))
        _ = note(&record, .overload, of: 7, asking: .seconds(1_000_000))
        #expect(record.nextCanary == Self.after(86_400))
    }

    @Test func `with each answer what comes back gets one more, until it is up`() {
        var record = out()
        _ = note(&record, .reached, at: Self.after(9))
        #expect(record.state == .struggling && record.limit == 1 && record.since == Self.after(9))
        var limits: [Int?] = []
        for _ in 0..<3 {
            _ = note(&record, .reached)
            limits.append(record.limit)
        }
        #expect(limits == [2, 3, nil] && record.state == .up)
        var up = DestinationRecord(.desk)
        up.since = Self.start
        #expect(record == up)
    }

    @Test func `a destination that comes back and fails again is out at once where it is a row`() {
        var record = out()
        _ = note(&record, .reached)
        for _ in 0..<rules.faultTolerance { _ = note(&record, .fault) }
        #expect(record.state == .out)
    }

    @Test func `a 410 and 401 or 403 in a row are for an operator`() {
        var record = DestinationRecord(.desk)
        #expect(note(&record, .gone)?.contains("410") == true)
        #expect(note(&record, .unauthorized) == nil && note(&record, .unauthorized) == nil)
        #expect(note(&record, .reached) == nil)
        #expect(note(&record, .unauthorized) == nil && note(&record, .unauthorized) == nil)
        #expect(note(&record, .unauthorized)?.hasPrefix("3 answers in a row") == true)
        #expect(record == DestinationRecord(.desk))
    }

    @Test func `what ends for a reason of ours says nothing`() {
        var record = out()
        let known = record
        #expect(note(&record, .none) == nil && record == known)
    }
}
