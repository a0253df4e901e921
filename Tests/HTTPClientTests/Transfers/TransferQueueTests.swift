import HTTPClient
import Testing

@Suite struct TransferQueueTests {
    private typealias Target = TransferQueue<UInt64>.Target

    private func target(_ number: Int) -> Target { Target(host: "\(number).test", port: 80) }

    @Test func `targets take turns, each in order, none beyond its share`() {
        var queue = TransferQueue<UInt64>(maximumPerTarget: 2)
        for id in 0..<6 as Range<UInt64> {
            queue.append(id, id: id, target: target(id < 4 ? 0 : 1))
        }
        var order: [UInt64] = []
        while let id = queue.next() { order.append(id) }
        #expect(order == [0, 4, 1, 5])
        #expect(queue.waitingCount == 2)
        #expect(!queue.hasReady)
        queue.finish(target(1))
        #expect(queue.next() == nil)
        queue.finish(target(0))
        #expect(queue.next() == 2)
        #expect(queue.next() == nil)
    }

    @Test func `what is taken out is not given out, and leaves room for the rest`() {
        var queue = TransferQueue<UInt64>(maximumPerTarget: 1)
        for id in 0..<10 as Range<UInt64> {
            queue.append(id, id: id, target: target(0))
        }
        #expect(queue.remove(0) == 0)
        #expect(queue.remove(0) == nil)
        #expect(queue.removeAll { $0 % 2 == 1 } == [1, 3, 5, 7, 9])
        var order: [UInt64] = []
        while let id = queue.next() {
            order.append(id)
            queue.finish(target(0))
        }
        #expect(order == [2, 4, 6, 8])
        queue.append(11, id: 11, target: target(0))
        #expect(queue.next() == 11)
    }

    @Test(arguments: 0..<20) func `random use agrees with a list that is searched`(seed: UInt64) {
        var random = SplitMix(state: seed)
        let share = 1 + Int(random.next() % 3)
        var queue = TransferQueue<UInt64>(maximumPerTarget: share)
        var waiting: [(id: UInt64, target: Int)] = []
        var active: [Int] = []
        for id in 0..<2_000 as Range<UInt64> {
            switch random.next() % 4 {
            case 0, 1:
                let number = Int(random.next() % 4)
                queue.append(id, id: id, target: target(number))
                waiting.append((id, number))
            case 2:
                // Which target is next is the queue's choice; that it has a place left and its oldest goes first is not.
                let next = queue.next()
                let candidates = (0..<4).filter { number in active.count { $0 == number } < share }
                    .compactMap { number in waiting.first { $0.target == number } }
                guard let next else {
                    #expect(candidates.isEmpty)
                    continue
                }
                #expect(candidates.contains { $0.id == next })
                if let index = waiting.firstIndex(where: { $0.id == next }) {
                    active.append(waiting.remove(at: index).target)
                }
            default:
                if random.next() % 2 == 0, !active.isEmpty {
                    queue.finish(target(active.remove(at: Int(random.next() % UInt64(active.count)))))
                } else if let some = waiting.indices.randomElement(using: &random) {
                    #expect(queue.remove(waiting[some].id) == waiting[some].id)
                    waiting.remove(at: some)
                }
            }
            #expect(queue.waitingCount == waiting.count)
        }
    }

    /// Sebastiano Vigna's splitmix64: the same sequence for the same seed.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
