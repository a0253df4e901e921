package import TicketSharing

/// A message of a ticket as a decision took it, so that who folds it next need not read its bytes again.
package struct TakenMessage: Sendable {
    /// What was said; `nil` for the end of a share.
    package let message: TicketMessage?

    /// The side that sent it.
    package let sender: AgreementRole

    /// What the agreement allowed.
    package let permissions: Agreement.Permissions

    package init(_ message: TicketMessage?, by sender: AgreementRole, under permissions: Agreement.Permissions) {
        self.message = message
        self.sender = sender
        self.permissions = permissions
    }
}
