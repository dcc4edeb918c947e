//! The lifecycle of KMIP 2.1 section 4.57: the operations that each state permits, the effect of dates, and that a
//! change applies at once to a cached key.

use serde_json::Value;

use crate::harness::kmip::{
    USAGE, boolean, create, date, encrypt, enumeration, find, import, integer, mac, mac_verify, named, revoke, string,
    wrapped,
};
use crate::harness::{Connection, Server, eventually};

const PAST: &str = "2020-01-01T00:00:00Z";
const FUTURE: &str = "2999-01-01T00:00:00Z";
const WRONG_STATE: (u16, &str) = (409, "Wrong_Key_Lifecycle_State");
const DESTROYED: (u16, &str) = (409, "Object_Destroyed");
const OK: (u16, &str) = (200, "");

/// Returns a date some seconds from now.
fn soon(seconds: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let date = time::OffsetDateTime::from_unix_timestamp((now + seconds) as i64).unwrap();
    date.format(&time::format_description::well_known::Rfc3339).unwrap()
}

fn outcome(connection: &mut Connection, request: &Value) -> (u16, String) {
    let answer = connection.kmip(request);
    let reason = if answer.status == 200 { None } else { Some(answer.json()["result_reason"].clone()) };
    (answer.status, reason.and_then(|reason| reason.as_str().map(str::to_owned)).unwrap_or_default())
}

/// A key in a state, and a ciphertext and a MAC that it made while it was active.
fn key_in(alice: &mut Connection, state: &str) -> (String, Value, Value) {
    let mask = [integer("CryptographicUsageMask", USAGE | 0x10)];
    let id = alice.new_key(&create("AES", 256, &mask));
    let sealed = alice.seal(&id, b"data");
    let mac = alice.mac(&id, b"data");
    let id = match state {
        "PreActive" => {
            // The same key material in an object that was never active.
            let key = alice.export(&id);
            let attributes = [mask[0].clone(), date("ActivationDate", FUTURE)];
            let fresh = format!("fresh-{id}");
            alice.ok(&import(&fresh, None, "AES", &key, &attributes));
            fresh
        }
        "Active" => id,
        "Deactivated" => {
            alice.ok(&revoke(&id, "CessationOfOperation"));
            id
        }
        "Compromised" => {
            alice.ok(&revoke(&id, "KeyCompromise"));
            id
        }
        "Destroyed" => {
            alice.ok(&revoke(&id, "Superseded"));
            alice.ok(&named("Destroy", &id));
            id
        }
        "Destroyed_Compromised" => {
            alice.ok(&revoke(&id, "CACompromise"));
            alice.ok(&named("Destroy", &id));
            id
        }
        other => panic!("{other}"),
    };
    assert_eq!(alice.state(&id), state);
    let sealed = crate::harness::kmip::Sealed { id: id.clone(), ..sealed };
    let verify = mac_verify(&id, b"data", &mac);
    (id, sealed.decrypt(), verify)
}

#[test]
fn requests_to_one_server() {
    // The first one finds only its own key.
    Server::shared(&[
        dates_that_pass_take_effect_on_a_key_in_use,
        every_operation_in_every_state,
        an_activation_date_decides_where_life_begins,
        process_start_and_protect_stop_bound_the_uses,
        a_cached_key_obeys_on_every_connection_at_once,
        the_usage_mask_bounds_the_uses,
    ]);
}

/// The states of a key.
pub const STATES: [&str; 6] =
    ["PreActive", "Active", "Deactivated", "Compromised", "Destroyed", "Destroyed_Compromised"];

const PROTECTS: [(u16, &str); 6] = [WRONG_STATE, OK, WRONG_STATE, WRONG_STATE, DESTROYED, DESTROYED];
const PROCESSES: [(u16, &str); 6] = [WRONG_STATE, OK, OK, OK, DESTROYED, DESTROYED];
const LEAVES: [(u16, &str); 6] = [OK, OK, OK, OK, DESTROYED, DESTROYED];

/// The outcome of each operation in each of the states.
pub const TABLE: [(&str, [(u16, &str); 6]); 14] = [
    ("Encrypt", PROTECTS),
    ("MAC", PROTECTS),
    ("wrapping", PROTECTS),
    ("Decrypt", PROCESSES),
    ("MACVerify", PROCESSES),
    ("Get", LEAVES),
    ("Export", LEAVES),
    ("GetAttributes", [OK; 6]),
    ("Activate", [OK, WRONG_STATE, WRONG_STATE, WRONG_STATE, DESTROYED, DESTROYED]),
    ("Revoke Superseded", [WRONG_STATE, OK, WRONG_STATE, WRONG_STATE, WRONG_STATE, WRONG_STATE]),
    ("Revoke KeyCompromise", [OK, OK, OK, WRONG_STATE, OK, WRONG_STATE]),
    ("Destroy", [OK, WRONG_STATE, OK, OK, DESTROYED, DESTROYED]),
    ("Import", [(409, "Object_Already_Exists"); 6]),
    ("Import ReplaceExisting", [OK, OK, WRONG_STATE, WRONG_STATE, DESTROYED, DESTROYED]),
];

