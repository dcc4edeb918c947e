//! The two dialects of names, and the recognition of a name in either.

/// The names that are used for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The normalised names of the KMIP standard: `SHA_256`, `PKCS_1`, `DES3`, `ItemNotFound`.
    Oasis,
    /// The names that clients of bare operations expect: `SHA256`, `PKCS1`, `THREE_DES`, `Item_Not_Found`.
    Bare,
}

/// Folds a name: lower case, without blanks and ASCII punctuation, in which spellings of one name differ
/// (`SHA_512_224`, `SHA-512/224`). Two spellings of one name fold to the same bytes; names that differ in any other
/// character do not.
pub(crate) fn folded(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().filter(|byte| *byte != b' ' && !byte.is_ascii_punctuation()).map(|byte| byte.to_ascii_lowercase())
}

/// Whether two names are spellings of the same one.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one == other || folded(one).eq(folded(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_together() {
        assert!(same_name("SHA_256", "sha-256"));
        assert!(same_name("Item_Not_Found", "ItemNotFound"));
        assert!(!same_name("SHA_256", "SHA_224"));
        assert!(!same_name("SHA_256", "SHA_25"));
        for other in ["Loc\u{1b}ate", "Locate\u{202e}", "Locat\u{e9}", "Locat\u{e9}e", "Locate\n", "\0Locate"] {
            assert!(!same_name("Locate", other), "{other:?}");
        }
    }
}
