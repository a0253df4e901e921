import CLibPQ

/// A warning or remark that the server sent beside its answer.
package struct PostgresNotice: Sendable {
    /// `WARNING`, `NOTICE`, `INFO`, `LOG` or `DEBUG`.
    package let severity: String

    /// Nil for remarks of libpq itself.
    package let code: SQLState?

    /// May quote values, as any message of the server's.
    package let message: String
}

/// Hands libpq's notices to a closure instead of standard error.
///
/// libpq keeps a plain pointer to this, so the session that owns the connection owns this as well.
final class NoticeReceiver: Sendable {
    private let receive: @Sendable (PostgresNotice) -> Void

    init(_ receive: @escaping @Sendable (PostgresNotice) -> Void) {
        self.receive = receive
    }

    func attach(to connection: borrowing ConnectionHandle) {
        unsafe connection.withPointer { pointer in
            let context = unsafe Unmanaged.passUnretained(self).toOpaque()
            _ = unsafe PQsetNoticeReceiver(pointer, noticeArrived, context)
        }
    }

    fileprivate func forward(_ result: OpaquePointer) {
        func field(_ field: ErrorField) -> String? {
            guard let text = unsafe PQresultErrorField(result, field.rawValue) else { return nil }
            return unsafe String(cString: text)
        }
        receive(
            PostgresNotice(
                severity: field(.severity) ?? "WARNING",
                code: field(.code).map(SQLState.init(rawValue:)),
                message: field(.message) ?? "",
            )
        )
    }
}

private func noticeArrived(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
    guard let context = unsafe context, let result = unsafe result else { return }
    unsafe Unmanaged<NoticeReceiver>.fromOpaque(context).takeUnretainedValue().forward(result)
}
