//! A root key is recognised by a key that it wrapped, not by a constant that enters the HSM token in clear. The record
//! of an earlier version is checked once more, and replaced.

use std::path::Path;
use std::sync::Arc;

use claviger::store::{audit_head, root_key};
use claviger_pkcs11::{SecretKeyKind, SecretKeySpec, Uses};
use rusqlite::{Connection as Database, params};

use crate::harness::forging::store;
use crate::harness::server::Place;
use crate::harness::{Options, Server, again};
use crate::root_keys_are_not_made_again::binding;

const KEKS: [&str; 3] = ["exporting", "guarding", "sealing"];

/// The constant that earlier versions wrapped by each key that wraps.
const CHECK: &[u8; 32] = b"claviger: check value of a root.";

/// Writes the records of an earlier version. Runs in the child.
pub fn take_back(directory: &Path) {
    let token = again::open();
    let device = token.device().unwrap();
    let keys = device.token_keys().unwrap();
    let spec = SecretKeySpec {
        kind: SecretKeyKind::Aes { bytes: 32 },
        sensitive: true,
        extractable: true,
        uses: Uses::default(),
    };
    let constant = device.create(&spec, CHECK).unwrap();
    let database = Database::open(directory.join("claviger.db")).unwrap();
    for name in KEKS {
        let kek = keys.iter().find(|key| key.label == format!("claviger root {name}")).unwrap();
        let value = device.wrap(&kek.key, &constant).unwrap();
        assert_eq!(value.len(), 40);
        let update = "UPDATE root_key SET check_value = ?2 WHERE name = ?1";
        assert_eq!(database.execute(update, params![name, value]).unwrap(), 1);
    }
}

fn values(place: &Place) -> Vec<(String, Vec<u8>)> {
    let all = root_key::all(&store(&place.database())).unwrap();
    all.into_iter().filter(|key| KEKS.contains(&&*key.name)).map(|key| (key.name, key.check_value)).collect()
}

/// Binds the present record to the end of the audit log, as an earlier version did.
fn cover(place: &Place) {
    let store = store(&place.database());
    let mut head = audit_head::read(&store).unwrap().unwrap();
    head.root_keys = Some(root_key::digest(&root_key::all(&store).unwrap(), true).to_vec());
    drop(store);
    let mac = binding(place, &head.bound());
    let database = Database::open(place.database()).unwrap();
    database.execute("UPDATE audit_head SET root_keys = ?1, binding = ?2", params![head.root_keys, mac]).unwrap();
}

fn starts(place: &Arc<Place>) {
    let server = Server::start_at(Arc::clone(place), &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    assert_eq!(alice.open(&sealed), b"data");
    assert!(server.stop().1.success());
}

#[test]
fn those_of_an_earlier_version_too() {
    if let Some(directory) = again::child() {
        return take_back(&directory);
    }
    let place = Arc::new(Place::new());
    starts(&place);
    let made = values(&place);
    assert!(made.iter().all(|(_, value)| value.len() == 72), "{made:?}");
    again::again(module_path!(), "those_of_an_earlier_version_too", &place.token, place.directory.path());
    let former = values(&place);
    let refused = Server::try_start_at(Arc::clone(&place), &Options::default()).err().unwrap();
    assert!(refused.contains("the record of root keys was changed"), "{refused}");
    cover(&place);
    // A value of another key is refused.
    let database = Database::open(place.database()).unwrap();
    let swap = "UPDATE root_key SET check_value = ?2 WHERE name = ?1";
    for values in [&former, &made] {
        let [(exporting, one), (guarding, other), _] = &values[..] else { panic!("{values:?}") };
        for (name, value) in [(exporting, other), (guarding, one)] {
            database.execute(swap, params![name, value]).unwrap();
        }
        cover(&place);
        let refused = Server::try_start_at(Arc::clone(&place), &Options::default()).err().unwrap();
        assert!(refused.contains("is another key than the one the database records"), "{refused}");
    }
    for (name, value) in &former {
        database.execute(swap, params![name, value]).unwrap();
    }
    drop(database);
    cover(&place);
    starts(&place);
    let renewed = values(&place);
    assert!(renewed.iter().all(|(_, value)| value.len() == 72), "{renewed:?}");
    starts(&place);
    assert_eq!(values(&place), renewed, "they are replaced once");
}
