import Cryptography

/// Collects an answer from what libcurl hands over piece by piece, within limits.
struct AnswerReader {
    /// Why reading stopped.
    enum Fault: Equatable {
        case headTooLarge
        case bodyTooLarge
        case tooManyInterimAnswers
        case malformed
    }

    private enum State {
        case status
        case headers(count: Int)
        case body
    }

    /// Status of the final answer; nil as long as only interim ones have come.
    private(set) var status: Int?

    /// Status line and headers of the final answer, as they came.
    private(set) var head: [UInt8] = []

    /// The first bytes of the body.
    private(set) var body: [UInt8] = []

    /// Bytes of the body that came, kept or not.
    private(set) var bodyByteCount = 0

    /// SHA-256 of all of the body that came, where more came than is kept.
    var bodyDigest: Digest? {
        var hash = hash
        return hash?.finalize()
    }

    /// Of the body so far, from when there is more of it than is kept.
    private var hash: SHA256?

    /// Why reading stopped; nil while it goes on.
    private(set) var fault: Fault?

    private let limits: HTTPLimits
    private var state = State.status
    private var currentStatus = 0
    private var headByteCount = 0
    private var interimAnswerCount = 0
    private var contentLength: [UInt8]?

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Whether the final answer's head has ended.
    var isHeadComplete: Bool {
        if case .body = state { true } else { false }
    }

    /// Takes one line of a head or a trailer; false if reading is to stop.
    mutating func take(headLine line: Span<UInt8>) -> Bool {
        headByteCount += line.count
        guard headByteCount <= limits.maximumHeadByteCount else { return stop(.headTooLarge) }
        switch state {
        case .status:
            guard case .status(let status) = AnswerHead.classifyStatus(line) else { return stop(.malformed) }
            // Nothing that we send asks for another protocol.
            guard status != 101 else { return stop(.malformed) }
            currentStatus = status
            head.removeAll(keepingCapacity: true)
            if status >= 200 {
                self.status = status
            }
            state = .headers(count: 0)
        case .headers(let count):
            switch AnswerHead.classify(line) {
            case .header(let name, let value):
                guard check(name: line.extracting(name), value: line.extracting(value)) else { return stop(.malformed) }
                state = .headers(count: count + 1)
            case .continuation where count > 0: break
            case .end: return endHead(line)
            case .continuation, .status, .malformed: return stop(.malformed)
            }
        case .body:
            // A trailer: counted, not kept.
            return true
        }
        keep(line)
        return true
    }

    /// Takes a piece of the body; false if reading is to stop.
    mutating func take(body piece: Span<UInt8>) -> Bool {
        bodyByteCount += piece.count
        let room = max(0, limits.keptBodyByteCount - body.count)
        unsafe piece.withUnsafeBufferPointer { bytes in
            if hash == nil, bytes.count > room {
                hash = SHA256()
                hash?.update(body)
            }
            unsafe body.append(contentsOf: bytes.prefix(room))
            unsafe hash?.update(Array(bytes))
        }
        return bodyByteCount <= limits.maximumBodyByteCount || stop(.bodyTooLarge)
    }

    private mutating func endHead(_ line: Span<UInt8>) -> Bool {
        guard currentStatus < 200 else {
            keep(line)
            state = .body
            return true
        }
        interimAnswerCount += 1
        contentLength = nil
        state = .status
        return interimAnswerCount <= limits.maximumInterimAnswers || stop(.tooManyInterimAnswers)
    }

    /// Two lengths that differ are two readings of where the answer ends.
    private mutating func check(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        let lengthName = Self.contentLengthName
        guard name.count == lengthName.count,
            lengthName.indices.allSatisfy({ name[$0].lowercased == lengthName[$0] })
        else { return true }
        let length = value.indices.map { value[$0] }
        let isNumber = !length.isEmpty && length.allSatisfy(\.isDigit)
        defer { contentLength = length }
        return isNumber && (contentLength == nil || contentLength == length)
    }

    private mutating func keep(_ line: Span<UInt8>) {
        unsafe line.withUnsafeBufferPointer { unsafe head.append(contentsOf: $0) }
    }

    private mutating func stop(_ fault: Fault) -> Bool {
        self.fault = self.fault ?? fault
        return false
    }

    private static let contentLengthName = Array("content-length".utf8)
}
