/// How far an export or import has come.
package struct TransferProgress: Sendable, Equatable {
    /// What is being done.
    package enum Step: Sendable, Equatable {
        case writing
        case reading
        case checking
        case folding
    }

    package let step: Step

    /// Events that are written or checked, bytes that are read, shares that are folded; and how many there are, as far as
    /// that is known.
    package let done: Int
    package let total: Int

    /// Events so far, which the rate is of.
    package let eventCount: Int
}
