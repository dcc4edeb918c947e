//! The objects that consecutive items of a message add or change are in one commit. Each item is answered, undone and
//! recorded separately.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::Value;

use crate::batches::{items, outcomes};
use crate::harness::caller::project;
use crate::harness::figures::Figures;
use crate::harness::kmip::{PATH, all, create, date, encrypt, find, named, register, revoke, string, structure, text};
use crate::harness::message::{message, option};
use crate::harness::pairs::pair_of;
use crate::harness::{Connection, Options, ROOT_OBJECTS, Server, reference};

fn options(more: &[&str]) -> Options {
    let arguments = ["--probe-address=127.0.0.1:0"].iter().chain(more).map(|&argument| argument.to_owned()).collect();
    Options { arguments, ..Options::default() }
}

fn wish(id: &str) -> Value {
    create("AES", 256, &[text("UniqueIdentifier", id)])
}

/// A secret that SoftHSM cannot wrap: it becomes an object of the token.
fn odd(id: &str) -> Value {
    register("HMACSHA256", &reference::random(33), &[text("UniqueIdentifier", id)])
}

fn pair(id: &str) -> Value {
    pair_of("EC", 256, &[text("UniqueIdentifier", id)], &[text("UniqueIdentifier", &format!("{id}.pub"))])
}

/// Commits, and syncs of the audit log.
fn costs(server: &Server) -> [f64; 2] {
    let figures = Figures::read(&server.probe());
    ["claviger_store_commits_total", "claviger_audit_syncs_total"].map(|name| figures.find(name, &[]).unwrap())
}

fn cost(server: &Server, run: impl FnOnce()) -> [f64; 2] {
    let before = costs(server);
    run();
    let after = costs(server);
    [after[0] - before[0], after[1] - before[1]]
}

