/// Metrics in Prometheus' text format, version 0.0.4.
package struct MetricsText: Sendable {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""

    package init() {}

    /// What a metric is, for whoever reads it.
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    /// One value of a metric; names of labels are ours, their values may be anything.
    package struct Sample: Sendable {
        let labels: KeyValuePairs<String, String>
        let value: Double

        package init(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
            self.labels = labels
            self.value = value
        }
    }

    /// Adds a metric; without samples there is none.
    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        head(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    /// Adds a histogram for each set of labels.
    package mutating func add(
        _ name: String,
        _ help: String,
        _ histograms: [(labels: KeyValuePairs<String, String>, histogram: Histogram)],
    ) {
        guard !histograms.isEmpty else { return }
        head(name, .histogram, help)
        for (labels, histogram) in histograms {
            let snapshot = histogram.snapshot
            var count: UInt64 = 0
            for (bound, inBucket) in zip(histogram.bounds.map { Self.number($0) } + ["+Inf"], snapshot.counts) {
                count += inBucket
                line("\(name)_bucket", Array(labels) + [("le", bound)], Double(count))
            }
            line("\(name)_sum", labels, snapshot.sum)
            line("\(name)_count", labels, Double(count))
        }
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: some Sequence<(key: String, value: String)>, _ value: Double) {
        line(name, labels.map { ($0.key, $0.value) }, value)
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let list = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(Self.number(value))\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Whole numbers without a point.
    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
