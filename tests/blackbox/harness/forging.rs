//! Rows with a valid binding that the server did not write. A person with the database, the HSM token and the PIN could
//! write them; tests use them to get old rows.

use std::path::Path;

use claviger::metrics::Metrics;
use claviger::store::object::{self, Material};
use claviger::store::{Error, Location, Store};
use claviger_pkcs11::{Key, MacMechanism, Token};
use rusqlite::{Connection as Database, params};

use super::{again, eventually};

/// The database of a server that does not run.
pub fn store(path: &Path) -> Store {
    let metrics = Metrics::new().unwrap();
    // A child of another test that was just forked has the lock of the one before until it is another program.
    eventually("the lock is free", || match Store::open(&Location::Sqlite(path.to_owned()), &metrics) {
        Err(Error::InUse(_)) => None,
        opened => Some(opened.unwrap()),
    })
}

/// The row of an object, changed and bound as the server binds it.
struct Forgery {
    row: object::Object,
    database: Database,
    token: Token,
    binding: Key,
}

impl Forgery {
    fn new(directory: &Path, id: &str) -> Self {
        let path = directory.join("claviger.db");
        let row = object::find(&store(&path), id).unwrap().unwrap();
        let token = again::open();
        let keys = token.device().unwrap().token_keys().unwrap();
        let binding = keys.into_iter().find(|key| key.label == "claviger root binding").unwrap().key;
        Self { row, database: Database::open(path).unwrap(), token, binding }
    }

    fn mac(&self, row: &object::Object) -> Vec<u8> {
        self.token.device().unwrap().mac(&self.binding, MacMechanism::HmacSha256, &row.bound()).unwrap()
    }
}

/// Changes the open offers and recoveries in the row of an object, and binds the row as the server does. Call it in a
/// process of [`again`].
pub fn change_pending(directory: &Path, id: &str, change: impl FnOnce(&str) -> String) {
    let forgery = Forgery::new(directory, id);
    let mut row = forgery.row.clone();
    assert_eq!(forgery.mac(&row), row.binding, "the forger knows how");
    row.pending = Some(change(row.pending.as_deref().unwrap()));
    let update = "UPDATE object SET pending = ?2, binding = ?3 WHERE id = ?1";
    assert_eq!(forgery.database.execute(update, params![id, row.pending, forgery.mac(&row)]).unwrap(), 1);
}

/// Damages the wrapped key of an object, and binds the row as the server does. Call it in a process of [`again`].
pub fn damage_key(directory: &Path, id: &str) {
    let forgery = Forgery::new(directory, id);
    let mut row = forgery.row.clone();
    let Material::Wrapped { blob, .. } = &mut row.material else { panic!("{:?}", row.material) };
    blob[0] ^= 1;
    let blob = blob.clone();
    let update = "UPDATE object SET material = ?2, binding = ?3 WHERE id = ?1";
    assert_eq!(forgery.database.execute(update, params![id, blob, forgery.mac(&row)]).unwrap(), 1);
}

/// Returns the same JSON with each `expires` in the past.
pub fn expired(pending: &str) -> String {
    let mut pending: serde_json::Value = serde_json::from_str(pending).unwrap();
    for waiting in pending.as_object_mut().unwrap().values_mut() {
        assert!(waiting["expires"].is_i64(), "{waiting}");
        waiting["expires"] = serde_json::json!(1_700_000_000);
    }
    pending.to_string()
}
