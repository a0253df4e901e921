import Metrics
import Testing

@Suite struct MetricsTests {
    @Test func `a histogram's buckets hold all that is no larger than their bounds`() {
        let histogram = Histogram([1, 2.5, 10])
        for value in [0, 1, 1.5, 2.5, 3, 11] { histogram.observe(value) }
        histogram.observe(.milliseconds(2_500))
        #expect(histogram.snapshot.counts == [2, 3, 1, 1])
        #expect(histogram.snapshot.count == 7 && histogram.snapshot.sum == 21.5)
        var text = MetricsText()
        text.add("x_seconds", "How long", [(["to": "a"], histogram)])
        #expect(
            text.text == """
                # HELP x_seconds How long
                # TYPE x_seconds histogram
                x_seconds_bucket{to="a",le="1"} 2
                x_seconds_bucket{to="a",le="2.5"} 5
                x_seconds_bucket{to="a",le="10"} 6
                x_seconds_bucket{to="a",le="+Inf"} 7
                x_seconds_sum{to="a"} 21.5
                x_seconds_count{to="a"} 7

                """
        )
    }

    @Test func `labels are escaped, and a metric without samples is not there`() {
        var text = MetricsText()
        text.add("none", .gauge, "Nothing", [])
        text.add("x_total", .counter, "Things", [.init(3), .init(0.5, ["a": "q\"\\\n", "b": "é"])])
        #expect(
            text.text == #"""
                # HELP x_total Things
                # TYPE x_total counter
                x_total 3
                x_total{a="q\"\\\n",b="é"} 0.5

                """#
        )
    }

    @Test func `kinds are counted apart`() {
        let counter = Counter<String>()
        for kind in ["a", "b", "a"] { counter.count(kind) }
        #expect(counter.snapshot == ["a": 2, "b": 1])
    }
}
