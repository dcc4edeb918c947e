//! HSM tokens whose root keys can be changed, copied or destroyed, and HSM tokens that let no keys leave: the
//! weaknesses that the operator accepts by name, the log, and the consequences.

use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault};
use serde_json::{Value, json};

use crate::harness::kmip::{boolean, create, find, integer, named, register, wrapped};
use crate::harness::server::{Place, run};
use crate::harness::{Connection, ROOT_OBJECTS, Server, shim};

/// CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_SENSITIVE, CKA_EXTRACTABLE.
const MODIFIABLE: u64 = 0x170;
const COPYABLE: u64 = 0x171;
const DESTROYABLE: u64 = 0x172;
const SENSITIVE: u64 = 0x103;
/// CKA_LABEL and CKA_UNWRAP_TEMPLATE.
const LABEL: u64 = 0x3;
const UNWRAP_TEMPLATE: u64 = 0x4000_0212;
const EXTRACTABLE: u64 = 0x162;

/// The keys that wrap.
const KEKS: usize = 3;

fn sensitive_and_extractable(alice: &mut Connection, id: &str) -> (Value, Value) {
    let attributes = alice.attributes(id);
    let value = |name| find(&attributes, name).unwrap().clone();
    (value("Sensitive"), value("Extractable"))
}

#[test]
fn weaker_root_keys_are_accepted_by_name() {
    for (attribute, name, done, keks) in [
        (MODIFIABLE, "modifiable", "changed", 0),
        (COPYABLE, "copyable", "copied", 0),
        (DESTROYABLE, "destroyable", "destroyed", KEKS),
    ] {
        let place = Arc::new(Place::new());
        let fault = [("fault", Fault::new(Deed::RefuseAttribute(attribute), &[]))];
        let accept = format!("--accept-weaker-custody={name}");
        let (status, out, _) = run(shim::program(&place, &fault).arg("--check-hsm"));
        let row = shim::row(&out, &format!("root keys cannot be {done} "));
        assert!(row.ends_with(&format!("  does not start without --accept-weaker-custody {name}")), "{row}");
        assert_eq!(status.code(), Some(1), "{out}");
        let (status, out, error) = run(shim::program(&place, &fault).args(["--check-hsm", &accept]));
        assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains(&format!("  accepts root keys that are {name}")), "{out}");

        let (plain, control) = shim::options(&place, &fault);
        let other = if name == "copyable" { "destroyable" } else { "copyable" };
        for options in [plain.clone(), plain.with(&[&format!("--accept-weaker-custody={other}")])] {
            let told = Server::refused_at(&place, &options);
            assert!(told.contains(&format!("accept it by --accept-weaker-custody {name}")), "{told}");
            assert!(told.contains(&format!("root keys cannot be {done}")), "{told}");
        }
        assert_eq!(place.token.objects(), 0, "something was made");

        let accepting = plain.with(&[&accept]);
        let mut server = Server::start_at(Arc::clone(&place), &accepting);
        assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS + keks);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        let sealed = alice.seal(&id, b"data");
        // This does not change if the token protects more later.
        for round in 0..3 {
            let health = alice.get("/health");
            assert_eq!((health.status, &health.json()["weaker_custody"]), (200, &json!(name)));
            assert!(server.log().contains("the root keys are weaker than they should be"), "{}", server.log());
            assert_eq!(alice.open(&sealed), b"data");
            alice.aes();
            assert!(!server.log().contains(" ERROR "), "{}", server.log());
            assert!(server.stop().1.success());
            if round == 1 {
                control.clear("fault").unwrap();
            }
            let told = Server::refused_at(&place, &plain);
            assert!(told.contains(&format!("the root keys of this database are {name}")), "{told}");
            let (status, _, told) = run(place.command(&plain).arg("--check-config"));
            assert!(!status.success() && told.contains(&format!("of this database are {name}")), "{told}");
            server = Server::start_at(Arc::clone(&place), &accepting);
            alice = server.alice().connect().unwrap();
        }
        assert!(server.stop().1.success());
        let (is_clean, said) = place.check_store(&accepting);
        assert!(is_clean, "{said}");
    }
}

