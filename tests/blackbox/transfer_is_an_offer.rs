//! A key changes its owner when the new owner accepts it. Then the former owner and all grantees have no access.

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::forging::{change_pending, expired};
use crate::harness::kmip::{encrypt, mac, named, revoke, tags};
use crate::harness::{Caller, Server, World, again};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[policies.no_export]
policy_type = "deny"
operations = ["export"]
resources = ["*"]
[policies.no_transfer]
policy_type = "deny"
operations = ["transfer"]
resources = ["*"]
[policies.no_access]
policy_type = "deny"
operations = ["manage_access"]
resources = ["*"]
[roles]
stays = { capabilities = ["*"], policies = ["all", "no_transfer"] }
unmanaged = { capabilities = ["*"], policies = ["all", "no_access"] }
full = { capabilities = ["*"], policies = ["all"] }
reader = { capabilities = ["read"], policies = ["all"] }
held = { capabilities = ["*"], policies = ["all", "no_export"] }
[users.rita]
role = "reader"
[projects.p.members]
alice = "full"
held = "held"
stella = "stays"
ursula = "unmanaged"
"#;

fn offer(id: &str, to: &str) -> Value {
    json!({"unique_identifier": id, "user_id": to})
}

fn object(id: &str) -> Value {
    json!({ "unique_identifier": id })
}

#[track_caller]
fn owns(caller: &mut Caller, id: &str, is_owner: bool) {
    let owned = caller.get("/access/owned");
    assert_eq!(owned.as_array().unwrap().iter().any(|own| own["object_id"] == id), is_owner, "{owned}");
}

