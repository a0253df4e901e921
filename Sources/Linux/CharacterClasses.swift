import CLinux

/// Which characters are letters, as the C library's locales know it.
package enum CharacterClasses {
    /// Whether the C library knows `locale`; `initdb` refuses what it does not.
    package static func areInstalled(for locale: String) -> Bool {
        unsafe linux_has_locale(locale)
    }
}
