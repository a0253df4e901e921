import Logging

/// What the library reports, on the loop's thread. A `Bool` says whether the connection may go on.
extension EventLoop {
    // MARK: - Connections

    /// Whether one more connection from this address is within its limit.
    func accepts(_ peer: HTTPRequest.Peer) -> Bool {
        let limit = server.configuration.connectionLimitPerAddress
        guard limit > 0, !server.configuration.addressesWithoutLimit.contains(peer.address),
            server.connectionCount(of: peer.network) >= limit
        else { return true }
        server.load.count(\.connectionsRefused)
        server.logger.debug("an address has all connections that it may have", metadata: ["http.peer": "\(peer)"])
        return false
    }

    func opened(peer: HTTPRequest.Peer, descriptor: Int32) -> Connection {
        let now = ContinuousClock.now
        let connection = Connection(
            of: self,
            peer: peer,
            descriptor: descriptor,
            now: now,
            deadline: now.advanced(by: server.configuration.receiveDeadline)
        )
        advance { $0.connections[ObjectIdentifier(connection)] = connection }
        return connection
    }

    func closed(_ connection: Connection) {
        if let abandoned = connection.close() {
            server.load.giveBack(abandoned.advance { $0.end() })
        }
        advance { $0.connections[ObjectIdentifier(connection)] = nil }
    }

    // MARK: - Receiving

    func began(on connection: Connection, at address: ConnectionAddress, target: String) -> Exchange {
        connection.begin(
            at: address,
            target: target,
            deadline: .now.advanced(by: server.configuration.receiveDeadline)
        )
    }

    func received(_ head: Result<RequestHead, HTTPRefusal>, in exchange: Exchange) -> Bool {
        switch head {
        case .success(let head):
            exchange.advance { $0.receive(head, server.configuration) }
            return BodyBuffer.isEndless(head.framing, server.configuration) ? receivedAll(in: exchange) : true
        case .failure(let refusal):
            server.load.count(\.refused)
            server.logger.debug(
                "refused a request",
                metadata: ["http.peer": "\(exchange.connection.peer)", "http.refusal": "\(refusal.rawValue)"]
            )
            return send(server.configuration.refusalResponse(refusal), in: exchange, closing: true)
        }
    }

    func received(_ chunk: some Collection<UInt8>, in exchange: Exchange) -> Bool {
        let load = server.load
        let goesOn = exchange.advance { state in
            state.append(chunk, reserve: { load.reserve($0) }, giveBack: { load.giveBack($0) })
        }
        if !goesOn { load.count(\.connectionsCut) }
        return goesOn
    }

    /// Hands the request to its handler, if there is room for it.
    func receivedAll(in exchange: Exchange) -> Bool {
        if isForcing { return false }
        guard let request = exchange.advance({ $0.request(from: exchange.connection.peer) }), server.load.admit() else {
            server.load.giveBack(exchange.advance { $0.end() })
            server.load.count(\.overloaded)
            return send(server.configuration.overloadResponse(), in: exchange)
        }
        willSuspend()
        let server = server
        exchange.handle(deadline: .now.advanced(by: server.configuration.handlerDeadline)) { @Sendable in
            let response = await server.handler(request)
            // First, so that a client that has its answer finds the place free that it took.
            server.load.handlerReturned(bodyByteCount: request.body.count)
            exchange.answer(response)
        }
        return true
    }

    // MARK: - Answering

    func send(_ response: HTTPResponse, in exchange: Exchange, closing: Bool = false) -> Bool {
        var response = response
        if !response.fitsHead {
            server.logger.error(
                "an answer had more header fields than fit",
                metadata: ["http.status": "\(response.status)"]
            )
            response = HTTPResponse(status: 500)
        }
        return exchange.queue(
            response,
            deadline: .now.advanced(by: server.configuration.sendDeadline),
            closing: closing || isDraining
        )
    }

    func completed(_ exchange: Exchange) {
        server.load.giveBack(exchange.advance { $0.end() })
        let now = ContinuousClock.now
        exchange.connection.end(
            now: now,
            deadline: now.advanced(by: server.configuration.idleTimeout + server.configuration.receiveDeadline)
        )
    }

    // MARK: - Messages

    /// There is no other sign of what the library refuses by itself.
    func libraryLogged(_ message: String) {
        if message.hasPrefix("Error processing request") {
            server.load.count(\.refusedByLibrary)
        } else if message.hasPrefix("Server reached connection limit") {
            server.load.count(\.connectionsRefused)
        }
        advance { $0.lastMessage = message }
        server.logger.debug("the HTTP library reported", metadata: ["http.message": "\(message)"])
    }
}