/// Protected root keys are not treated as weaker ones, whatever the operator accepts.
#[test]
fn a_token_that_promises_less_than_it_did_is_refused() {
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[]);
    let accepting = options.with(&["--accept-weaker-custody=modifiable,copyable,destroyable"]);
    // Accepting a weakness does not make a token weaker.
    let server = Server::start_at(Arc::clone(&place), &accepting);
    let health = server.alice().connect().unwrap().get("/health");
    assert_eq!((health.status, health.json().get("weaker_custody")), (200, None));
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    assert!(server.stop().1.success());
    for (attribute, told_of) in
        [(MODIFIABLE, "wrapping keys cannot be changed"), (COPYABLE, "wrapping keys cannot be copied")]
    {
        control.set("fault", &Fault::new(Deed::RefuseAttribute(attribute), &[])).unwrap();
        for options in [&options, &accepting] {
            let told = Server::refused_at(&place, options);
            assert!(told.contains(told_of), "{told}");
        }
        control.clear("fault").unwrap();
    }
    // The existing root keys cannot be destroyed: their attributes are read back at each start.
    control.set("fault", &Fault::new(Deed::RefuseAttribute(DESTROYABLE), &[])).unwrap();
    assert!(Server::start_at(Arc::clone(&place), &options).stop().1.success());
    control.clear("fault").unwrap();
    assert!(Server::start_at(place, &options).stop().1.success());

    // This also applies to a database without keys that wrap.
    let place = Arc::new(Place::new());
    let no_wrapping = Fault::new(Deed::RefuseAttribute(UNWRAP_TEMPLATE), &[]);
    let (options, control) = shim::options(&place, &[("no wrapping", no_wrapping)]);
    assert!(Server::start_at(Arc::clone(&place), &options).stop().1.success());
    let accepting = options.with(&["--accept-weaker-custody=modifiable,copyable,destroyable"]);
    for (attribute, told_of) in [(MODIFIABLE, "changed"), (COPYABLE, "copied")] {
        control.set("fault", &Fault::new(Deed::RefuseAttribute(attribute), &[])).unwrap();
        let told = Server::refused_at(&place, &accepting);
        let expected = format!("less than it did when they were made: root keys cannot be {told_of}");
        assert!(told.contains(&expected), "{told}");
        control.clear("fault").unwrap();
    }
}

/// If only some root keys are weaker, keys that the others wrap are not trusted either.
#[test]
fn a_weakness_of_some_root_keys_is_one_of_all() {
    let place = Arc::new(Place::new());
    let fault = [("fault", Fault::new(Deed::RefuseAttribute(COPYABLE), &["C_GenerateKeyPair"]))];
    let (plain, _) = shim::options(&place, &fault);
    let accepting = plain.with(&["--accept-weaker-custody=copyable"]);
    let told = Server::refused_at(&place, &accepting.with(&["--placement=wrapped"]));
    assert!(told.contains("cannot keep keys wrapped: root keys cannot be copied"), "{told}");
    assert_eq!(place.token.objects(), 0);
    let server = Server::start_at(Arc::clone(&place), &accepting);
    assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS);
    assert_eq!(server.alice().connect().unwrap().get("/health").json()["weaker_custody"], "copyable");
}

/// A first start that did not make all root keys is continued in the same way.
#[test]
fn what_was_begun_is_not_finished_with_weaker_keys() {
    // No pair gets a label: the start fails when the secret root keys are made.
    let failing = Fault::new(Deed::RefuseAttribute(LABEL), &["C_GenerateKeyPair"]);
    let weak = Fault::new(Deed::RefuseAttribute(DESTROYABLE), &[]);
    let place = Arc::new(Place::new());
    let (plain, control) = shim::options(&place, &[("failing", failing.clone())]);
    let accepting = plain.with(&["--accept-weaker-custody=destroyable"]);
    Server::refused_at(&place, &plain);
    assert_eq!(place.token.objects(), 1 + KEKS);
    control.clear("failing").unwrap();
    control.set("weak", &weak).unwrap();
    let told = Server::refused_at(&place, &accepting);
    assert!(told.contains("less than it did when they were made: root keys cannot be destroyed"), "{told}");
    control.clear("weak").unwrap();
    let server = Server::start_at(Arc::clone(&place), &plain);
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    assert_eq!(server.alice().connect().unwrap().get("/health").json().get("weaker_custody"), None);

    let place = Arc::new(Place::new());
    let (plain, control) = shim::options(&place, &[("failing", failing), ("weak", weak)]);
    let accepting = plain.with(&["--accept-weaker-custody=destroyable"]);
    Server::refused_at(&place, &accepting);
    assert_eq!(place.token.objects(), 1 + KEKS);
    control.clear("failing").unwrap();
    control.clear("weak").unwrap();
    let told = Server::refused_at(&place, &plain);
    assert!(told.contains("the root keys of this database are destroyable"), "{told}");
    let server = Server::start_at(Arc::clone(&place), &accepting);
    assert_eq!(place.token.objects(), ROOT_OBJECTS);
    assert_eq!(server.alice().connect().unwrap().get("/health").json()["weaker_custody"], "destroyable");
}