/// The identifiers of all objects.
fn present(alice: &mut Connection) -> BTreeSet<String> {
    alice.located(&structure("Locate", &[])).0.into_iter().collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn sixty_four_keys_cost_what_one_costs() {
    let server = Server::start_with(&options(&[]));
    server.keep_audit_key();
    let mut alice = server.alice().connect().unwrap();
    let one = || create("AES", 256, &[]);
    let alone = cost(&server, || {
        for _ in 0..64 {
            assert_eq!(outcomes(&items(&mut alice, &message(&[], &[one()]))), ["Success"]);
        }
    });
    let mut kinds = Vec::new();
    for number in 0..16 {
        let key = reference::random(32);
        kinds.extend([one(), register("AES", &key, &[]), pair(&format!("pair-{number}")), one()]);
    }
    let mut made = Vec::new();
    for operations in [vec![one(); 64], kinds] {
        // With chosen identifiers and `Stop`, each item has its own commit.
        let request = message(&[option("Continue")], &operations);
        let headers = [("Content-Type", "application/json")];
        let mut answer = None;
        let together = cost(&server, || {
            answer = Some(alice.try_request("POST", PATH, &headers, request.to_string().as_bytes()).unwrap());
        });
        // The server commits something of its own now and then.
        for (apart, together) in alone.iter().zip(together) {
            // On a busy machine items wait for each other for at most a tenth of a second.
            assert!(together <= apart / 4.0 && *apart >= 60.0, "{together} in one message, {apart} in 64");
        }
        let answer = answer.unwrap();
        let done = answer.json();
        let ids = |item: &Value| {
            let tags = ["UniqueIdentifier", "PrivateKeyUniqueIdentifier", "PublicKeyUniqueIdentifier"];
            tags.iter().filter_map(|tag| find(item, tag)).map(|id| id.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let done: Vec<Value> =
            all(&done, "BatchItem").into_iter().map(|fields| serde_json::json!({"value": fields})).collect();
        assert_eq!(outcomes(&done), ["Success"; 64]);
        let expected: Vec<String> = done.iter().flat_map(ids).collect();
        let lines = server.audited(&answer);
        let recorded: Vec<&str> = lines.iter().map(|line| line["object"].as_str().unwrap()).collect();
        assert_eq!(recorded, expected, "a line for each, in the order of the items");
        assert!(lines.iter().all(|line| line["outcome"] == "success" && line["version"] == 1));
        assert!(done.iter().all(|item| find(item, "ResultMessage").is_none()));
        made.extend(expected.into_iter().filter(|id| !id.starts_with("pair-")));
    }
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 64 + 48);
    for ids in made.chunks(56) {
        let uses: Vec<Value> = ids.iter().map(|id| encrypt(id, b"data")).collect();
        assert_eq!(outcomes(&items(&mut alice, &message(&[], &uses))), ["Success"; 56]);
    }
    // Objects from before a restart exist after it.
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(present(&mut alice).len(), 64 + 64 + 64 + 16);
    let place = server.stop().0;
    assert_eq!(place.verify(None, &place.audit_files()).0, 0);
    let (is_clean, said) = place.check_store(&options(&[]));
    assert!(is_clean, "{said}");
}

/// Returns the outcome of each item with this identifier in the audit log.
fn told(server: &Server, id: &str) -> Vec<String> {
    let lines = server.place.audit_lines();
    let own = lines.iter().filter(|line| line["object"] == id);
    own.map(|line| line["outcome"].as_str().unwrap().to_owned()).collect()
}

fn fails_alone(more: &[&str], placed: usize) {
    let server = Server::start_with(&options(more));
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(server.bob().connect().unwrap().kmip(&wish("taken")).status, 200);
    let before = server.place.token.objects();
    let long = "x".repeat(129);
    let mut asked = |options: &[Value], operations: &[Value]| {
        let done = items(&mut alice, &message(options, operations));
        let outcomes: Vec<String> = outcomes(&done).into_iter().map(str::to_owned).collect();
        (outcomes, present(&mut alice))
    };
    // An identifier that is taken, one that the message itself takes, an invalid one, a project of other users, and
    // half of a pair.
    let operations = [
        wish("a"),
        wish("taken"),
        odd("b"),
        wish("a"),
        pair("c"),
        wish(&long),
        pair("taken"),
        register("AES", &[7; 16], &[text("UniqueIdentifier", "d")]),
        create("AES", 256, &[text("UniqueIdentifier", "e"), project("of others")]),
        odd("a"),
        wish("f"),
    ];
    let taken = "Object_Already_Exists";
    let (done, there) = asked(&[option("Continue")], &operations);
    let expected = [
        "Success",
        taken,
        "Success",
        taken,
        "Success",
        "Invalid_Attribute_Value",
        taken,
        "Success",
        "Permission_Denied",
        taken,
        "Success",
    ];
    assert_eq!(done, expected);
    assert_eq!(there, set(&["a", "b", "c", "c.pub", "d", "f"]));
    assert_eq!(server.place.token.objects(), before + placed, "what was made for the others is gone");
    // With Stop no object of an item after the first failed one exists, whether or not the item was prepared with those
    // before it.
    let stops = [
        (vec![wish("g"), wish("taken"), wish("h"), odd("i"), pair("j")], vec!["Success", taken], vec!["g"]),
        (vec![odd("k"), wish("k"), wish("l")], vec!["Success", taken], vec!["k"]),
        (vec![wish("m"), wish(&long), wish("n")], vec!["Success", "Invalid_Attribute_Value"], vec!["m"]),
        (vec![wish("o"), wish("taken"), encrypt("o", b"x"), wish("p")], vec!["Success", taken], vec!["o"]),
        (vec![wish("taken"), wish(&long), wish("q")], vec![taken], vec![]),
    ];
    let mut there = there;
    for (operations, expected, more) in stops {
        for options in [&[][..], &[option("Stop")]] {
            let fresh = options.is_empty();
            let (done, now) = asked(options, &operations);
            if fresh {
                there.extend(set(&more));
                assert_eq!(done, expected);
            } else {
                // The identifiers of the first message are taken in the second one.
                assert_eq!(done.len(), 1);
            }
            assert_eq!(now, there);
        }
    }
    for id in ["h", "i", "j", "l", "n", "p", "q"] {
        assert_eq!(told(&server, id), Vec::<String>::new(), "{id}");
    }
    for id in ["b", "d", "f"] {
        assert_eq!(told(&server, id), ["success"], "{id}");
    }
    let failures = server.place.audit_lines().iter().filter(|line| line["outcome"] == "failed").count();
    assert!(failures >= 5, "{failures}");
    let options = options(more);
    let place = server.stop().0;
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean && !said.contains("no row of this database names"), "{said}");
}

#[test]
fn an_item_that_fails_spoils_only_itself_or_ends_the_message() {
    // Only the secret that cannot be wrapped.
    fails_alone(&[], 1);
}

#[test]
fn an_item_that_fails_spoils_only_itself_where_keys_are_in_the_token() {
    // "a", "b", "d", "f", and one or two for the halves of a pair.
    let server = Server::start_with(&options(&["--placement=token"]));
    let before = server.place.token.objects();
    assert_eq!(before, ROOT_OBJECTS);
    server.alice().connect().unwrap().ok(&pair("x"));
    let of_pair = server.place.token.objects() - before;
    drop(server);
    fails_alone(&["--placement=token"], 4 + of_pair);
}

#[test]
fn what_refers_to_an_item_before_it_finds_it() {
    let server = Server::start_with(&options(&[]));
    let mut alice = server.alice().connect().unwrap();
    let encrypt_it = || structure("Encrypt", &[crate::harness::kmip::bytes("Data", b"data")]);
    let locate_all = || structure("Locate", &[]);
    assert_eq!(server.bob().connect().unwrap().kmip(&wish("taken")).status, 200);
    let operations = [
        wish("a"),
        wish("b"),
        encrypt_it(),
        encrypt("a", b"x"),
        wish("c"),
        locate_all(),
        wish("d"),
        wish("taken"),
        encrypt_it(),
        wish("taken"),
        wish("e"),
        encrypt_it(),
        pair("f"),
        structure("GetAttributes", &[]),
    ];
    let done = items(&mut alice, &message(&[option("Continue")], &operations));
    let taken = "Object_Already_Exists";
    let ok = "Success";
    assert_eq!(outcomes(&done), [ok, ok, ok, ok, ok, ok, ok, taken, "Missing_Data", taken, ok, ok, ok, ok]);
    assert_eq!(
        ["b", "a", "e", "f"],
        [2, 3, 11, 13].map(|at: usize| string(&done[at], "UniqueIdentifier")).each_ref().map(String::as_str)
    );
    let located = done[5].to_string();
    assert!(["a", "b", "c"].iter().all(|id| located.contains(&format!("\"{id}\""))), "{located}");
}

#[test]
fn a_commit_that_fails_fails_each_item() {
    let server = Server::start_with(&options(&[]));
    let mut alice = server.alice().connect().unwrap();
    alice.aes();
    let before = present(&mut alice);
    let operations = [wish("a"), wish("b"), pair("c"), wish(&"x".repeat(129)), odd("d"), wish("e")];
    let other = Database::open(server.place.database()).unwrap();
    for (options, expected) in [
        (
            vec![option("Continue")],
            &[
                "General_Failure",
                "General_Failure",
                "General_Failure",
                "Invalid_Attribute_Value",
                "General_Failure",
                "General_Failure",
            ][..],
        ),
        (vec![], &["General_Failure"]),
    ] {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(outcomes(&items(&mut alice, &message(&options, &operations))), expected);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(present(&mut alice), before);
        assert_eq!(server.place.token.objects(), ROOT_OBJECTS);
    }
    // Changes that did not happen are recorded as refused or failed, or not at all.
    crate::harness::eventually("what did not happen is in the log", || {
        let lines = server.place.audit_lines();
        let is_failed = |line: &&Value| line["operation"] == "Create" && line["outcome"] != "success";
        // Which items are tried one by one depends on how soon the first ones fail: each message has one at least.
        (lines.iter().filter(is_failed).count() >= 2).then_some(())
    });
    assert!(!told(&server, "a").contains(&"success".to_owned()));
    crate::harness::eventually("the database is written again", || {
        (alice.kmip(&wish("z")).status == 200).then_some(())
    });
    let done = items(&mut alice, &message(&[option("Continue")], &operations));
    assert_eq!(outcomes(&done), ["Success", "Success", "Success", "Invalid_Attribute_Value", "Success", "Success"]);
    let place = server.stop().0;
    let (is_clean, said) = place.check_store(&options(&[]));
    assert!(is_clean, "{said}");
}

/// Items of one kind for each of the objects.
fn each(ids: &[String], item: impl Fn(&str) -> Value) -> Vec<Value> {
    ids.iter().map(|id| item(id)).collect()
}

#[test]
fn changes_of_different_objects_share_it_too() {
    let server = Server::start_with(&options(&[]));
    let mut alice = server.alice().connect().unwrap();
    let later = date("ActivationDate", "2999-01-01T00:00:00Z");
    let ids: Vec<String> = (0..32).map(|number| format!("key-{number}")).collect();
    let made = each(&ids, |id| create("AES", 256, &[text("UniqueIdentifier", id), later.clone()]));
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &made))), ["Success"; 32]);
    let activate = |id: &str| named("Activate", id);
    let end = |id: &str| revoke(id, "Superseded");
    let destroy = |id: &str| named("Destroy", id);
    let (own, rest) = ids.split_at(31);
    for (operation, state) in [("Activate", "Active"), ("Revoke", "Deactivated"), ("Destroy", "Destroyed")] {
        let step = |id: &str| if operation == "Revoke" { end(id) } else { named(operation, id) };
        // One of them is not there.
        let mut operations = each(own, step);
        operations.insert(7, step("absent"));
        let mut done = Vec::new();
        let spent = cost(&server, || done = items(&mut alice, &message(&[option("Continue")], &operations)));
        // A refusal is synced at once, and a destroyed key is erased soon after.
        assert!(spent[0] <= 6.0, "{spent:?}");
        let mut expected = vec!["Success"; 31];
        expected.insert(7, "Object_Not_Found");
        assert_eq!(outcomes(&done), expected);
        assert!(own.iter().all(|id| alice.state(id) == state), "{state}");
    }
    // An item with the same object or with the ID placeholder sees the changes before it.
    let id = &rest[0];
    let placeless = |operation: &str| structure(operation, &[]);
    let operations = [
        activate(id),
        activate(id),
        end(id),
        wish("new"),
        wish("newer"),
        end("newer"),
        placeless("Destroy"),
        placeless("Destroy"),
        destroy(id),
        destroy("new"),
        end("new"),
        destroy("new"),
        encrypt("new", b"x"),
    ];
    let (ok, wrong) = ("Success", "Wrong_Key_Lifecycle_State");
    let expected = [ok, wrong, ok, ok, ok, ok, ok, "Missing_Data", ok, wrong, ok, ok, "Object_Destroyed"];
    assert_eq!(outcomes(&items(&mut alice, &message(&[option("Continue")], &operations))), expected);
    for id in ids.iter().chain([&"new".to_owned(), &"newer".to_owned()]) {
        assert_eq!(alice.state(id), "Destroyed");
    }
    // Stop.
    let made = [wish("a"), wish("b"), wish("c")];
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &made))), ["Success"; 3]);
    assert_eq!(outcomes(&items(&mut alice, &message(&[], &[end("a"), destroy("b"), end("c")]))), [ok, wrong]);
    assert_eq!(["a", "b", "c"].map(|id| alice.state(id)), ["Deactivated", "Active", "Active"]);
    let place = server.stop().0;
    let (is_clean, said) = place.check_store(&options(&[]));
    assert!(is_clean, "{said}");
}

