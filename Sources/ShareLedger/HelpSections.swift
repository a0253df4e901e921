import Arguments

/// What the program's help says of all commands.
enum HelpSections {
    static let environment = Program.Section(
        "Environment",
        [
            ("SHARELEDGER_DATA", "The data directory, as --data names it (default: .shareledger)"),
            ("SHARELEDGER_KEY_FILE", "The master key, as --key-file names it (default: key in the data directory)"),
            (
                "SHARELEDGER_…",
                "Any other option, such as SHARELEDGER_FROM for --from; what is given on the line goes first"
            ),
            ("", "But for --json and the options of 'serve', a command says on stderr what it takes from there"),
            (
                "DATABASE_URL",
                "A PostgreSQL server to use in place of the private one, connecting as shareledger_service"
            ),
            (
                "PGHOST, PGHOSTADDR, PGSERVICE",
                "The same as libpq knows it, with PGPORT, PGDATABASE, PGUSER, PGPASSFILE, …"
            ),
            ("SHARELEDGER_OWNER_URL", "With such a server: how 'migrate' and 'serve' connect as shareledger_owner"),
            ("SHARELEDGER_AUDITOR_URL", "With such a server: how 'sql' connects as shareledger_auditor"),
            ("SUDO_USER", "Who is on record as the operator where root runs a command for somebody"),
        ]
    )

    /// As in sysexits.h.
    static let exitStatus = Program.Section(
        "Exit status",
        [
            ("0", "Done"),
            ("1", "No: what was looked at is not as it should be, or what was asked for is not allowed"),
            ("64", "The command line is not understood"),
            ("65", "The database refused what was to be recorded, or a file is not what it should be"),
            ("66", "What was named is not there"),
            ("69", "The database, a port or a program that is needed is not available; try again later"),
            ("70", "A fault of ShareLedger itself"),
            ("73", "A file cannot be made"),
            ("74", "The output could not be written"),
            ("75", "Interrupted, or overtaken by others; trying again may help"),
            ("78", "Settings, rights or files are wrong, as the message says"),
            ("128 + N", "Ended by signal N, such as 130 for Ctrl-C"),
        ]
    )
}
