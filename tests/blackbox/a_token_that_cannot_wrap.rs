//! On an HSM token without AES key wrap, or without unwrap templates, every key is an object of the token, and
//! otherwise works like any other.

use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault};
use openssl::hash::MessageDigest;

use crate::harness::kmip::{boolean, create, encrypt, named, octets, register, revoke};
use crate::harness::pairs::{pair, sign, verify};
use crate::harness::server::{Place, run};
use crate::harness::{Options, ROOT_OBJECTS, Server, reference, shim};

/// CKR_MECHANISM_INVALID and CKR_FUNCTION_NOT_SUPPORTED.
const NO_MECHANISM: u64 = 0x70;
const NO_FUNCTION: u64 = 0x54;

/// CKA_UNWRAP_TEMPLATE.
const UNWRAP_TEMPLATE: u64 = 0x4000_0212;

/// The keys that wrap, of which such a database has none.
const KEKS: usize = 3;

const SECRET: &str = "/secrets/default/variable/database";

fn faults() -> [(Fault, &'static str); 3] {
    [
        (Fault::new(Deed::Answer(NO_MECHANISM), &["C_WrapKey"]), "AES key wrap"),
        (Fault::new(Deed::Answer(NO_FUNCTION), &["C_UnwrapKey"]), "AES key wrap"),
        (Fault::new(Deed::RefuseAttribute(UNWRAP_TEMPLATE), &[]), "unwrap template: may never leave"),
    ]
}

#[test]
fn keeps_every_key_as_an_object() {
    for (fault, lacking) in faults() {
        let place = Arc::new(Place::new());
        let fault = [("fault", fault)];
        let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
        assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
        let row = shim::row(&out, lacking);
        assert!(row.ends_with("  keeps every key in the HSM token"), "{row}");
        let (status, out, _) = run(shim::program(&place, &fault).args(["--check-hsm", "--placement=wrapped"]));
        assert!(status.code() == Some(1) && out.contains("cannot use this HSM token: "), "{out}");
        let (options, _) = shim::options(&place, &fault);
        let told = Server::refused_at(&place, &options.with(&["--placement=wrapped"]));
        assert!(told.contains("cannot keep keys wrapped") && told.contains(lacking), "{told}");
        assert_eq!(place.token.objects(), 0, "something was made");

        let mut server = Server::start_at(Arc::clone(&place), &options);
        assert!(server.log().contains("the database holds no wrapped keys"));
        assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS);
        let mut alice = server.alice().connect().unwrap();
        let aes = alice.aes();
        let sealing = alice.new_key(&create("AES", 256, &[boolean("Extractable", false)]));
        let brought = alice.new_key(&register("HMACSHA256", &[7; 32], &[]));
        let (private, public) = pair(&mut alice, "EC", 256);
        let answer = alice.try_request("POST", SECRET, &[], b"value").unwrap();
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let made = place.token.objects() - (ROOT_OBJECTS - KEKS);
        assert!(made >= 4, "{made}");
        let sealed = [&aes, &sealing].map(|id| alice.seal(id, b"data"));
        let signature = octets(&alice.ok(&sign(&private, b"data", &[])), "SignatureData");

        // This does not change at the next start.
        for _ in 0..2 {
            for (sealed, id) in sealed.iter().zip([&aes, &sealing]) {
                assert_eq!(alice.open(sealed), b"data");
                alice.seal(id, b"more");
            }
            let mac = reference::hmac(MessageDigest::sha256(), &[7; 32], b"data");
            assert_eq!(alice.mac(&brought, b"data"), mac);
            alice.ok(&verify(&public, b"data", &signature, &[]));
            let read = alice.try_request("GET", SECRET, &[], b"").unwrap();
            assert_eq!((read.status, read.body.as_slice()), (200, &b"value"[..]));
            assert_eq!(alice.export(&aes).len(), 32);
            alice.refused(&named("Export", &sealing), 403, "Not_Extractable");
            assert_eq!(alice.get("/health").status, 200);
            server = server.restart();
            alice = server.alice().connect().unwrap();
        }
        for id in [&aes, &sealing, &brought, &private] {
            alice.ok(&revoke(id, "Superseded"));
            alice.ok(&named("Destroy", id));
            alice.refused(&encrypt(id, b"x"), 409, "Object_Destroyed");
        }
        assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS + made - 4);
        assert!(!server.log().contains(" ERROR "), "{}", server.log());
        assert!(server.stop().1.success());
        let (is_clean, said) = place.check_store(&options);
        assert!(is_clean, "{said}");
    }
}

