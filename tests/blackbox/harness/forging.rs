//! Rows with a right binding that the server did not write: what somebody with the database, the token and the PIN could do,
//! and how a test gets a row that is old.

use std::path::Path;

use claviger::store::object;
use claviger_pkcs11::MacMechanism;
use rusqlite::{Connection as Database, params};

use super::again;

/// In a process of [`again`]: changes what waits in the row of an object, and binds it as the server would have.
pub fn change_pending(directory: &Path, id: &str, change: impl FnOnce(&str) -> String) {
    let token = again::open();
    let device = token.device().unwrap();
    let keys = device.token_keys().unwrap();
    let binding = keys.into_iter().find(|key| key.label == "claviger root binding").unwrap().key;
    let database = Database::open(directory.join("claviger.db")).unwrap();
    let mut row = object::find(&database, id).unwrap().unwrap();
    let mac = |row: &object::Object| device.mac(&binding, MacMechanism::HmacSha256, &row.bound()).unwrap();
    assert_eq!(mac(&row), row.binding, "the forger knows how");
    row.pending = Some(change(row.pending.as_deref().unwrap()));
    let update = "UPDATE object SET pending = ?2, binding = ?3 WHERE id = ?1";
    assert_eq!(database.execute(update, params![id, row.pending, mac(&row)]).unwrap(), 1);
}

/// The same JSON with `expires` of everything that waits in the past.
pub fn expired(pending: &str) -> String {
    let mut pending: serde_json::Value = serde_json::from_str(pending).unwrap();
    for waiting in pending.as_object_mut().unwrap().values_mut() {
        assert!(waiting["expires"].is_i64(), "{waiting}");
        waiting["expires"] = serde_json::json!(1_700_000_000);
    }
    pending.to_string()
}
