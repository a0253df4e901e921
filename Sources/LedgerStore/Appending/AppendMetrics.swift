package import Metrics

/// What the appender counts of its batches.
package struct AppendMetrics: Sendable {
    /// How long one took, from its turn to its commit or failure.
    package let duration = Histogram(Histogram.seconds)

    /// How many requests were committed with one transaction.
    package let size = Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256])
}
