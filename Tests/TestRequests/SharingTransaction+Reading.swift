import Ledger
package import Sharing

extension SharingTransaction {
    /// Answers a GET as the gateway does, with a body that stands for what would be read.
    package mutating func answerRead(_ capture: Capture, mayRecord: Bool = true) -> Answer {
        switch authorizeRead(capture, mayRecordRefusal: { mayRecord }) {
        case .refused(let answer): answer
        case .granted: recordRead(capture, answer: Array("{}".utf8), chunks: .whole, mayRecordRefusal: { mayRecord })
        }
    }
}
