/// A dictionary that forgets what was not asked for lately, a whole generation at a time. Pure.
package struct Generations<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private typealias Entry = (value: Value, weight: Int)

    private let capacity: Int
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngWeight = 0

    /// - Parameter capacity: The weight that it holds at least; up to twice as much may be held.
    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// Removes a value and hands it over, so that it can be changed without being copied.
    package mutating func take(_ key: Key) -> Value? {
        if let entry = young.removeValue(forKey: key) {
            youngWeight -= entry.weight
            old[key] = nil
            return entry.value
        }
        return old.removeValue(forKey: key)?.value
    }

    package mutating func insert(_ value: Value, for key: Key, weight: Int = 1) {
        if youngWeight >= capacity, young[key] == nil {
            old = young
            young = [:]
            youngWeight = 0
        }
        youngWeight += weight - (young.updateValue((value, weight), forKey: key)?.weight ?? 0)
    }

    package mutating func removeAll() {
        self = Generations(capacity: capacity)
    }

    package subscript(key: Key) -> Value? {
        mutating get {
            if let entry = young[key] { return entry.value }
            guard let entry = old.removeValue(forKey: key) else { return nil }
            insert(entry.value, for: key, weight: entry.weight)
            return entry.value
        }
        set {
            if let newValue { insert(newValue, for: key) } else { _ = take(key) }
        }
    }
}
