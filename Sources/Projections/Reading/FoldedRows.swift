import Cryptography
import Ledger
import LedgerStore
import Postgres

/// Rows that folding whole shares has made, as many as are written or compared together.
struct FoldedRows: Sendable {
    /// About how many bytes of rows are held before they are handed over.
    static let byteCount = 2 * 1024 * 1024

    private(set) var tickets: RowBatch
    private(set) var comments: RowBatch
    private(set) var heads: RowBatch
    private(set) var unfolded: RowBatch
    private(set) var faults: [FoldFault] = []

    /// Gaps whose positions are listed as unfolded already: what follows one may be unfoldable itself.
    private var gaps: Set<Position> = []

    init(_ tables: ProjectionTables, heads: CompositeType) {
        tickets = RowBatch(tables.ticket)
        comments = RowBatch(tables.comment)
        unfolded = RowBatch(tables.unfolded)
        self.heads = RowBatch(heads)
    }

    var isFull: Bool {
        tickets.byteCount + comments.byteCount + heads.byteCount >= Self.byteCount
    }

    mutating func removeAll() {
        tickets.removeAll()
        comments.removeAll()
        heads.removeAll()
        unfolded.removeAll()
        faults.removeAll()
    }

    mutating func add(_ ticket: ShareFold) throws(PostgresError) {
        let state = ticket.encodedState()
        try tickets.appendRow { TicketRow.append(ticket, state: state, to: &$0) }
    }

    mutating func add(_ comment: FoldedComment) throws(PostgresError) {
        try comments.appendRow { CommentRow.append(comment, to: &$0) }
    }

    mutating func add(_ fault: FoldFault, share: Position) throws(PostgresError) {
        faults.append(fault)
        guard !gaps.contains(fault.position) else { return }
        if fault.gap != nil { gaps.insert(fault.position) }
        try unfolded.appendRow { UnfoldedRow.append(fault, share: share, to: &$0) }
    }

    /// Without what a repeat is recognised by, as that is not in the ledger.
    mutating func addHead(of fold: ShareFold) throws(PostgresError) {
        guard let head = fold.head(digest: .unknown) else { return }
        try heads.appendRow { TicketHeadRow.append(head, to: &$0) }
    }
}

extension Digest {
    /// Stands where no digest is known: that of no message, so that nothing is ever taken for its repeat.
    static let unknown: Digest = {
        guard let digest = Digest([UInt8](repeating: 0, count: Digest.byteCount)) else {
            preconditionFailure("a digest has as many bytes")
        }
        return digest
    }()
}