#[test]
fn two_messages_do_not_wait_for_each_other() {
    let server = Server::start_with(&options(&[]));
    let mut alice = server.alice().connect().unwrap();
    for round in 0..8 {
        let ids: Vec<String> = (0..32).map(|number| format!("key-{round}-{number}")).collect();
        assert_eq!(outcomes(&items(&mut alice, &message(&[], &each(&ids, wish)))), ["Success"; 32]);
        let began = Instant::now();
        let outcomes: Vec<Vec<bool>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|client| {
                    let (server, mut own) = (&server, ids.clone());
                    scope.spawn(move || {
                        let mut alice = server.alice().connect().unwrap();
                        if client % 2 == 1 {
                            own.reverse();
                        }
                        let operations = each(&own, |id| revoke(id, "Superseded"));
                        let done = items(&mut alice, &message(&[option("Continue")], &operations));
                        let mut done: Vec<bool> = outcomes(&done)
                            .into_iter()
                            .map(|outcome| {
                                assert!(["Success", "Wrong_Key_Lifecycle_State"].contains(&outcome), "{outcome}");
                                outcome == "Success"
                            })
                            .collect();
                        if client % 2 == 1 {
                            done.reverse();
                        }
                        done
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // A request waits for its turn for up to 15 s.
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        for at in 0..32 {
            assert_eq!(outcomes.iter().filter(|done| done[at]).count(), 1, "{} is revoked once", ids[at]);
        }
    }
}