fn identifiers(list: &Value) -> Vec<String> {
    let offers = list["offers"].as_array().unwrap();
    offers.iter().map(|offer| offer["unique_identifier"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_receiver_accepts_and_nothing_is_left_behind() {
    let world = World::new(POLICY);
    let (mut alice, mut bob, mut sam) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("sam"));
    alice.key("k", &[project("p")]);
    for (grantee, operations) in
        [("*", &["mac"][..]), ("role:full", &["export"]), ("bob", &["encrypt"]), ("sam", &["get"])]
    {
        alice.grant("k", grantee, operations);
    }
    alice.done("/access/transfer", &offer("k", "bob"));
    // Until then nothing changes.
    owns(&mut alice, "k", true);
    owns(&mut bob, "k", false);
    alice.ok(&named("Export", "k"));
    bob.refused(&named("Export", "k"), 403);
    sam.ok(&mac("k", b"x"));
    assert!(sam.not_done("/access/accept", &object("k"), 403).contains("not offered"));
    let offers = bob.get("/access/offers");
    assert_eq!(identifiers(&offers), ["k"]);
    assert_eq!((&offers["offers"][0]["owner"], &offers["offers"][0]["to"]), (&json!("alice"), &json!("bob")));
    assert_eq!(identifiers(&alice.get("/access/offers/made")), ["k"]);
    assert_eq!(identifiers(&alice.get("/access/offers")), [""; 0]);
    assert_eq!(identifiers(&sam.get("/access/offers")), [""; 0]);
    bob.done("/access/accept", &object("k"));
    owns(&mut alice, "k", false);
    owns(&mut bob, "k", true);
    bob.ok(&named("Export", "k"));
    assert_eq!(bob.get("/access/list/k"), json!([]));
    for caller in [&mut alice, &mut sam] {
        for request in [mac("k", b"x"), named("GetAttributes", "k"), encrypt("k", b"x"), named("Export", "k")] {
            caller.refused(&request, 404);
        }
        caller.not_done("/access/transfer", &offer("k", "alice"), 404);
        caller.not_done("/access/accept", &object("k"), 404);
    }
    assert_eq!(alice.get("/access/obtained"), json!([]));
    assert_eq!(identifiers(&alice.get("/access/offers/made")), [""; 0]);
    // The offer is used up: if she gets the key back, the former offer cannot be accepted again.
    bob.not_done("/access/accept", &object("k"), 403);
    bob.done("/access/transfer", &offer("k", "alice"));
    alice.done("/access/accept", &object("k"));
    bob.not_done("/access/accept", &object("k"), 404);
    owns(&mut alice, "k", true);
}

#[test]
fn an_offer_ends_without_an_owner_or_with_another() {
    let world = World::new(POLICY);
    let (mut alice, mut bob, mut sam) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("sam"));
    alice.key("k", &[]);
    assert!(alice.not_done("/access/decline", &object("k"), 409).contains("not offered now"));
    // Declined by the receiver or withdrawn by the owner, but by no other caller.
    for (number, ending) in ["bob", "alice"].into_iter().enumerate() {
        alice.done("/access/transfer", &offer("k", "bob"));
        sam.not_done("/access/decline", &object("k"), 404);
        let caller = if number == 0 { &mut bob } else { &mut alice };
        caller.done("/access/decline", &object("k"));
        bob.not_done("/access/accept", &object("k"), 404);
        assert_eq!(identifiers(&bob.get("/access/offers")), [""; 0], "{ending}");
        owns(&mut alice, "k", true);
    }
    // The last offer counts.
    alice.done("/access/transfer", &offer("k", "bob"));
    alice.done("/access/transfer", &offer("k", "sam"));
    bob.not_done("/access/accept", &object("k"), 404);
    assert_eq!(identifiers(&bob.get("/access/offers")), [""; 0]);
    sam.done("/access/accept", &object("k"));
    owns(&mut sam, "k", true);
    // A destroyed object cannot be offered.
    alice.key("d", &[]);
    alice.done("/access/transfer", &offer("d", "bob"));
    alice.ok(&revoke("d", "Superseded"));
    bob.not_done("/access/transfer", &offer("d", "bob"), 404);
    alice.ok(&named("Destroy", "d"));
    assert_eq!(identifiers(&bob.get("/access/offers")), [""; 0]);
    bob.not_done("/access/accept", &object("d"), 404);
    alice.not_done("/access/transfer", &offer("d", "bob"), 409);
    // An offer to oneself, to an invalid user, and of an object that does not exist.
    alice.key("o", &[]);
    alice.not_done("/access/transfer", &offer("o", "alice"), 422);
    alice.not_done("/access/transfer", &offer("o", "*"), 400);
    for path in ["/access/accept", "/access/decline"] {
        alice.not_done(path, &object("none"), 404);
        alice.not_done(path, &json!({"unique_identifier": "o", "user_id": "alice"}), 400);
        alice.not_done(path, &json!({}), 400);
    }
}

#[test]
fn whether_the_owner_may_is_decided_again() {
    let world = World::new(POLICY);
    let (mut alice, mut bob, mut root) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("root"));
    let mut member =
        |role: &str| assert_eq!(root.define("projects", "q", &json!({"members": {"alice": role}})).status, 200);
    member("full");
    alice.key("k", &[project("q")]);
    alice.done("/access/transfer", &offer("k", "bob"));
    // Leaving the project needs every right, and she has lost some of them.
    member("held");
    let told = bob.not_done("/access/accept", &object("k"), 409);
    assert!(told.contains("may no longer transfer"), "{told}");
    owns(&mut alice, "k", true);
    let told = alice.not_done("/access/transfer", &offer("k", "bob"), 403);
    assert!(told.contains("the caller may not export, and so cannot grant it"), "{told}");
    member("full");
    bob.done("/access/accept", &object("k"));
    owns(&mut bob, "k", true);
    // The narrowing of a credential also applies to offers.
    let mut narrowed = world.token("alice", &json!({"projects": ["q"]}));
    alice.key("b", &[project("q")]);
    narrowed.done("/access/transfer", &offer("b", "bob"));
    let place = |project: Value| json!({"unique_identifier": "b", "project": project});
    alice.done("/access/project", &place(Value::Null));
    bob.not_done("/access/accept", &object("b"), 409);
    narrowed.not_done("/access/transfer", &offer("b", "bob"), 404);
    alice.done("/access/project", &place(json!("q")));
    bob.done("/access/accept", &object("b"));
}

