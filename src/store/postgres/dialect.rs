//! The statements of the store as PostgreSQL reads them.

use std::fmt::Write as _;

/// Writes `$1` for `?1`, and leaves out `INDEXED BY` with its name. The statements have no question mark but before the
/// number of a parameter.
pub(super) fn translated(sql: &str) -> String {
    const HINT: &str = " INDEXED BY ";
    let mut text = String::with_capacity(sql.len());
    for (at, part) in sql.split(HINT).enumerate() {
        let rest = if at == 0 { part } else { part.find(' ').and_then(|end| part.get(end..)).unwrap_or_default() };
        let _ = write!(text, "{}", rest.replace('?', "$"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_hints_are_translated() {
        assert_eq!(translated("SELECT a FROM b WHERE c = ?1 AND d > ?12"), "SELECT a FROM b WHERE c = $1 AND d > $12");
        assert_eq!(translated("SELECT a FROM b INDEXED BY b_c WHERE c = ?1"), "SELECT a FROM b WHERE c = $1");
        assert_eq!(translated("SELECT a FROM b INDEXED BY b_c"), "SELECT a FROM b");
    }
}
