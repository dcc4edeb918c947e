//! An object of an owner who left gets another owner if enough recoverers of the policy file approve.

use std::fs;
use std::sync::Arc;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::forging::{change_pending, expired};
use crate::harness::kmip::{encrypt, mac, named, revoke};
use crate::harness::server::Place;
use crate::harness::{Caller, Cli, Leaf, Options, Server, World, again, eventually};

const POLICY: &str = r#"
administrators = ["root"]
auditors = ["audrey"]
recoverers = ["rita", "rolf", "rosa", "jwt:https://issuer.example/#rita", "jwt:https://issuer.example/#ruth"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
[projects.p.members]
alice = "full"
mia = "full"
"#;

fn proposal(id: &str, to: &str) -> Value {
    json!({"unique_identifier": id, "user_id": to, "reason": "alice left"})
}

fn which(id: &str, recovery: &str) -> Value {
    json!({"unique_identifier": id, "recovery": recovery})
}

#[track_caller]
fn propose(caller: &mut Caller, id: &str, to: &str) -> String {
    caller.done("/access/recoveries", &proposal(id, to))["recovery"].as_str().unwrap().to_owned()
}

fn waiting(caller: &mut Caller) -> Vec<String> {
    let list = caller.get("/access/recoveries");
    list["recoveries"].as_array().unwrap().iter().map(|one| one["recovery"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn owner(world: &World, id: &str) -> String {
    let page = world.certificate("audrey").get("/objects");
    let object = page["objects"].as_array().unwrap().iter().find(|own| own["unique_identifier"] == id).unwrap().clone();
    object["owner"].as_str().unwrap().to_owned()
}

#[test]
fn one_proposes_and_another_approves() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut rita, mut rolf] = ["alice", "bob", "rita", "rolf"].map(|name| world.certificate(name));
    alice.key("k", &[project("p")]);
    alice.grant("k", "*", &["mac"]);
    alice.grant("k", "sam", &["encrypt"]);
    let made = rita.done("/access/recoveries", &proposal("k", "bob"));
    let id = made["recovery"].as_str().unwrap().to_owned();
    for (name, value) in [
        ("owner", json!("alice")),
        ("to", json!("bob")),
        ("reason", json!("alice left")),
        ("approvals", json!(["rita"])),
        ("approvals_needed", json!(2)),
        ("done", json!(false)),
        ("keep_access", json!(false)),
    ] {
        assert_eq!(made[name], value, "{name} of {made}");
    }
    assert_eq!(owner(&world, "k"), "alice");
    alice.ok(&encrypt("k", b"x"));
    bob.refused(&encrypt("k", b"x"), 403);
    // One user counts once, with any kind of credential.
    for caller in [&mut rita, &mut world.token("rita", &Value::Null)] {
        let told = caller.not_done("/access/recoveries/approve", &which("k", &id), 409);
        assert!(told.contains("another recoverer"), "{told}");
    }
    assert_eq!(waiting(&mut rolf), [id.as_str()]);
    let done = rolf.done("/access/recoveries/approve", &which("k", &id));
    assert_eq!((&done["done"], &done["approvals"]), (&json!(true), &json!(["rita", "rolf"])));
    assert_eq!(owner(&world, "k"), "bob");
    bob.ok(&named("Export", "k"));
    assert_eq!(bob.get("/access/list/k"), json!([]));
    // The former owner has no access, all grants are revoked, and the object has left its project.
    for name in ["alice", "sam", "mia", "rita", "rolf"] {
        for request in [encrypt("k", b"x"), mac("k", b"x"), named("GetAttributes", "k")] {
            world.certificate(name).refused(&request, 404);
        }
    }
    assert_eq!(waiting(&mut rolf), [""; 0]);
    rolf.not_done("/access/recoveries/approve", &which("k", &id), 409);
}

#[test]
fn access_of_others_stays_if_that_was_proposed() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut rita] = ["alice", "bob", "rita"].map(|name| world.certificate(name));
    alice.key("k", &[project("p")]);
    for (user, operations) in [("bob", &["mac"][..]), ("sam", &["encrypt"])] {
        alice.grant("k", user, operations);
    }
    let mut wanted = proposal("k", "bob");
    wanted["keep_access"] = json!(true);
    let made = rita.done("/access/recoveries", &wanted);
    assert_eq!(made["keep_access"], true);
    // A recoverer may also use a JWT, if the file names it.
    let mut ruth = world.token("ruth", &Value::Null);
    ruth.done("/access/recoveries/approve", &which("k", made["recovery"].as_str().unwrap()));
    assert_eq!(bob.get("/access/list/k"), json!([{"user_id": "sam", "operations": ["encrypt"]}]));
    world.certificate("sam").ok(&encrypt("k", b"x"));
    world.certificate("mia").ok(&encrypt("k", b"x"));
    // She is still a member, but no longer the owner.
    alice.ok(&encrypt("k", b"x"));
    alice.not_done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "alice"}), 403);
    assert_eq!(alice.get("/access/owned"), json!([]));
}