#[test]
fn no_more_than_a_credential_may() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    alice.key("k", &[project("p"), tags(&["blue"])]);
    alice.key("r", &[]);
    alice.done("/access/transfer", &offer("k", "bob"));
    alice.done("/access/transfer", &offer("r", "rita"));
    for narrowing in [
        json!({"operations": ["encrypt", "get_attributes", "locate"]}),
        json!({"role": "reader"}),
        json!({"role": "none"}),
        json!({"projects": ["q"]}),
        json!({"projects": []}),
        json!({"properties": {"tag": "red"}}),
    ] {
        let mut bob = world.token("bob", &narrowing);
        for path in ["/access/accept", "/access/decline"] {
            bob.not_done(path, &object("k"), 404);
        }
        let listed = bob.send("GET", "/access/offers", None);
        assert!(listed.status == 403 || identifiers(&listed.json()).is_empty(), "{narrowing}");
    }
    // The receiver's own role limits the use of the object, not the acceptance.
    let mut rita = world.certificate("rita");
    rita.done("/access/accept", &object("r"));
    rita.ok(&named("GetAttributes", "r"));
    rita.refused(&encrypt("r", b"x"), 403);
    let mut bob = world.token("bob", &json!({"projects": ["p"], "properties": {"tag": "blue"}}));
    assert_eq!(identifiers(&bob.get("/access/offers")), ["k"]);
    bob.done("/access/accept", &object("k"));
    owns(&mut world.certificate("bob"), "k", true);
}

#[test]
fn users_that_are_all_the_default_user_give_nothing_to_another() {
    let world = World::with(POLICY, &["--force-default-username"]);
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    alice.key("k", &[]);
    bob.done("/access/transfer", &offer("k", "bob"));
    bob.not_done("/access/accept", &object("k"), 403);
    alice.not_done("/access/transfer", &offer("k", "admin"), 422);
    assert_eq!(identifiers(&alice.get("/access/offers/made")), ["k"]);
}

#[test]
fn offers_wait_seven_days() {
    if let Some(directory) = again::child() {
        return change_pending(&directory, "k", expired);
    }
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    alice.key("k", &[]);
    alice.done("/access/transfer", &offer("k", "bob"));
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    again::again(module_path!(), "offers_wait_seven_days", &place.token, place.directory.path());
    let world = World { server: Server::start_at(place, &options), issuer };
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    assert_eq!(identifiers(&bob.get("/access/offers")), [""; 0]);
    assert_eq!(identifiers(&alice.get("/access/offers/made")), [""; 0]);
    assert!(bob.not_done("/access/accept", &object("k"), 409).contains("has expired"));
    owns(&mut alice, "k", true);
    alice.done("/access/transfer", &offer("k", "bob"));
    bob.done("/access/accept", &object("k"));
    owns(&mut bob, "k", true);
}

