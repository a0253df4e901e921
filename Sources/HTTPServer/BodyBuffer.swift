/// Gathers the body of one request within its limits.
///
/// A body beyond the limit keeps its beginning only; one that finds no room is dropped. Either way the rest is still
/// read, since an answer sent before the request was read is lost when the connection is reset.
struct BodyBuffer {
    private(set) var bytes: [UInt8] = []
    private(set) var hasOverflowed: Bool
    /// Whether the body was dropped for lack of room, so that its request must be shed.
    private(set) var isDropped = false
    private var received: UInt64 = 0

    private let byteLimit: Int
    private let prefixByteCount: Int
    private let discardByteLimit: UInt64

    init(framing: RequestHead.Framing, _ configuration: HTTPServerConfiguration) {
        byteLimit = configuration.bodyByteLimit
        prefixByteCount = min(configuration.overflowPrefixByteCount, configuration.bodyByteLimit)
        discardByteLimit = UInt64(max(configuration.discardByteLimit, configuration.bodyByteLimit))
        switch framing {
        case .length(let count):
            hasOverflowed = count > UInt64(byteLimit)
            if count > 0 {
                // A declared length is only a claim: room for much of it is made as the bytes arrive.
                bytes.reserveCapacity(min(Int(clamping: count), hasOverflowed ? prefixByteCount : 16 * 1024))
            }
        case .chunked:
            hasOverflowed = false
        }
    }

    /// Whether a body of this declared length is not worth reading at all.
    static func isEndless(_ framing: RequestHead.Framing, _ configuration: HTTPServerConfiguration) -> Bool {
        guard case .length(let count) = framing else { return false }
        return count > UInt64(max(configuration.discardByteLimit, configuration.bodyByteLimit))
    }

    /// Takes the next bytes; false when so many have been received that the connection should be closed.
    ///
    /// - Parameters:
    ///   - reserve: asks for room for more bytes.
    ///   - giveBack: returns room that is no longer used.
    mutating func append(
        _ chunk: some Collection<UInt8>,
        reserve: (Int) -> Bool,
        giveBack: (Int) -> Void,
    ) -> Bool {
        received += UInt64(chunk.count)
        guard received <= discardByteLimit else { return false }
        guard !isDropped else { return true }
        if !hasOverflowed, bytes.count + chunk.count > byteLimit {
            hasOverflowed = true
        }
        let wanted = hasOverflowed ? max(0, prefixByteCount - bytes.count) : chunk.count
        if wanted > 0 {
            guard reserve(min(wanted, chunk.count)) else {
                giveBack(bytes.count)
                bytes = []
                isDropped = true
                return true
            }
            if wanted >= chunk.count {
                bytes.append(contentsOf: chunk)
            } else {
                bytes.append(contentsOf: chunk.prefix(wanted))
            }
        }
        if hasOverflowed, bytes.count > prefixByteCount {
            giveBack(bytes.count - prefixByteCount)
            bytes = Array(bytes.prefix(prefixByteCount))
        }
        return true
    }
}