#[test]
fn nobody_else_has_a_say() {
    let world = World::new(POLICY);
    let [mut alice, mut rita, mut rolf] = ["alice", "rita", "rolf"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    let id = propose(&mut rita, "k", "bob");
    let others = [
        world.certificate("alice"),
        world.certificate("bob"),
        world.certificate("root"),
        world.certificate("audrey"),
        world.certificate("ruth"),
        world.token("rolf", &Value::Null),
        world.token("rita", &json!({})),
        world.token("ruth", &json!({"operations": ["locate"]})),
    ];
    for mut other in others {
        for (path, body) in [
            ("/access/recoveries", proposal("k", "mallory")),
            ("/access/recoveries", proposal("none", "mallory")),
            ("/access/recoveries/approve", which("k", &id)),
            ("/access/recoveries/withdraw", which("k", &id)),
        ] {
            let told = other.not_done(path, &body, 403);
            assert!(told.starts_with("you may not recover: "), "{told}");
        }
        assert_eq!(other.send("GET", "/access/recoveries", None).status, 403);
    }
    // The new owner can neither propose nor approve.
    alice.key("own", &[]);
    let told = rita.not_done("/access/recoveries", &proposal("own", "rita"), 403);
    assert!(told.contains("others have to decide"), "{told}");
    let to_rolf = propose(&mut rita, "own", "rolf");
    rolf.not_done("/access/recoveries/approve", &which("own", &to_rolf), 403);
    world.token("rita", &Value::Null).not_done("/access/recoveries/approve", &which("own", &to_rolf), 409);
    assert_eq!(owner(&world, "own"), "alice");
    world.certificate("rosa").done("/access/recoveries/approve", &which("own", &to_rolf));
    assert_eq!(owner(&world, "own"), "rolf");
    // The approval is for the proposed recovery.
    let told = rolf.not_done("/access/recoveries", &proposal("k", "mallory"), 409);
    assert!(told.contains(&id) && told.contains("\"bob\""), "{told}");
    rolf.done("/access/recoveries/withdraw", &which("k", &id));
    let other = propose(&mut rita, "k", "mallory");
    rolf.not_done("/access/recoveries/approve", &which("k", &id), 409);
    rolf.not_done("/access/recoveries/approve", &which("none", &id), 404);
    rolf.not_done("/access/recoveries/withdraw", &which("k", &id), 409);
    assert_eq!(waiting(&mut rolf), [other.as_str()]);
    assert_eq!(owner(&world, "k"), "alice");
}

#[test]
fn what_is_asked_for_must_make_sense() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut rita, mut rolf] = ["alice", "bob", "rita", "rolf"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    let mut refused = |name: &str, value: Value, status: u16| {
        let mut body = proposal("k", "bob");
        body[name] = value;
        rita.not_done("/access/recoveries", &body, status)
    };
    for user in ["*", "", " bob", "b\u{200b}ob", "identity:1", "host/db"] {
        refused("user_id", json!(user), 400);
    }
    for reason in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(256)] {
        assert!(refused("reason", json!(reason), 400).contains("reason"), "{reason:?}");
    }
    refused("reason", Value::Null, 400);
    refused("more", json!(1), 400);
    refused("unique_identifier", json!("none"), 404);
    assert!(refused("user_id", json!("alice"), 422).contains("owns the object"));
    // If the object has another owner meanwhile, it is not recovered from the former one.
    let id = propose(&mut rita, "k", "sam");
    alice.done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "bob"}));
    bob.done("/access/accept", &json!({"unique_identifier": "k"}));
    rolf.not_done("/access/recoveries/approve", &which("k", &id), 409);
    assert_eq!(waiting(&mut rolf), [""; 0]);
    assert_eq!(owner(&world, "k"), "bob");
    // An offer does not outlive a recovery, either.
    bob.done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "mallory"}));
    let id = propose(&mut rita, "k", "sam");
    rolf.done("/access/recoveries/approve", &which("k", &id));
    world.certificate("mallory").not_done("/access/accept", &json!({"unique_identifier": "k"}), 404);
    assert_eq!(owner(&world, "k"), "sam");
    // A destroyed object keeps its owner.
    alice.key("d", &[]);
    let id = propose(&mut rita, "d", "bob");
    alice.ok(&revoke("d", "Superseded"));
    alice.ok(&named("Destroy", "d"));
    rolf.not_done("/access/recoveries/approve", &which("d", &id), 409);
    rolf.not_done("/access/recoveries", &proposal("d", "bob"), 409);
    assert_eq!(waiting(&mut rolf), [""; 0]);
}