#[test]
fn an_offer_that_the_owner_did_not_make_is_refused() {
    let world = World::new(POLICY);
    let mut alice = world.certificate("alice");
    for id in ["changed", "planted", "taken", "indexed"] {
        alice.key(id, &[]);
    }
    for id in ["changed", "taken"] {
        alice.done("/access/transfer", &offer(id, "bob"));
    }
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    for statement in [
        "UPDATE object SET pending = replace(pending, 'bob', 'sam') WHERE id = 'changed'",
        "UPDATE object SET pending = (SELECT pending FROM object WHERE id = 'changed') WHERE id = 'planted'",
        "UPDATE object SET pending = NULL WHERE id = 'taken'",
        "INSERT INTO object_pending VALUES ('to:sam', 'indexed', 9000000000)",
        "INSERT INTO object_pending VALUES ('to:sam', 'changed', 9000000000)",
    ] {
        assert_eq!(database.execute(statement, []).unwrap(), 1, "{statement}");
    }
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let (mut alice, mut bob, mut sam) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("sam"));
    for id in ["changed", "planted", "taken"] {
        for caller in [&mut alice, &mut bob, &mut sam] {
            assert!(caller.not_done("/access/accept", &object(id), 500).contains("integrity check"));
            caller.refused(&encrypt(id, b"x"), 500);
        }
        let told = |line: &str| line.contains("ROW REFUSED") && line.contains(id);
        assert!(world.server.log().lines().any(told), "{id}");
    }
    assert_eq!(identifiers(&sam.get("/access/offers")), [""; 0]);
    assert_eq!(identifiers(&bob.get("/access/offers")), [""; 0]);
    sam.not_done("/access/accept", &object("indexed"), 404);
    alice.ok(&encrypt("indexed", b"x"));
}

#[test]
fn each_step_is_in_the_audit_log() {
    let world = World::new(POLICY);
    let (mut alice, mut bob, mut sam) =
        (world.certificate("alice"), world.certificate("bob"), world.certificate("sam"));
    alice.key("k", &[]);
    alice.done("/access/transfer", &offer("k", "bob"));
    sam.not_done("/access/accept", &object("k"), 404);
    bob.done("/access/decline", &object("k"));
    alice.done("/access/transfer", &offer("k", "bob"));
    bob.done("/access/accept", &object("k"));
    let lines = world.server.place.audit_lines();
    let told = |operation: &str| -> Vec<(String, i64, String, String)> {
        let of = lines.iter().filter(|line| line["operation"] == operation && line["object"] == "k");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        of.map(|line| {
            let version = line["version"].as_i64().unwrap_or_default();
            (text(&line["user"]), version, text(&line["outcome"]), text(&line["detail"]))
        })
        .collect()
    };
    let row = |user: &str, version, outcome: &str, detail: &str| {
        (user.to_owned(), version, outcome.to_owned(), detail.to_owned())
    };
    let offered = |version| row("alice", version, "success", "to the user \"bob\"");
    assert_eq!(told("TransferOwnership"), [offered(2), offered(4)]);
    assert_eq!(told("EndOffer"), [row("bob", 3, "success", "to the user \"bob\"")]);
    assert_eq!(
        told("AcceptOwnership"),
        [row("sam", 0, "refused", ""), row("bob", 5, "success", "from the user \"alice\"")]
    );
    let accepted = lines.iter().rfind(|line| line["operation"] == "AcceptOwnership").unwrap();
    assert_eq!(accepted["rule"], "the owner offered it to the caller");
    let (options, (place, _)) = (world.server.options.clone(), world.server.stop());
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

#[test]
fn what_is_denied_in_a_project_is_not_done_by_leaving_it() {
    let world = World::new(POLICY);
    for (name, denied) in [("stella", "transfer"), ("ursula", "manage_access"), ("held", "export")] {
        let mut caller = world.certificate(name);
        caller.key(name, &[project("p")]);
        let out = json!({"unique_identifier": name, "project": null});
        let refused = [("/access/project", out), ("/access/transfer", offer(name, "bob"))];
        for (path, body) in &refused {
            let why = caller.not_done(path, body, 403);
            assert!(why.contains(denied) || path.ends_with(denied), "{name}: {path}: {why}");
        }
        assert_eq!(caller.get("/access/offers/made")["offers"], json!([]));
    }
    // An owner who is denied nothing in the project can take the key out and transfer it.
    let mut alice = world.certificate("alice");
    alice.key("free", &[project("p")]);
    alice.done("/access/project", &json!({"unique_identifier": "free", "project": null}));
    alice.done("/access/transfer", &offer("free", "bob"));
}
