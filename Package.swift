// swift-tools-version: 6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// C libraries from Debian's packages, and the typed shims over their variadics, macros and C++.
let cTargets: [Target] = [
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .target(name: "CSIMDJSON", linkerSettings: [.linkedLibrary("simdjson")]),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl"), .linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd")]),
    .target(name: "CLinux"),
]

/// What every module of the domain is made of.
let domain: [Target.Dependency] = ["Cryptography", "JSON", "Ledger", "Logging", "Sharing", "TicketSharing"]

/// Swift modules, lowest first: a module imports only from lines above its own.
let modules: [(name: String, dependencies: [Target.Dependency])] = [
    ("Logging", []),
    ("Metrics", []),
    ("Arguments", []),
    ("Linux", ["CLinux"]),
    ("Cryptography", ["CCrypto"]),
    ("JSON", ["CSIMDJSON"]),
    ("TicketSharing", ["JSON"]),
    ("Ledger", ["CLinux", "Cryptography"]),
    ("Sharing", ["Cryptography", "JSON", "Ledger", "TicketSharing"]),
    ("HTTPServer", ["CMicroHTTPD", "Logging"]),
    ("HTTPClient", ["CCurl", "Cryptography"]),
    ("Postgres", ["CLibPQ"]),
    ("PostgresCluster", ["Logging", "Linux"]),
    ("LedgerStore", domain + ["Metrics", "Postgres"]),
    ("Projections", domain + ["LedgerStore", "Postgres"]),
    ("Delivery", domain + ["HTTPClient", "LedgerStore", "Metrics", "Postgres"]),
    ("Replay", domain + ["LedgerStore", "Postgres", "Projections"]),
    ("Transfer", domain + ["Delivery", "Linux", "Postgres", "LedgerStore", "Projections", "Replay"]),
    ("Gateway", domain + ["HTTPServer", "LedgerStore", "Metrics", "Postgres", "Projections"]),
]

/// What only tests use: shared libraries of theirs, and programs that they start.
let testPrograms: [Target] = [
    .target(name: "CResolver", path: "Tests/CResolver"),
    .target(
        name: "TestSupport",
        dependencies: ["Logging", "Linux", "PostgresCluster"],
        path: "Tests/TestSupport",
        swiftSettings: swiftSettings,
    ),
    .target(
        name: "TestRequests",
        dependencies: ["Cryptography", "JSON", "Ledger", "LedgerStore", "Postgres", "Sharing", "TicketSharing"],
        path: "Tests/TestRequests",
        swiftSettings: swiftSettings,
    ),
    .target(
        name: "TestPeers",
        dependencies: ["HTTPServer", "Logging"],
        path: "Tests/TestPeers",
        swiftSettings: swiftSettings,
    ),
    .executableTarget(
        name: "ClusterHolder",
        dependencies: ["Logging", "PostgresCluster"],
        path: "Tests/ClusterHolder",
        swiftSettings: swiftSettings,
    ),
    .executableTarget(
        name: "DeliveryLoad",
        dependencies: ["HTTPClient", "HTTPServer", "Logging"],
        path: "Tests/DeliveryLoad",
        swiftSettings: swiftSettings,
    ),
]

/// What a test target needs beyond its module, that module's dependencies and TestSupport.
let testDependencies: [String: [Target.Dependency]] = [
    "Delivery": ["CResolver", "HTTPServer", "PostgresCluster", "TestPeers", "TestRequests"],
    "HTTPClient": ["HTTPServer", "Linux", "TestPeers"],
    "HTTPServer": ["Linux", "TestPeers"],
    "LedgerStore": ["PostgresCluster", "TestRequests"],
    "PostgresCluster": ["ClusterHolder"],
    "Projections": ["TestRequests"],
    "Replay": ["Delivery", "HTTPClient", "HTTPServer", "PostgresCluster", "TestRequests"],
    "Sharing": ["TestRequests"],
    "Transfer": ["PostgresCluster", "TestRequests"],
]

let package = Package(
    name: "ShareLedger",
    products: [.executable(name: "shareledger", targets: ["ShareLedger"])],
    targets: cTargets
        + modules.map { module in
            .target(
                name: module.name,
                dependencies: module.dependencies,
                swiftSettings: swiftSettings,
                plugins: module.name == "LedgerStore" ? ["EmbedSchema"] : [],
            )
        }
        + [
            .executableTarget(
                name: "ShareLedger",
                dependencies: modules.map { .target(name: $0.name) },
                swiftSettings: swiftSettings,
            ),
            .executableTarget(name: "SchemaEmbedder", swiftSettings: swiftSettings),
            .plugin(name: "EmbedSchema", capability: .buildTool(), dependencies: ["SchemaEmbedder"]),
        ]
        + testPrograms
        + [
            .testTarget(
                name: "ShareLedgerTests",
                dependencies: [
                    "ShareLedger", "HTTPServer", "JSON", "Linux", "TestPeers", "TestRequests", "TestSupport",
                    "TicketSharing",
                ],
                swiftSettings: swiftSettings,
            )
        ]
        + modules.map {
            .testTarget(
                name: "\($0.name)Tests",
                dependencies: [.target(name: $0.name), "TestSupport"] + $0.dependencies
                    + testDependencies[$0.name, default: []],
                swiftSettings: swiftSettings,
            )
        },
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17,
)