/// A database that was begun without keys that wrap never gets them, and a database of wrapped keys does not start on a
/// token that cannot wrap.
#[test]
fn stays_what_it_was_at_the_first_start() {
    let [(fault, _), ..] = faults();
    let fault = [("fault", fault)];
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &fault);
    assert!(Server::start_at(Arc::clone(&place), &options).stop().1.success());
    control.clear("fault").unwrap();
    let told = Server::refused_at(&place, &options.with(&["--placement=wrapped"]));
    assert!(told.contains("has no root keys that wrap") && told.contains("without --placement wrapped"), "{told}");
    let (status, _, told) = run(place.command(&options).args(["--placement=wrapped", "--check-config"]));
    assert!(!status.success() && told.contains("has no root keys that wrap"), "{told}");
    let server = Server::start_at(Arc::clone(&place), &options);
    server.alice().connect().unwrap().aes();
    assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS + 1);
    assert!(server.stop().1.success());

    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[]);
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    assert!(server.stop().1.success());
    control.set("fault", &fault[0].1).unwrap();
    for own in [options.clone(), options.with(&["--placement=token"])] {
        let told = Server::refused_at(&place, &own);
        assert!(told.contains("cannot do what is needed of it: AES key wrap"), "{told}");
    }
    control.clear("fault").unwrap();
    let server = Server::start_at(place, &options);
    assert_eq!(server.alice().connect().unwrap().open(&sealed), b"data");
}

/// If the device fails temporarily, the first start is refused and does not begin such a database. The next start is
/// like any other.
#[test]
fn is_not_one_that_has_a_bad_moment() {
    // CKR_DEVICE_ERROR and CKR_DEVICE_MEMORY.
    for value in [0x30, 0x31] {
        let place = Arc::new(Place::new());
        let fault = [("fault", Fault::new(Deed::Answer(value), &["C_WrapKey"]))];
        let (options, control) = shim::options(&place, &fault);
        let told = Server::refused_at(&place, &options);
        assert!(told.contains("cannot do what is needed of it: ") && told.contains("C_WrapKey"), "{told}");
        assert_eq!(place.token.objects(), 0);
        control.clear("fault").unwrap();
        let server = Server::start_at(Arc::clone(&place), &options);
        server.alice().connect().unwrap().aes();
        assert_eq!(place.token.objects(), ROOT_OBJECTS);
    }
}

/// A database without the records of its keys that wrap is not treated as one that never had these keys.
#[test]
fn is_not_what_a_database_becomes_by_a_deletion() {
    for makes_a_key in [false, true] {
        let expected = "does not record the sealing root key";
        let server = Server::start();
        if makes_a_key {
            server.alice().connect().unwrap().aes();
        }
        let (place, _) = server.stop();
        let database = rusqlite::Connection::open(place.database()).unwrap();
        let deleted = database.execute("DELETE FROM root_key WHERE name IN ('sealing', 'guarding', 'exporting')", []);
        assert_eq!(deleted, Ok(KEKS));
        let told = Server::refused_at(&place, &Options::default());
        assert!(told.contains(expected), "{told}");
        let (status, _, told) = run(place.command(&Options::default()).arg("--check-config"));
        assert!(!status.success() && told.contains(expected), "{told}");
        // Also not if the operator has the key of the audit log made again.
        database.execute("DELETE FROM root_key WHERE name = 'audit'", []).unwrap();
        let told = Server::refused_at(&place, &Options::default().with(&["--remake-root-key=audit"]));
        assert!(told.contains(expected), "{told}");
    }
}
