/// Where a body is cut into the chunks that can be shown, hidden or erased alone.
package struct ChunkBoundaries: Sendable, Equatable {
    private let marked: [Range<Int>]

    /// No cut: the whole body is one chunk.
    package static let whole = ChunkBoundaries(marking: [])

    /// Cuts before and after each of `ranges`, which are in order and do not overlap.
    ///
    /// For a JSON object these are its members, with the elements of `comments` in place of that member.
    package init(marking ranges: [Range<Int>]) {
        marked = ranges
    }

    /// Lengths of the marked ranges and of the gaps between them, in order; they add up to `contentByteCount`.
    ///
    /// An empty body has one chunk of length 0, since a tree over no leaves would look the same for every salt.
    package func lengths(contentByteCount: Int) -> [Int] {
        var lengths: [Int] = []
        lengths.reserveCapacity(marked.count * 2 + 1)
        var end = 0
        for range in marked where !range.isEmpty {
            precondition(range.lowerBound >= end && range.upperBound <= contentByteCount, "chunks overlap")
            if range.lowerBound > end {
                lengths.append(range.lowerBound - end)
            }
            lengths.append(range.count)
            end = range.upperBound
        }
        if end < contentByteCount || lengths.isEmpty {
            lengths.append(contentByteCount - end)
        }
        return lengths
    }
}