#[test]
fn without_keys_that_leave_in_clear_new_ones_leave_wrapped() {
    let place = Arc::new(Place::new());
    let fault = [("fault", Fault::new(Deed::RefuseValue(SENSITIVE, false), &[]))];
    let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    for name in ["unwrap template: may leave ", "CKA_VALUE of a key that may leave "] {
        let row = shim::row(&out, name);
        assert!(row.ends_with("  gives no keys out in clear"), "{row}");
    }
    let (options, control) = shim::options(&place, &fault);
    let mut server = Server::start_at(Arc::clone(&place), &options);
    assert_eq!(place.token.objects(), ROOT_OBJECTS - 1);
    let mut alice = server.alice().connect().unwrap();
    let made = alice.aes();
    let brought = alice.new_key(&register("AES", &[7; 32], &[boolean("Sensitive", false)]));
    let sealed = [&made, &brought].map(|id| alice.seal(id, b"data"));
    let wrapping = integer("CryptographicUsageMask", 0x10);
    let protected = [boolean("Sensitive", true), boolean("Extractable", false), wrapping];
    let kek = alice.new_key(&create("AES", 256, &protected));
    for round in 0..3 {
        assert!(server.log().contains("no key leaves this token in clear"), "{}", server.log());
        let other = alice.new_key(&create("AES", 256, &[boolean("Sensitive", false)]));
        for id in [&made, &brought, &other] {
            assert_eq!(sensitive_and_extractable(&mut alice, id), (json!(true), json!(true)));
            let told = alice.refused(&named("Get", id), 403, "Sensitive");
            assert!(told["detail"].as_str().unwrap().contains("this HSM gives no keys out in clear"), "{told}");
            alice.ok(&wrapped("Get", id, &kek));
        }
        for sealed in &sealed {
            assert_eq!(alice.open(sealed), b"data");
        }
        alice.refused(&named("Get", &kek), 403, "Not_Extractable");
        assert!(!server.log().contains(" ERROR "), "{}", server.log());
        assert!(server.stop().1.success());
        let of = |id: &str| options.with(&[&format!("--api-token-id={id}")]);
        let told = Server::refused_at(&place, &of(&other));
        assert!(told.contains("no caller can know the API token") && told.contains("by Register"), "{told}");
        assert!(Server::start_at(Arc::clone(&place), &of(&brought)).stop().1.success());
        // A database that was begun in this way keeps its properties.
        if round == 1 {
            control.clear("fault").unwrap();
        }
        server = Server::start_at(Arc::clone(&place), &options);
        alice = server.alice().connect().unwrap();
    }
    assert!(server.stop().1.success());
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");

    // A database of keys that may leave does not start with a token that lets no keys leave.
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[]);
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let value = alice.export(&id);
    assert!(server.stop().1.success());
    control.set("fault", &fault[0].1).unwrap();
    let told = Server::refused_at(&place, &options);
    assert!(told.contains("cannot do what is needed of it: unwrap template: may leave"), "{told}");
    control.clear("fault").unwrap();
    let server = Server::start_at(place, &options);
    assert_eq!(server.alice().connect().unwrap().export(&id), value);
}

#[test]
fn without_keys_that_leave_at_all_every_key_stays_an_object() {
    let place = Arc::new(Place::new());
    let fault = [("fault", Fault::new(Deed::RefuseValue(EXTRACTABLE, true), &[]))];
    let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    let row = shim::row(&out, "CKA_EXTRACTABLE of a sensitive key ");
    assert!(row.ends_with("  lets no keys leave"), "{row}");
    let (options, control) = shim::options(&place, &fault);
    let mut server = Server::start_at(Arc::clone(&place), &options);
    assert_eq!(place.token.objects(), ROOT_OBJECTS - KEKS);
    let mut alice = server.alice().connect().unwrap();
    let made = alice.aes();
    let brought = alice.new_key(&register("AES", &[7; 32], &[boolean("Extractable", true)]));
    let sealed = [&made, &brought].map(|id| alice.seal(id, b"data"));
    for round in 0..3 {
        let other = alice.aes();
        for id in [&made, &brought, &other] {
            assert_eq!(sensitive_and_extractable(&mut alice, id), (json!(true), json!(false)));
            let told = alice.refused(&named("Get", id), 403, "Not_Extractable");
            assert!(told["detail"].as_str().unwrap().contains("this HSM lets no keys leave"), "{told}");
        }
        for sealed in &sealed {
            assert_eq!(alice.open(sealed), b"data");
        }
        assert!(!server.log().contains(" ERROR "), "{}", server.log());
        // A database that was begun in this way keeps its properties.
        if round == 1 {
            control.clear("fault").unwrap();
        }
        server = server.restart();
        alice = server.alice().connect().unwrap();
    }
}