#[test]
fn approvals_count_while_the_file_names_those_who_gave_them() {
    let world = World::new(&format!("recovery_approvals = 3\n{POLICY}"));
    let [mut alice, mut rita, mut rolf, mut rosa] =
        ["alice", "rita", "rolf", "rosa"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    let id = propose(&mut rita, "k", "bob");
    let two = rolf.done("/access/recoveries/approve", &which("k", &id));
    assert_eq!((&two["done"], &two["approvals_needed"]), (&json!(false), &json!(3)));
    let reload = |text: &str, told: &str| {
        fs::write(world.policy_file(), text).unwrap();
        let before = world.server.log().matches(told).count();
        world.server.signal("HUP");
        eventually("the policy is read", || (world.server.log().matches(told).count() > before).then_some(()));
    };
    // Rita is no longer named: her approval does not count, and three are still needed.
    let without = POLICY.replace("\"rita\", ", "").replace("\"jwt:https://issuer.example/#rita\", ", "\"renate\", ");
    reload(&format!("recovery_approvals = 3\n{without}"), "the policy file was reloaded");
    let two = rosa.done("/access/recoveries/approve", &which("k", &id));
    assert_eq!((&two["done"], &two["approvals"]), (&json!(false), &json!(["rolf", "rosa"])));
    rita.not_done("/access/recoveries/approve", &which("k", &id), 403);
    // A file with too few recoverers is refused, and the former one stays in force.
    let few = POLICY.replace("recoverers = [", "recoverers = [\"rolf\"] #");
    reload(&few, "recoverers: 1 users are named");
    world.certificate("renate").done("/access/recoveries/approve", &which("k", &id));
    assert_eq!(owner(&world, "k"), "bob");
}

#[test]
fn fewer_recoverers_than_approvals_keep_the_server_from_starting() {
    let place = Arc::new(Place::new());
    let file = place.path("policy.toml");
    let arguments = vec![format!("--policy-file={}", file.display())];
    let options = Options { arguments, ..Options::default() };
    for (text, line, words) in [
        ("recoverers = [\"rita\"]\n", 1, &["recoverers: 1 users", "approvals of 2", "name more"][..]),
        ("recoverers = []\n", 1, &["recoverers: 0 users"]),
        ("\nrecovery_approvals = 2\n", 2, &["recovery_approvals: 0 users"]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = 3\n", 1, &["2 users", "approvals of 3"]),
        ("recoverers = [\"rita\", \"certificate:rita\", \"jwt:i#rita\"]\n", 1, &["1 users"]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = 1\n", 2, &["recovery_approvals: 1: it is 2 to 16"]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = 0\n", 2, &["recovery_approvals: 0"]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = 17\n", 2, &["recovery_approvals: 17"]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = -1\n", 2, &["recovery_approvals: "]),
        ("recoverers = [\"rita\", \"rolf\"]\nrecovery_approvals = \"2\"\n", 2, &["recovery_approvals: "]),
        ("recoverers = [\"rita\", \"*\"]\n", 1, &["recoverers: \"*\"", "one person"]),
        ("recoverers = [\"rita\", \"role:r\"]\n", 1, &["recoverers: \"role:r\""]),
        ("recoverers = [\"rita\", \"identity:1\"]\n", 1, &["recoverers: \"identity:1\""]),
        ("recoverers = [\"rita\", \"api-token\"]\n", 1, &["recoverers: \"api-token\""]),
        ("recoverers = [\"rita\", \"unauthenticated\"]\n", 1, &["recoverers: \"unauthenticated\""]),
        ("recoverers = [\"rita\", \" rolf\"]\n", 1, &["recoverers: \" rolf\"", "white space"]),
        ("auditors = [\"a\\u0000\"]\n", 1, &["auditors", "not a user name"]),
        ("auditors = \"audrey\"\n", 1, &["auditors"]),
    ] {
        fs::write(&file, text).unwrap();
        let (status, out, said) = crate::harness::server::run(&mut place.command(&options));
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{text}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(&format!("{}, line {line}: ", file.display())), "{text}: {last}");
        for word in words {
            assert!(last.contains(word), "{text}: {last}");
        }
    }
    // Neither the command line nor administrators can name recoverers.
    assert!(!place.database().exists());
    let (status, _, said) = crate::harness::server::run(place.command(&options).arg("--recoverers=rita,rolf"));
    assert!(status.code() == Some(2) && said.contains("--recoverers"), "{said}");
}

#[test]
fn proposals_wait_seven_days_and_are_bound() {
    if let Some(directory) = again::child() {
        return change_pending(&directory, "old", expired);
    }
    let world = World::new(POLICY);
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| world.certificate(name));
    let ids = ["old", "other", "self", "planted"].map(|id| {
        alice.key(id, &[]);
        if id == "planted" { String::new() } else { propose(&mut rita, id, "bob") }
    });
    let World { server, issuer } = world;
    let options = server.options.clone();
    let (place, _) = server.stop();
    again::again(module_path!(), "proposals_wait_seven_days_and_are_bound", &place.token, place.directory.path());
    let database = Database::open(place.database()).unwrap();
    for statement in [
        "UPDATE object SET pending = replace(pending, '\"bob\"', '\"mallory\"') WHERE id = 'other'",
        "UPDATE object SET pending = replace(pending, '[\"rita\"]', '[\"rita\",\"rosa\"]') WHERE id = 'self'",
        "UPDATE object SET pending = (SELECT pending FROM object WHERE id = 'old') WHERE id = 'planted'",
        "INSERT OR IGNORE INTO object_pending VALUES ('recovery', 'planted', 9000000000)",
    ] {
        assert_eq!(database.execute(statement, []).unwrap(), 1, "{statement}");
    }
    drop(database);
    let world = World { server: Server::start_at(place, &options), issuer };
    let [mut rita, mut rolf] = ["rita", "rolf"].map(|name| world.certificate(name));
    assert_eq!(waiting(&mut rolf), [""; 0]);
    for (id, recovery) in ["other", "self", "planted"].iter().zip(&ids[1..]) {
        for (path, body) in
            [("/access/recoveries/approve", which(id, recovery)), ("/access/recoveries", proposal(id, "bob"))]
        {
            assert!(rolf.not_done(path, &body, 500).contains("integrity check"));
        }
    }
    let told = rolf.not_done("/access/recoveries/approve", &which("old", &ids[0]), 409);
    assert!(told.contains("has expired"), "{told}");
    assert_eq!(owner(&world, "old"), "alice");
    // It does not prevent another one.
    let again = propose(&mut rita, "old", "bob");
    rolf.done("/access/recoveries/approve", &which("old", &again));
    assert_eq!(owner(&world, "old"), "bob");
}