/// The operation of a row of the table, on a new key in this state. `other` is wrapped.
pub fn request_in(alice: &mut Connection, operation: &str, state: &str, other: &str) -> Value {
    let (id, decrypt, verify) = key_in(alice, state);
    match operation {
        "Encrypt" => encrypt(&id, b"x"),
        "MAC" => mac(&id, b"x"),
        "wrapping" => wrapped("Export", other, &id),
        "Decrypt" => decrypt,
        "MACVerify" => verify,
        "Revoke Superseded" => revoke(&id, "Superseded"),
        "Revoke KeyCompromise" => revoke(&id, "KeyCompromise"),
        "Import" => import(&id, None, "AES", &[7; 32], &[]),
        "Import ReplaceExisting" => import(&id, Some(true), "AES", &[7; 32], &[]),
        plain => named(plain, &id),
    }
}

fn every_operation_in_every_state(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let other = alice.aes();
    for (operation, expected) in TABLE {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let request = request_in(&mut alice, operation, state, &other);
            let (status, reason) = outcome(&mut alice, &request);
            assert_eq!((status, reason.as_str()), expected, "{operation} in state {state}");
        }
    }
}

#[test]
fn each_transition_leaves_its_marks() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[date("ActivationDate", FUTURE)]));
    assert_eq!(alice.state(&id), "PreActive");
    alice.ok(&named("Activate", &id));
    let attributes = alice.attributes(&id);
    assert_eq!(string(&attributes, "State"), "Active");
    assert_ne!(string(&attributes, "ActivationDate"), FUTURE, "it is active from now on");
    alice.ok(&revoke(&id, "Superseded"));
    let attributes = alice.attributes(&id);
    assert_eq!(string(&attributes, "State"), "Deactivated");
    assert_eq!(string(&attributes, "RevocationReasonCode"), "Superseded");
    assert!(find(&attributes, "DeactivationDate").is_some());
    assert!(find(&attributes, "CompromiseDate").is_none());
    let compromise = crate::harness::kmip::with(
        revoke(&id, "KeyCompromise"),
        &[date("CompromiseOccurrenceDate", "2023-05-06T07:08:09Z")],
    );
    alice.ok(&compromise);
    let attributes = alice.attributes(&id);
    assert_eq!(string(&attributes, "State"), "Compromised");
    assert_eq!(string(&attributes, "CompromiseOccurrenceDate"), "2023-05-06T07:08:09Z");
    assert!(find(&attributes, "CompromiseDate").is_some());
    alice.ok(&named("Destroy", &id));
    let attributes = alice.attributes(&id);
    assert_eq!(string(&attributes, "State"), "Destroyed_Compromised");
    assert!(find(&attributes, "DestroyDate").is_some());
    let occurred = crate::harness::kmip::with(revoke(&id, "Superseded"), &[date("CompromiseOccurrenceDate", PAST)]);
    alice.refused(&occurred, 400, "Invalid_Attribute_Value");
    let server = server.restart();
    assert_eq!(server.alice().connect().unwrap().attributes(&id), attributes);
}

fn an_activation_date_decides_where_life_begins(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut absent = create("AES", 256, &[]);
    let attributes = absent["value"][1]["value"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["tag"] != "ActivationDate");
    // Without a RequestMessage it is Active at once (cosmian_clients.rs).
    let absent = crate::harness::message::message(&[], &[absent]);
    let absent = string(&alice.ok(&absent), "UniqueIdentifier");
    assert_eq!(alice.state(&absent), "PreActive");
    assert!(find(&alice.attributes(&absent), "ActivationDate").is_none());
    for (when, state) in [(PAST, "Active"), (FUTURE, "PreActive")] {
        let id = alice.new_key(&create("AES", 256, &[date("ActivationDate", when)]));
        assert_eq!(alice.state(&id), state);
    }
    let over = [date("ActivationDate", PAST), date("DeactivationDate", "2021-01-01T00:00:00Z")];
    let over = alice.new_key(&create("AES", 256, &over));
    assert_eq!(alice.state(&over), "Deactivated");
    alice.refused(&encrypt(&over, b"x"), 409, "Wrong_Key_Lifecycle_State");
    let backwards = [date("ActivationDate", FUTURE), date("DeactivationDate", PAST)];
    alice.refused(&create("AES", 256, &backwards), 400, "Invalid_Attribute_Value");
    let backwards = [date("ProcessStartDate", FUTURE), date("ProtectStopDate", PAST)];
    alice.refused(&create("AES", 256, &backwards), 400, "Invalid_Attribute_Value");
}

