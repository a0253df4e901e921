/// Where requests wait for a free place, so that one slow target cannot take them all.
///
/// Requests to one target keep their order; between targets places are given in turn, and no target gets more than
/// its share. Pure: the caller does what this decides.
package struct TransferQueue<Element> {
    /// What tells targets apart.
    package struct Target: Hashable, Sendable {
        /// As in the URL: lower-case.
        package let host: String
        /// The port that is connected to.
        package let port: UInt16

        /// Takes a host as ``HTTPURL/host`` spells it.
        package init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    private struct Lane {
        var waiting = FIFO<UInt64>()
        var activeCount = 0
    }

    private let maximumPerTarget: Int
    private var elements: [UInt64: (element: Element, target: Target)] = [:]
    private var lanes: [Target: Lane] = [:]
    /// Targets with something waiting and a share left, each once.
    private var ready = FIFO<Target>()

    /// Makes an empty queue that gives one target at most so many places at once.
    package init(maximumPerTarget: Int) {
        precondition(maximumPerTarget > 0, "a target needs at least one place")
        self.maximumPerTarget = maximumPerTarget
    }

    /// How many wait.
    package var waitingCount: Int { elements.count }

    /// Whether ``next()`` has something to give.
    package var hasReady: Bool { ready.count > 0 }

    /// Adds an element at the end of its target's line.
    package mutating func append(_ element: Element, id: UInt64, target: Target) {
        elements[id] = (element, target)
        lanes[target, default: Lane()].waiting.append(id)
        if let lane = lanes[target], lane.waiting.count == 1, lane.activeCount < maximumPerTarget {
            ready.append(target)
        }
    }

    /// Takes out the next element that may start; ``finish(_:)`` gives its place back.
    package mutating func next() -> Element? {
        while let target = ready.popFirst() {
            guard var lane = lanes[target], let id = lane.waiting.popFirst() else { continue }
            lane.activeCount += 1
            lanes[target] = lane
            if lane.waiting.count > 0, lane.activeCount < maximumPerTarget {
                ready.append(target)
            }
            return elements.removeValue(forKey: id)?.element
        }
        return nil
    }

    /// Gives back the place of an element that ``next()`` handed out.
    package mutating func finish(_ target: Target) {
        guard var lane = lanes[target] else { return }
        lane.activeCount -= 1
        let wasFull = lane.activeCount == maximumPerTarget - 1
        lanes[target] = lane.activeCount == 0 && lane.waiting.count == 0 ? nil : lane
        if wasFull, lane.waiting.count > 0 {
            ready.append(target)
        }
    }

    /// Takes out an element that still waits; nil if it does not.
    package mutating func remove(_ id: UInt64) -> Element? {
        guard let (element, target) = elements.removeValue(forKey: id) else { return nil }
        leave(target, [id])
        return element
    }

    /// Takes out all waiting elements for which the condition holds, oldest first.
    package mutating func removeAll(where condition: (Element) -> Bool) -> [Element] {
        let removed = elements.filter { condition($0.value.element) }
        for (target, entries) in Dictionary(grouping: removed, by: \.value.target) {
            leave(target, Set(entries.map(\.key)))
        }
        return removed.sorted { $0.key < $1.key }.map { id, entry in
            elements[id] = nil
            return entry.element
        }
    }

    private mutating func leave(_ target: Target, _ ids: Set<UInt64>) {
        guard var lane = lanes[target] else { return }
        lane.waiting.removeAll(where: ids.contains)
        lanes[target] = lane.activeCount == 0 && lane.waiting.count == 0 ? nil : lane
        if lane.waiting.count == 0 {
            ready.removeAll { $0 == target }
        }
    }
}

/// A line that is joined at the end and left at the front, both in constant time.
struct FIFO<Element> {
    private var storage: [Element] = []
    private var start = 0

    var count: Int { storage.count - start }

    mutating func append(_ element: Element) {
        storage.append(element)
    }

    mutating func popFirst() -> Element? {
        guard start < storage.count else { return nil }
        let element = storage[start]
        start += 1
        // Dropping the used front only when it is the larger half keeps the cost constant on average.
        if start * 2 > storage.count {
            storage.removeFirst(start)
            start = 0
        }
        return element
    }

    mutating func removeAll(where condition: (Element) -> Bool) {
        storage.removeFirst(start)
        start = 0
        storage.removeAll(where: condition)
    }
}
