/// What has become of one request, from its first line to the last byte of its answer.
///
/// Pure: events go in, what is to be done comes out, and whoever holds the lock around it acts after releasing it.
struct ExchangeState {
    typealias Instant = ContinuousClock.Instant

    enum Phase {
        /// The request line was read.
        case begun(target: String, deadline: Instant)
        /// The head was accepted, the body is arriving.
        case receiving(RequestHead, BodyBuffer, deadline: Instant)
        /// The connection is suspended and the handler at work.
        case handling(Task<Void, Never>?, deadline: Instant)
        /// The answer is known and the connection is being resumed to send it.
        case answered(HTTPResponse)
        /// The answer is being sent.
        case replying(deadline: Instant)
        /// The client's end or ours was closed; nothing more is to be done.
        case ended
    }

    private(set) var phase: Phase

    /// Whether the connection may serve no other request after this one.
    ///
    /// So after a chunked body: the library takes a bare LF within the chunk framing, where a proxy may not, and then the
    /// two would disagree about where the next request begins. With no next request there is nothing to smuggle.
    private(set) var closesConnection = false

    init(target: String, deadline: Instant) {
        phase = .begun(target: target, deadline: deadline)
    }
}

// MARK: - Receiving

extension ExchangeState {
    mutating func receive(_ head: RequestHead, _ configuration: HTTPServerConfiguration) {
        guard case .begun(_, let deadline) = phase else { return }
        phase = .receiving(head, BodyBuffer(framing: head.framing, configuration), deadline: deadline)
        if head.framing == .chunked || BodyBuffer.isEndless(head.framing, configuration) { closesConnection = true }
    }

    /// Takes body bytes; false if the connection is to be closed.
    mutating func append(
        _ chunk: some Collection<UInt8>,
        reserve: (Int) -> Bool,
        giveBack: (Int) -> Void,
    ) -> Bool {
        guard case .receiving(let head, var body, let deadline) = phase else { return false }
        // The buffer must have one owner, or each chunk would copy all those before it.
        phase = .ended
        let goesOn = body.append(chunk, reserve: reserve, giveBack: giveBack)
        phase = .receiving(head, body, deadline: deadline)
        return goesOn
    }

    /// The request now that it is complete, or nil if its body was dropped for lack of room.
    func request(from peer: HTTPRequest.Peer) -> HTTPRequest? {
        guard case .receiving(let head, let body, _) = phase, !body.isDropped else { return nil }
        return HTTPRequest(
            method: head.method,
            target: head.target,
            version: head.version,
            headers: head.headers,
            body: body.bytes,
            bodyOverflow: body.hasOverflowed,
            peer: peer
        )
    }
}

// MARK: - Answering

extension ExchangeState {
    mutating func handle(deadline: Instant) {
        phase = .handling(nil, deadline: deadline)
    }

    /// Notes the handler's task, unless that has answered already.
    mutating func remember(_ task: Task<Void, Never>) {
        guard case .handling(nil, let deadline) = phase else { return }
        phase = .handling(task, deadline: deadline)
    }

    /// Takes the handler's answer; false if it came too late.
    mutating func answer(_ response: HTTPResponse) -> Bool {
        guard case .handling = phase else { return false }
        phase = .answered(response)
        return true
    }

    mutating func reply(deadline: Instant, closing: Bool) {
        closesConnection = closesConnection || closing
        phase = .replying(deadline: deadline)
    }

    /// Ends it, and says how many body bytes are still held.
    mutating func end() -> Int {
        defer { phase = .ended }
        guard case .receiving(_, let body, _) = phase else { return 0 }
        return body.bytes.count
    }
}

// MARK: - Deadlines

extension ExchangeState {
    enum Expiry {
        case none
        /// The connection is to be cut.
        case cut
        /// The connection is to be resumed to send a timeout; the task goes on for nobody.
        case resume(cancelling: Task<Void, Never>?)
    }

    /// What its deadline demands at this time, or at once if the server stops by force.
    mutating func expire(at now: Instant, byForce: Bool, answer: () -> HTTPResponse) -> Expiry {
        switch phase {
        case .begun(_, let deadline), .receiving(_, _, let deadline):
            return byForce || deadline <= now ? .cut : .none
        case .replying(let deadline):
            return deadline <= now ? .cut : .none
        case .handling(let task, let deadline):
            guard byForce || deadline <= now else { return .none }
            closesConnection = closesConnection || byForce
            phase = .answered(answer())
            return .resume(cancelling: task)
        case .answered, .ended:
            return .none
        }
    }
}
