//! A user who accepts an offer, or approves a recovery, gets what was shown: the same key, with the same access.

use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::forging::change_pending;
use crate::harness::kmip::{encrypt, integer, mac, named, replace};
use crate::harness::{Caller, Cli, Leaf, Server, World, again};

const POLICY: &str = r#"
auditors = ["audrey"]
recoverers = ["rita", "rolf"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
[projects.p.members]
alice = "full"
bob = "full"
[projects.q.members]
alice = "full"
mallory = "full"
"#;

fn object(id: &str) -> Value {
    json!({ "unique_identifier": id })
}

fn offer(id: &str, to: &str) -> Value {
    json!({"unique_identifier": id, "user_id": to})
}

fn which(id: &str, recovery: &str) -> Value {
    json!({"unique_identifier": id, "recovery": recovery})
}

/// Proposes a recovery that keeps access, and returns the whole answer.
#[track_caller]
fn propose(caller: &mut Caller, id: &str, to: &str) -> Value {
    let body = json!({"unique_identifier": id, "user_id": to, "reason": "alice left", "keep_access": true});
    caller.done("/access/recoveries", &body)
}

fn id_of(recovery: &Value) -> String {
    recovery["recovery"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_that_was_replaced_is_neither_accepted_nor_recovered() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut carol, mut rita, mut rolf] =
        ["alice", "bob", "carol", "rita", "rolf"].map(|name| world.certificate(name));
    for id in ["k", "kept"] {
        alice.key(id, &[project("p")]);
        alice.done("/access/transfer", &offer(id, "carol"));
    }
    let recovery = id_of(&propose(&mut rita, "k", "dave"));
    bob.ok(&replace("k", "AES", &[7; 32], &[]));
    // A request that does not replace the key ends neither offers nor proposals.
    bob.refused(&replace("kept", "AES", &[7; 32], &[integer("CryptographicLength", 128)]), 400);
    for (caller, path) in [(&mut carol, "/access/offers"), (&mut alice, "/access/offers/made")] {
        let offers = caller.get(path);
        let ids: Vec<&Value> =
            offers["offers"].as_array().unwrap().iter().map(|own| &own["unique_identifier"]).collect();
        assert_eq!(ids, ["kept"], "{path}");
    }
    carol.not_done("/access/accept", &object("k"), 404);
    rolf.not_done("/access/recoveries/approve", &which("k", &recovery), 409);
    assert_eq!(rolf.get("/access/recoveries")["recoveries"], json!([]));
    carol.done("/access/accept", &object("kept"));
    carol.ok(&encrypt("kept", b"x"));
    // The receiver must accept the new key again.
    alice.done("/access/transfer", &offer("k", "carol"));
    carol.done("/access/accept", &object("k"));
    let told = |operation: &str| -> Vec<(String, i64, String)> {
        let lines = world.server.place.audit_lines();
        let of = lines.iter().filter(|line| line["operation"] == operation && line["object"] == "k");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        of.map(|line| (text(&line["user"]), line["version"].as_i64().unwrap_or_default(), text(&line["detail"])))
            .collect()
    };
    let row = |detail: &str| ("bob".to_owned(), 4, detail.to_owned());
    assert_eq!(told("EndOffer"), [row("to the user \"carol\": the key was replaced")]);
    assert_eq!(told("WithdrawRecovery"), [row(&format!("{recovery}: the key was replaced"))]);
    let (options, (place, _)) = (world.server.options.clone(), world.server.stop());
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

#[test]
fn a_recovery_keeps_the_access_that_was_there_when_it_was_proposed() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut rita, mut rolf] = ["alice", "bob", "rita", "rolf"].map(|name| world.certificate(name));
    let [mut sam, mut mallory] = ["sam", "mallory"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    for (grantee, operations) in [
        ("sam", &["encrypt", "mac"][..]),
        ("ruth", &["mac"]),
        ("role:full", &["get_attributes"]),
        ("carol", &["encrypt"]),
    ] {
        alice.grant("k", grantee, operations);
    }
    let made = propose(&mut rita, "k", "carol");
    // The recoverers who approve see the access that is kept, without that of the former and of the new owner.
    let kept = json!({
        "project": null,
        "grants": [
            {"user_id": "sam", "operations": ["encrypt", "mac"]},
            {"user_id": "ruth", "operations": ["mac"]},
            {"role": "full", "operations": ["get_attributes"]},
        ],
    });
    let sorted = |kept: &Value| {
        let mut kept = kept.clone();
        for grant in kept["grants"].as_array_mut().unwrap() {
            grant["operations"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
        kept
    };
    assert_eq!(sorted(&made["kept"]), sorted(&kept), "{made}");
    assert_eq!(sorted(&rolf.get("/access/recoveries")["recoveries"][0]["kept"]), sorted(&kept));
    let cli = Cli::new(&world.server, "rolf", &world.server.place.authority.issue(&Leaf::client("rolf")));
    let listed = cli.rows(&["access-rights", "recover", "list"]);
    for kept in ["user sam: encrypt, mac", "user ruth: mac", "role full: get_attributes"] {
        assert!(listed[0].contains(kept), "{listed:?}");
    }
    // Alice continues to grant and revoke while she can.
    alice.grant("k", "mallory", &["get", "decrypt"]);
    alice.grant("k", "sam", &["decrypt"]);
    alice.grant("k", "*", &["export"]);
    alice.take_back("k", "ruth", &["mac"]);
    alice.done("/access/project", &json!({"unique_identifier": "k", "project": "q"}));
    mallory.ok(&named("Export", "k"));
    let shown = rolf.get("/access/recoveries")["recoveries"][0]["kept"].clone();
    assert_eq!(shown["grants"].as_array().unwrap().len(), 2, "{shown}");
    assert_eq!(shown["project"], Value::Null);
    let done = rolf.done("/access/recoveries/approve", &which("k", &id_of(&made)));
    assert_eq!(done["done"], true);
    for request in [named("Get", "k"), named("Export", "k"), named("GetAttributes", "k"), encrypt("k", b"x")] {
        mallory.refused(&request, 404);
    }
    sam.ok(&encrypt("k", b"x"));
    sam.refused(&named("Export", "k"), 403);
    let list = world.certificate("carol").get("/access/list/k?all=true");
    assert_eq!((&list["owner"], &list["project"]), (&json!("carol"), &Value::Null));
    let mut grants: Vec<String> = list["grants"].as_array().unwrap().iter().map(Value::to_string).collect();
    grants.sort();
    assert_eq!(grants.len(), 2, "{grants:?}");
    assert!(grants[0].contains("sam") && !grants[0].contains("decrypt"), "{grants:?}");
    assert!(grants[1].contains("get_attributes"), "{grants:?}");
    world.certificate("ruth").refused(&mac("k", b"x"), 404);
    // The project is kept if it is the same as at the proposal. An object that has left the project does not return.
    for (id, then, now) in [("same", Some("p"), Some("p")), ("left", Some("p"), None), ("moved", Some("p"), Some("q"))]
    {
        alice.key(id, then.map(project).as_slice());
        let made = propose(&mut rita, id, "carol");
        assert_eq!(made["kept"]["project"], json!(then), "{made}");
        if now != then {
            alice.done("/access/project", &json!({"unique_identifier": id, "project": now}));
        }
        rolf.done("/access/recoveries/approve", &which(id, &id_of(&made)));
        let place = world.certificate("carol").get(&format!("/access/list/{id}?all=true"))["project"].clone();
        assert_eq!(place, json!(then.filter(|_| now == then)), "{id}");
        assert_eq!(bob.kmip(&encrypt(id, b"x")).status == 200, now == then, "{id}");
        mallory.refused(&encrypt(id, b"x"), 404);
    }
}

#[test]
fn a_proposal_that_says_nothing_of_access_keeps_none() {
    const NAME: &str = "a_proposal_that_says_nothing_of_access_keeps_none";
    if let Some(directory) = again::child() {
        return change_pending(&directory, "k", |pending| {
            let mut pending: Value = serde_json::from_str(pending).unwrap();
            assert!(pending["recovery"].as_object_mut().unwrap().remove("kept").is_some(), "{pending}");
            pending.to_string()
        });
    }
    let world = World::new(POLICY);
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| world.certificate(name));
    alice.key("k", &[project("p")]);
    alice.grant("k", "sam", &["encrypt"]);
    let made = propose(&mut rita, "k", "carol");
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    again::again(module_path!(), NAME, &place.token, place.directory.path());
    let world = World { server: Server::start_at(place, &options), issuer };
    let mut rolf = world.certificate("rolf");
    let shown = rolf.get("/access/recoveries")["recoveries"][0].clone();
    assert_eq!((&shown["keep_access"], &shown["kept"]), (&json!(true), &json!({"project": null, "grants": []})));
    rolf.done("/access/recoveries/approve", &which("k", &id_of(&made)));
    let list = world.certificate("carol").get("/access/list/k?all=true");
    assert_eq!(list, json!({"owner": "carol", "project": null, "members": [], "grants": []}));
}