#[test]
fn all_of_it_is_in_the_audit_log() {
    let world = World::new(POLICY);
    let [mut alice, mut rita, mut rolf] = ["alice", "rita", "rolf"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    alice.not_done("/access/recoveries", &proposal("k", "mallory"), 403);
    let first = propose(&mut rita, "k", "bob");
    rolf.done("/access/recoveries/withdraw", &which("k", &first));
    let second = propose(&mut rita, "k", "bob");
    rita.not_done("/access/recoveries/approve", &which("k", &second), 409);
    rolf.done("/access/recoveries/approve", &which("k", &second));
    let recorded = || -> Vec<(String, String, i64, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = world.server.place.audit_lines();
        let of = lines.iter().filter(|line| {
            let operation = line["operation"].as_str().unwrap_or_default();
            line["object"] == "k" && operation.contains("Recover")
        });
        of.map(|line| {
            let version = line["version"].as_i64().unwrap_or_default();
            (text(&line["user"]), text(&line["operation"]), version, text(&line["outcome"]), text(&line["detail"]))
        })
        .collect()
    };
    let row = |user: &str, operation: &str, version: i64, outcome: &str, detail: &str| {
        let text = str::to_owned;
        (text(user), text(operation), version, text(outcome), text(detail))
    };
    let proposed = "to the user \"bob\": alice left";
    let named = format!("{second}: {proposed}");
    let mallory = "to the user \"mallory\": alice left";
    let done = format!("{second}: from the user \"alice\" to the user \"bob\", approved by rita, rolf");
    let expected = [
        row("alice", "ProposeRecovery", 0, "refused", mallory),
        row("rita", "ProposeRecovery", 2, "success", proposed),
        row("rolf", "WithdrawRecovery", 3, "success", &first),
        row("rita", "ProposeRecovery", 4, "success", proposed),
        row("rita", "ApproveRecovery", 0, "failed", &named),
        row("rolf", "ApproveRecovery", 5, "success", &named),
        row("rolf", "RecoverOwnership", 5, "success", &done),
    ];
    eventually("all lines are there", || (recorded().len() == expected.len()).then_some(()));
    assert_eq!(recorded(), expected);
    let (options, (place, _)) = (world.server.options.clone(), world.server.stop());
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
    let noted =
        |line: &Value| line["detail"].as_str().is_some_and(|detail| detail.contains("recoverers: rita, rolf, "));
    assert!(place.audit_lines().iter().any(noted));
}

#[test]
fn from_the_command_line() {
    let world = World::new(POLICY);
    let cli = |name: &str| Cli::new(&world.server, name, &world.server.place.authority.issue(&Leaf::client(name)));
    let [alice, bob, rita, rolf] = ["alice", "bob", "rita", "rolf"].map(cli);
    alice.create(&["--id", "k"]);
    let recover = |words: &[&str]| -> Vec<String> {
        [&["access-rights", "recover"], words].concat().iter().map(|&word| word.to_owned()).collect()
    };
    let propose = recover(&["propose", "-k", "k", "--to", "bob", "--reason", "alice left"]);
    alice.fails_with(&propose, &["not permitted: "]);
    let first = rita.ok(&propose);
    let listed = rolf.ok(&recover(&["list"]));
    let row: Vec<&str> = listed.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(row[..7], [first.trim(), "k", "alice", "bob", "1", "of", "2"], "{listed}");
    assert!(listed.ends_with("alice left\n"), "{listed}");
    rolf.quiet(&recover(&["withdraw", "-k", "k", first.trim()]));
    let second = rita.ok(&propose);
    rolf.fails_with(&recover(&["approve", "-k", "k", first.trim(), "--yes"]), &["conflict: ", "no recovery"]);
    assert_eq!(rolf.ok(&recover(&["approve", "-k", "k", second.trim(), "--yes"])), "k belongs to bob now\n");
    assert_eq!(bob.ok(&["access-rights", "owned"]), "IDENTIFIER  STATE\nk           Active\n");
    assert_eq!(rolf.json(&recover(&["list"])), json!([]));
}
