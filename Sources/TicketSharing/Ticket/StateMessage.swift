/// One of the requests that bring a partner to the state of a ticket.
package struct StateMessage: Sendable, Equatable {
    /// POST where the partner does not hold the ticket yet, PUT otherwise and for all that follow.
    package let method: RequestMethod

    /// The body, in the protocol's own form.
    package let body: [UInt8]

    /// The comments in it, in order.
    package let comments: [CommentID]

    /// Whether the body is over the limit because a single comment, or the ticket without any, already is.
    package let exceedsLimit: Bool
}

extension Ticket {
    /// What one request to a partner may hold.
    package struct StateMessageLimits: Sendable, Equatable {
        /// Bytes of a body.
        package let maximumByteCount: Int

        /// Comments in a body; at least 1.
        package let maximumCommentCount: Int

        /// Sets both limits; fewer than 1 comment counts as 1.
        package init(maximumByteCount: Int = 1_048_576, maximumCommentCount: Int = 1_000) {
            self.maximumByteCount = maximumByteCount
            self.maximumCommentCount = max(1, maximumCommentCount)
        }
    }

    /// The state as requests within limits: the whole ticket with as many comments as fit, then PUTs with the rest.
    ///
    /// Sending them again is safe, as a partner ignores comments that it knows. A comment is never cut: one that is
    /// over the limit stands alone in a message that says so.
    ///
    /// - Parameter isShare: Whether the first is a POST.
    package func stateMessages(
        isShare: Bool,
        limits: StateMessageLimits = StateMessageLimits(),
        under permissions: Agreement.Permissions = .all,
    ) -> [StateMessage] {
        let parts = comments.map { $0.encoded(under: permissions) }
        let emptyUpdateCount = encodedUpdate(comments: []).count
        let emptyCount = encoded(comments: [], under: permissions).count
        var next = fitting(parts[...], into: limits.maximumByteCount - emptyCount, limits, atLeast: 0)
        var messages = [
            message(isShare ? .post : .put, next, encoded(comments: parts[next], under: permissions), limits)
        ]
        while next.upperBound < parts.count {
            let room = limits.maximumByteCount - emptyUpdateCount
            next = fitting(parts[next.upperBound...], into: room, limits, atLeast: 1)
            messages.append(message(.put, next, encodedUpdate(comments: parts[next]), limits))
        }
        return messages
    }

    /// The first of these that fit, but for commas, into so many bytes.
    private func fitting(
        _ parts: ArraySlice<[UInt8]>,
        into room: Int,
        _ limits: StateMessageLimits,
        atLeast least: Int,
    ) -> Range<Int> {
        var end = parts.startIndex
        var byteCount = -1
        while end < parts.endIndex, end - parts.startIndex < limits.maximumCommentCount {
            byteCount += parts[end].count + 1
            guard byteCount <= room || end - parts.startIndex < least else { break }
            end += 1
        }
        return parts.startIndex..<end
    }

    private func message(
        _ method: RequestMethod,
        _ range: Range<Int>,
        _ body: [UInt8],
        _ limits: StateMessageLimits,
    ) -> StateMessage {
        StateMessage(
            method: method,
            body: body,
            comments: comments[range].map(\.id),
            exceedsLimit: body.count > limits.maximumByteCount,
        )
    }
}
