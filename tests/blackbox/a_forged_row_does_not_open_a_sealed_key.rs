//! A person with the database, the HSM token and the PIN can write a row with a valid binding. A key that was made with
//! Extractable=false still cannot leave the HSM token, because the token enforces the rules of the key that wrapped it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use claviger::store::object::{self, Class, Material};
use claviger_pkcs11::{Device, Error, Key, MacMechanism, SecretKeyKind, SecretKeySpec, TokenKey, Uses};
use rusqlite::{Connection as Database, params};

use crate::harness::forging::store;
use crate::harness::kmip::{USAGE, boolean, create, encrypt, integer, named, text, wrapped};
use crate::harness::{Options, Server, again};

/// The variable with the task of the child.
const TASK: &str = "task";

fn root(device: &Device, name: &str) -> TokenKey {
    let label = format!("claviger root {name}");
    device.token_keys().unwrap().into_iter().find(|key| key.label == label).unwrap()
}

/// Writes the row of `id` again, with the binding that the server would give it.
fn forge(database: &Path, device: &Device, id: &str, change: impl FnOnce(&mut object::Object)) {
    let mut row = object::find(&store(database), id).unwrap().unwrap();
    let database = Database::open(database).unwrap();
    let binding: Key = root(device, "binding").key;
    let mac = |row: &object::Object| device.mac(&binding, MacMechanism::HmacSha256, &row.bound()).unwrap();
    // The row was bound together with others; the forged one has its own binding. The control shows that this is also
    // valid.
    assert!(row.binding.len() > mac(&row).len(), "{:?}", row.binding);
    change(&mut row);
    let kek = match &row.material {
        Material::Wrapped { kek, .. } => kek.clone(),
        other => panic!("{other:?}"),
    };
    database
        .execute(
            "UPDATE object SET class = ?2, kek = ?3, extractable = ?4, sensitive = ?5, usage_mask = ?6, binding = ?7 WHERE id = ?1",
            params![id, row.class.code(), kek, row.extractable, row.sensitive, row.usage_mask, mac(&row)],
        )
        .unwrap();
}

fn set_kek(row: &mut object::Object, device: &Device, name: &str) {
    let Material::Wrapped { kek, .. } = &mut row.material else { panic!() };
    *kek = root(device, name).id;
}

/// In the child.
fn perform(directory: &Path) {
    let token = again::open();
    let device = token.device().unwrap();
    let database = directory.join("claviger.db");
    let sealed = |change: &dyn Fn(&mut object::Object)| {
        forge(&database, &device, "sealed", |row| {
            row.extractable = true;
            row.sensitive = false;
            change(row);
        });
    };
    match fs::read_to_string(directory.join(TASK)).unwrap().as_str() {
        // The others do not fail because of their bindings.
        "control" => forge(&database, &device, "open", |row| row.usage_mask = 8),
        "extractable" => sealed(&|_| {}),
        "class" => sealed(&|row| row.class = Class::Exporting),
        "class and kek" => sealed(&|row| {
            row.class = Class::Exporting;
            set_kek(row, &device, "exporting");
        }),
        "guarding" => sealed(&|row| row.class = Class::Guarding),
        "guarding and kek" => sealed(&|row| {
            row.class = Class::Guarding;
            set_kek(row, &device, "guarding");
        }),
        "guarded to exporting" => forge(&database, &device, "guarded", |row| {
            row.sensitive = false;
            row.class = Class::Exporting;
            set_kek(row, &device, "exporting");
        }),
        other => panic!("{other}"),
    }
}

