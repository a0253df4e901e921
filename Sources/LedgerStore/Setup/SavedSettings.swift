package import Postgres
package import Sharing
package import TicketSharing

/// The settings that the service last ran with, kept in the database so that commands decide as it does.
package struct SavedSettings: Sendable, Equatable {
    package var publicURL: String
    package var privateURL: String
    package var deskURL: String?
    package var isStrict: Bool

    package init(_ settings: SharingSettings) {
        publicURL = settings.publicURL.text
        privateURL = settings.privateURL.text
        deskURL = settings.deskURL?.text
        isStrict = settings.isStrict
    }

    /// The settings as decisions use them.
    package func sharingSettings() throws(BaseURLFault) -> SharingSettings {
        var desk: BaseURL?
        if let deskURL { desk = try BaseURL(deskURL) }
        return SharingSettings(
            publicURL: try BaseURL(publicURL),
            deskURL: desk,
            privateURL: try BaseURL(privateURL),
            isStrict: isStrict,
        )
    }

    /// Reads them; `nil` where the service has never run and nothing was initialised.
    package static func load(in session: inout PostgresSession) throws(PostgresError) -> SavedSettings? {
        guard try session.query("SELECT to_regclass('delivery.setting') IS NOT NULL").onlyRow()[0, as: Bool.self] else {
            return nil
        }
        let rows = try session.query("SELECT public_url, private_url, desk_url, strict FROM delivery.setting")
        guard let row = rows.first else { return nil }
        let (publicURL, privateURL, deskURL, isStrict) = try row.decode((String, String, String?, Bool).self)
        return SavedSettings(publicURL: publicURL, privateURL: privateURL, deskURL: deskURL, isStrict: isStrict)
    }

    /// Keeps them.
    package func save(in session: inout PostgresSession) throws(PostgresError) {
        _ = try session.execute(Self.upsert(publicURL, privateURL, deskURL, isStrict))
    }

    private init(publicURL: String, privateURL: String, deskURL: String?, isStrict: Bool) {
        self.publicURL = publicURL
        self.privateURL = privateURL
        self.deskURL = deskURL
        self.isStrict = isStrict
    }

    private static let upsert = Statement<String, String, String?, Bool>(
        """
        INSERT INTO delivery.setting (public_url, private_url, desk_url, strict) VALUES ($1, $2, $3, $4)
        ON CONFLICT (only_row) DO UPDATE SET
            public_url = excluded.public_url,
            private_url = excluded.private_url,
            desk_url = excluded.desk_url,
            strict = excluded.strict
        """
    )
}
