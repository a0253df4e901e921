package import Ledger
import Synchronization

/// A clock that shows what a test says.
package final class TestClock: Sendable {
    private let storage: Mutex<Timestamp>

    package init(_ time: Timestamp) {
        storage = Mutex(time)
    }

    package var time: Timestamp {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }
}
