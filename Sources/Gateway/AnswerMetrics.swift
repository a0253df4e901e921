package import HTTPServer
package import Metrics

/// What is counted of the answers of one listener.
package struct AnswerMetrics: Sendable {
    /// Answers by status.
    package let answers = Counter<Int>()

    /// How long it took from the whole request to its answer.
    package let duration = Histogram(Histogram.seconds)

    package init() {}

    /// The same handler, counted.
    package func counting(_ handler: @escaping HTTPServer.Handler) -> HTTPServer.Handler {
        { request in
            let began = ContinuousClock.now
            let response = await handler(request)
            duration.observe(.now - began)
            answers.count(response.status)
            return response
        }
    }
}