fn dates_that_pass_take_effect_on_a_key_in_use(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (start, end) = (soon(2), soon(4));
    let dates = [date("ActivationDate", &start), date("DeactivationDate", &end)];
    let id = alice.new_key(&create("AES", 256, &dates));
    alice.refused(&encrypt(&id, b"early"), 409, "Wrong_Key_Lifecycle_State");
    eventually("activation", || (alice.state(&id) == "Active").then_some(()));
    let sealed = alice.seal(&id, b"in time");
    let active = crate::harness::kmip::locate(&[enumeration("State", "Active")], &[]);
    assert_eq!(alice.located(&active).0, std::slice::from_ref(&id));
    eventually("deactivation", || (alice.state(&id) == "Deactivated").then_some(()));
    alice.refused(&encrypt(&id, b"late"), 409, "Wrong_Key_Lifecycle_State");
    assert_eq!(alice.open(&sealed), b"in time");
    let deactivated = crate::harness::kmip::locate(&[enumeration("State", "Deactivated")], &[]);
    assert_eq!(alice.located(&deactivated).0, std::slice::from_ref(&id));
    // After a deactivation by a date, an operation that needs a Deactivated key is possible.
    alice.refused(&named("Activate", &id), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&named("Destroy", &id));
}

fn process_start_and_protect_stop_bound_the_uses(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let stopped = alice.new_key(&create("AES", 256, &[date("ProtectStopDate", PAST)]));
    assert_eq!(alice.state(&stopped), "Active");
    let problem = alice.refused(&encrypt(&stopped, b"x"), 409, "Wrong_Key_Lifecycle_State");
    assert!(problem["detail"].as_str().unwrap().contains("Protect Stop Date"), "{problem}");
    alice.refused(&mac(&stopped, b"x"), 409, "Wrong_Key_Lifecycle_State");
    let verify = mac_verify(&stopped, b"x", &[0; 16]);
    assert_eq!(string(&alice.ok(&verify), "ValidityIndicator"), "Invalid");

    let early = alice.new_key(&create("AES", 256, &[date("ProcessStartDate", FUTURE)]));
    let sealed = alice.seal(&early, b"x");
    let problem = alice.refused(&sealed.decrypt(), 409, "Wrong_Key_Lifecycle_State");
    assert!(problem["detail"].as_str().unwrap().contains("Process Start Date"), "{problem}");
}

fn a_cached_key_obeys_on_every_connection_at_once(server: &Server) {
    let mut one = server.alice().connect().unwrap();
    let mut two = server.alice().connect().unwrap();
    for _ in 0..20 {
        let id = one.new_key(&create("AES", 256, &[date("ActivationDate", FUTURE)]));
        two.refused(&encrypt(&id, b"x"), 409, "Wrong_Key_Lifecycle_State");
        one.ok(&named("Activate", &id));
        let sealed = two.seal(&id, b"data");
        one.ok(&revoke(&id, "Superseded"));
        two.refused(&encrypt(&id, b"x"), 409, "Wrong_Key_Lifecycle_State");
        assert_eq!(two.open(&sealed), b"data");
        one.ok(&named("Destroy", &id));
        two.refused(&sealed.decrypt(), 409, "Object_Destroyed");
        two.refused(&named("Destroy", &id), 409, "Object_Destroyed");
        two.refused(&named("Export", &id), 409, "Object_Destroyed");
    }
}

/// The uses of a key, and the bit of the usage mask that permits each.
pub const USES: [(&str, i64); 5] = [("Encrypt", 4), ("Decrypt", 8), ("Wrap", 0x10), ("MAC", 128), ("MACVerify", 256)];

/// A use of a key. `other` is wrapped.
pub fn use_of(operation: &str, id: &str, other: &str) -> Value {
    let damaged =
        || crate::harness::kmip::Sealed { id: id.to_owned(), data: b"x".to_vec(), iv: vec![0; 12], tag: vec![0; 16] };
    match operation {
        "Encrypt" => encrypt(id, b"x"),
        "Decrypt" => damaged().decrypt(),
        "Wrap" => wrapped("Get", other, id),
        "MAC" => mac(id, b"x"),
        "MACVerify" => mac_verify(id, b"x", &[0; 16]),
        other => panic!("{other}"),
    }
}

fn the_usage_mask_bounds_the_uses(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let other = alice.aes();
    for (allowed, mask) in USES {
        let id = alice.new_key(&create("AES", 256, &[integer("CryptographicUsageMask", mask)]));
        for (operation, _) in USES {
            let (status, reason) = outcome(&mut alice, &use_of(operation, &id, &other));
            if operation == allowed {
                // Decrypt of other data fails, but not because of the usage mask.
                assert!(status == 200 || reason == "Cryptographic_Failure", "{operation}: {status} {reason}");
            } else {
                assert_eq!((status, reason.as_str()), (403, "Incompatible_Cryptographic_Usage_Mask"), "{operation}");
            }
        }
    }
    let mut maskless = create("AES", 256, &[]);
    let attributes = maskless["value"][1]["value"].as_array_mut().unwrap();
    attributes.retain(|attribute| attribute["tag"] != "CryptographicUsageMask");
    alice.refused(&maskless, 400, "Missing_Data");
    let sensitive = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true)]));
    alice.refused(&wrapped("Get", &sensitive, &other), 403, "Incompatible_Cryptographic_Usage_Mask");
}