#[test]
fn by_any_edit() {
    if let Some(directory) = again::child() {
        return perform(&directory);
    }
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let named_key = |id: &str| text("UniqueIdentifier", id);
    alice.ok(&create("AES", 256, &[named_key("sealed"), boolean("Extractable", false)]));
    alice.ok(&create("AES", 256, &[named_key("guarded"), boolean("Sensitive", true)]));
    alice.ok(&create("AES", 256, &[named_key("open")]));
    alice.ok(&create("AES", 256, &[named_key("kek"), integer("CryptographicUsageMask", USAGE | 0x10)]));
    let messages = ["sealed", "guarded", "open"].map(|id| alice.seal(id, b"message"));
    let (place, _) = server.stop();
    let kept = fs::read(place.database()).unwrap();
    for task in
        ["control", "extractable", "class", "class and kek", "guarding", "guarding and kek", "guarded to exporting"]
    {
        fs::write(place.database(), &kept).unwrap();
        fs::write(place.path(TASK), task).unwrap();
        again::again(module_path!(), "by_any_edit", &place.token, place.directory.path());
        let server = Server::start_at(Arc::clone(&place), &Options::default());
        let mut alice = server.alice().connect().unwrap();
        if task == "control" {
            alice.refused(&encrypt("open", b"x"), 403, "Incompatible_Cryptographic_Usage_Mask");
            assert_eq!(alice.open(&messages[2]), b"message");
        } else {
            let target = if task.starts_with("guarded") { "guarded" } else { "sealed" };
            for operation in ["Get", "Export"] {
                let clear = alice.kmip(&named(operation, target));
                assert!([403, 500].contains(&clear.status), "{task}: {}", clear.status);
                assert!(!String::from_utf8_lossy(&clear.body).contains("KeyMaterial"));
                let wrapped = alice.kmip(&wrapped(operation, target, "kek"));
                assert!([403, 500].contains(&wrapped.status), "{task}: {}", wrapped.status);
                assert!(!String::from_utf8_lossy(&wrapped.body).contains("KeyMaterial"));
            }
            assert_eq!(alice.open(&messages[2]), b"message", "the others go on");
        }
        assert!(!server.log().contains("panicked"));
        server.stop();
    }
    fs::write(place.database(), &kept).unwrap();
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    for message in &messages {
        assert_eq!(alice.open(message), b"message");
    }
}

#[test]
fn nor_by_unwrapping_it_by_hand() {
    if let Some(directory) = again::child() {
        return try_by_hand(&directory);
    }
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    alice.ok(&create("AES", 256, &[text("UniqueIdentifier", "sealed"), boolean("Extractable", false)]));
    let message = alice.seal("sealed", b"message");
    let (place, _) = server.stop();
    again::again(module_path!(), "nor_by_unwrapping_it_by_hand", &place.token, place.directory.path());
    let server = Server::start_at(place, &Options::default());
    assert_eq!(server.alice().connect().unwrap().open(&message), b"message");
}

fn try_by_hand(directory: &Path) {
    let row = object::find(&store(&directory.join("claviger.db")), "sealed").unwrap().unwrap();
    let Material::Wrapped { kek, blob } = row.material else { panic!() };
    let token = again::open();
    let device = token.device().unwrap();
    let sealing = root(&device, "sealing");
    assert_eq!(kek, sealing.id);
    let spec = |sensitive, extractable| SecretKeySpec {
        kind: SecretKeyKind::Aes { bytes: 32 },
        sensitive,
        extractable,
        uses: Uses { encrypt: true, decrypt: true, ..Uses::default() },
    };
    for (sensitive, extractable) in [(false, true), (true, true), (false, false)] {
        let refused = device.unwrap(&sealing.key, &blob, &spec(sensitive, extractable)).unwrap_err();
        assert!(matches!(refused, Error::TemplateRefused(_)), "{refused}");
    }
    let key = device.unwrap(&sealing.key, &blob, &spec(true, false)).unwrap();
    assert!(matches!(device.value(&key), Err(Error::NotExtractable(_))));
    device.wrap(&sealing.key, &key).unwrap_err();
    for name in ["binding", "exporting", "guarding", "sealing"] {
        let key = root(&device, name).key;
        assert!(matches!(device.value(&key), Err(Error::NotExtractable(_))), "{name}");
        let refused = device.destroy_token(key).unwrap_err();
        assert!(matches!(refused, Error::ActionProhibited(_)), "{name}: {refused}");
        device.unwrap(&root(&device, name).key, &blob, &spec(false, true)).unwrap_err();
    }
}
