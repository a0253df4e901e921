import Ledger
package import Sharing

extension SharingTransaction {
    /// Answers a GET as the gateway does, with a body that stands for what would be read.
    package mutating func answerRead(_ capture: Capture, mayRecord: Bool = true) -> Answer {
        let bounds = IntakeBounds(mayRecordRefusal: { mayRecord })
        return answerRead(capture, within: bounds)
    }

    /// The same within bounds on everything that a request may have recorded.
    package mutating func answerRead(_ capture: Capture, within bounds: IntakeBounds) -> Answer {
        switch authorizeRead(capture, within: bounds) {
        case .refused(let answer): answer
        case .granted: recordRead(capture, answer: Array("{}".utf8), chunks: .whole, within: bounds)
        }
    }
}
