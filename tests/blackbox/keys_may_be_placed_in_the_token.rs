//! With `--placement token` new keys are objects of the HSM token, and otherwise like any other.

use std::thread;

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::{boolean, create, encrypt, integer, named, register, revoke, wrapped};
use crate::harness::{Options, ROOT_OBJECTS, Server, Shim, eventually, reference};

#[test]
fn and_are_used_kept_and_destroyed_there() {
    let options = Options { arguments: vec!["--placement".into(), "token".into()], ..Options::default() };
    let server = Server::start_with(&options);
    let mut alice = server.alice().connect().unwrap();
    let aes = alice.aes();
    let sealing = alice.new_key(&create("AES", 256, &[boolean("Extractable", false)]));
    let guarded = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true)]));
    let hmac = alice.new_key(&create("HMACSHA256", 256, &[]));
    let wrapping = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", 0x10)]));
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + 5);
    let messages = [&aes, &sealing, &guarded].map(|id| alice.seal(id, b"data"));
    let mac = alice.mac(&hmac, b"data");
    let key = alice.export(&aes);

    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    for message in &messages {
        assert_eq!(alice.open(message), b"data");
    }
    assert_eq!(alice.mac(&hmac, b"data"), mac);
    assert_eq!(alice.export(&aes), key);
    alice.refused(&named("Export", &sealing), 403, "Not_Extractable");
    alice.refused(&named("Export", &guarded), 403, "Sensitive");
    let kek = alice.export(&wrapping);
    let answer = alice.ok(&wrapped("Export", &aes, &wrapping));
    assert_eq!(crate::harness::kmip::octets(&answer, "KeyMaterial"), reference::key_wrap(&kek, &key));
    alice.refused(&wrapped("Export", &sealing, &wrapping), 403, "Not_Extractable");

    // A server that places new keys elsewhere still uses the existing ones.
    let (place, _) = server.stop();
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    let in_database = alice.aes();
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS + 5);
    for message in &messages {
        assert_eq!(alice.open(message), b"data");
    }
    for (id, left) in [(&aes, 4), (&sealing, 3), (&guarded, 2), (&hmac, 1), (&in_database, 1), (&wrapping, 0)] {
        alice.ok(&revoke(id, "Superseded"));
        alice.ok(&named("Destroy", id));
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS + left);
        alice.refused(&encrypt(id, b"x"), 409, "Object_Destroyed");
    }
    let server = server.restart();
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
    assert!(!server.log().contains("no row of this database names"));
}

/// A server that was killed between the destruction of the row and that of the key finishes it at its next start.
#[test]
fn and_what_a_crash_left_of_a_destroyed_one_is_removed() {
    let options = Options { arguments: vec!["--placement".into(), "token".into()], ..Options::default() };
    let server = Server::start_with(&options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let before = server.place.token.kept();
    assert_eq!(before.len(), ROOT_OBJECTS + 1);
    alice.ok(&revoke(&id, "Superseded"));
    alice.ok(&named("Destroy", &id));
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
    let place = server.kill();
    // The state without the last step.
    for object in place.token.kept() {
        place.token.take_out(&object);
    }
    for object in &before {
        place.token.put_back(object);
    }
    assert_eq!(place.token.objects(), ROOT_OBJECTS + 1);
    let server = Server::start_at(place, &options);
    assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
    server.alice().connect().unwrap().refused(&encrypt(&id, b"x"), 409, "Object_Destroyed");
}

/// Each key is destroyed once, by a handle that was not destroyed before, without a search. On SoftHSM the calls are
/// made one at a time, because otherwise some fail.
#[test]
fn and_come_and_go_from_many_clients_at_once() {
    const CLIENTS: usize = 8;
    const TURNS: usize = 60;
    let mut shim = Shim::start(&Options::default());
    // Only a count.
    let counted = |functions| Fault::new(Deed::Wait(std::time::Duration::ZERO), functions);
    shim.set("destroyed", &counted(&["C_DestroyObject"]));
    shim.set("listed", &counted(&["C_FindObjectsInit"]));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut alice = shim.server.alice().connect().unwrap();
                for _ in 0..TURNS {
                    // It cannot be wrapped.
                    let id = alice.new_key(&register("HMACSHA256", &[7; 33], &[]));
                    alice.mac(&id, b"data");
                    alice.ok(&revoke(&id, "Superseded"));
                    alice.ok(&named("Destroy", &id));
                }
            });
        }
    });
    eventually("nothing is left", || (shim.server.place.token.objects() == ROOT_OBJECTS).then_some(()));
    eventually("the log says that all are erased", || {
        let erased = shim.server.place.audit_lines().iter().filter(|line| line["event"] == "erased").count();
        (erased == CLIENTS * TURNS).then_some(())
    });
    // In addition there are a few session objects of the start.
    let destroyed = shim.hits("destroyed");
    assert!((CLIENTS * TURNS..CLIENTS * TURNS + 8).contains(&destroyed), "{destroyed}");
    assert_eq!(shim.hits("listed"), 0);
    assert!(!shim.server.log().contains(" WARN "), "{}", shim.server.log());
    shim.server.signal("TERM");
    assert!(shim.server.wait().success());
}
