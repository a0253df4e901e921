extension CredentialCutter {
    /// Lengths of what is taken for a credential where it is not known to be one.
    package static let candidateLengths = 16...255

    /// What could be a credential by its looks: runs of characters that keys are made of, a digit among them.
    ///
    /// Runs are taken with and without `-` and `_`, and `.` and `~`, which stand between words as well as in keys, and with
    /// escapes of JSON and of URLs undone.
    ///
    /// - Parameter limit: How many there may be; `nil` where there are more.
    package static func candidates(in bytes: some Collection<UInt8>, limit: Int) -> Set<[UInt8]>? {
        let bytes = Array(bytes)
        var found: Set<[UInt8]> = []
        for text in [bytes] + (SecretSearch.hasNumericEscapes(bytes) ? [SecretSearch.Decoded(bytes).bytes] : []) {
            // Whatever is a run of fewer characters lies in one of more, of which most texts have none that is long enough.
            for run in runs(of: alphabets[0], in: text[...]) {
                let isWord = run.allSatisfy { alphabets[2][Int($0)] }
                for alphabet in isWord ? alphabets.suffix(1) : alphabets[...] {
                    for part in runs(of: alphabet, in: run) where isCandidate(part) { found.insert(Array(part)) }
                    guard found.count <= limit else { return nil }
                }
            }
        }
        return found
    }

    /// Which bytes belong to a run, the widest choice first.
    private static let alphabets: [[Bool]] = ["-_.~", "-_", ""].map { others in
        (0...UInt8.max).map { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: others.utf8.contains(byte)
            }
        }
    }

    /// The runs that are not too short.
    private static func runs(of alphabet: [Bool], in text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var runs: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        for end in text.startIndex...text.endIndex where end == text.endIndex || !alphabet[Int(text[end])] {
            if end - start >= candidateLengths.lowerBound { runs.append(text[start..<end]) }
            start = end + 1
        }
        return runs
    }

    private static func isCandidate(_ run: ArraySlice<UInt8>) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return run.count <= candidateLengths.upperBound && run.contains(where: digits.contains)
    }
}
