//! The rows of a database that is moved between one server (SQLite) and several (PostgreSQL).

use serde_json::json;

use super::{AuditHead, COMMON, FIRST};

/// The name of the table.
pub(in crate::store) const NAME: &str = "audit_head";

/// The rows of several servers, of which `server` goes on with the log of the only one. They must be bound again.
#[must_use]
pub fn for_several(only: AuditHead, server: &str) -> Vec<AuditHead> {
    let names = Some(json!([server]).to_string());
    let common = AuditHead { signed_line: names, root_keys: only.root_keys.clone(), ..AuditHead::of(COMMON) };
    vec![common, AuditHead { number: FIRST, binding: None, ..only }.of_several()]
}

/// The row of the only server, which goes on with the log of `own`. It must be bound again.
#[must_use]
pub fn for_one(common: AuditHead, own: AuditHead) -> Vec<AuditHead> {
    vec![AuditHead { number: FIRST, root_keys: common.root_keys, binding: None, ..own }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_only_row_covers_stays_covered() {
        let only = AuditHead { signed_line: Some("{}".to_owned()), root_keys: Some(vec![7]), ..AuditHead::begin() };
        let several = for_several(only.clone(), "one");
        let [common, own] = [several[0].clone(), several[1].clone()];
        assert_eq!(
            (common.number, common.servers(), common.root_keys.clone()),
            (0, vec!["one".to_owned()], Some(vec![7]))
        );
        assert_eq!(
            (own.number, own.signed_line.clone(), own.root_keys.clone()),
            (1, only.signed_line.clone(), Some(vec![]))
        );
        assert_ne!(own.bound(), AuditHead { root_keys: None, ..own.clone() }.bound());
        assert_eq!(for_one(common, AuditHead { number: 3, ..own }), [only]);
    }
}
