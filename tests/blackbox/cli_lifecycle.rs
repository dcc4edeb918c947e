//! The lifecycle of a key by the command line: from creation to destruction, with locate and attributes.

use serde_json::{Value, json};

use crate::harness::kmip::create;
use crate::harness::{Cli, Server};

fn state(cli: &Cli, id: &str) -> String {
    cli.ok(&["attributes", "get", "-k", id, "State"])
}

#[test]
fn activated_revoked_destroyed() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    alice.write("plain", b"plain");
    let id = alice.create(&["--pre-active"]);
    let seal = ["sym", "encrypt", "plain", "-k", &id, "-o", "sealed", "--force"];
    let open = ["sym", "decrypt", "sealed", "-o", "opened", "--force"];
    assert_eq!(state(&alice, &id), "State: PreActive\n");
    alice.fails_with(&seal, &["conflict: ", "(request "]);
    assert!(!alice.path("sealed").exists());

    alice.quiet(&["sym", "keys", "activate", "-k", &id]);
    assert_eq!(state(&alice, &id), "State: Active\n");
    alice.quiet(&seal);
    alice.fails_with(&["sym", "keys", "activate", "-k", &id], &["conflict: "]);
    alice.fails_with(&["sym", "keys", "destroy", "-k", &id], &["conflict: "]);

    alice.quiet(&["sym", "keys", "revoke", "-k", &id, "no longer needed", "--reason", "cessation-of-operation"]);
    assert_eq!(state(&alice, &id), "State: Deactivated\n");
    let reason = alice.json(&["attributes", "get", "-k", &id, "RevocationReason"]);
    let reason = &reason["attributes"]["RevocationReason"];
    assert_eq!(reason["RevocationMessage"], "no longer needed");
    alice.fails_with(&seal, &["conflict: "]);
    alice.quiet(&open);
    assert_eq!(alice.read("opened"), b"plain");

    alice.quiet(&["sym", "keys", "destroy", "-k", &id]);
    assert_eq!(state(&alice, &id), "State: Destroyed\n");
    for command in
        [&seal[..], &open, &["sym", "keys", "export", "-k", &id, "out"], &["sym", "keys", "destroy", "-k", &id]]
    {
        alice.fails_with(command, &["conflict: "]);
    }

    let compromised = alice.create(&[]);
    alice.quiet(&["sym", "keys", "revoke", "-k", &compromised, "--reason", "key-compromise"]);
    assert_eq!(state(&alice, &compromised), "State: Compromised\n");
    alice.quiet(&["sym", "keys", "destroy", "-k", &compromised]);

    // A destroyed key is found only by its state.
    assert_eq!(alice.locate(&[]), [""; 0]);
    assert_eq!(alice.locate(&["--state", "destroyed"]), [id]);
    assert_eq!(alice.locate(&["--state", "destroyed-compromised"]), [compromised]);
    for operation in ["activate", "revoke", "destroy"] {
        alice.fails_with(&["sym", "keys", operation, "-k", "none"], &["not found: "]);
    }
}

#[test]
fn keys_are_located() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let backup = alice.create(&["--name", "backup", "--tag", "red", "--tag", "blue"]);
    let second = alice.create(&["--name", "backup", "--name", "other", "--tag", "red", "--bits", "128"]);
    let waiting = alice.create(&["--pre-active", "--algorithm", "hmac-sha256"]);
    let sorted = |options: &[&str]| {
        let mut ids = alice.locate(options);
        ids.sort();
        ids
    };
    let these = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|&id| id.clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(sorted(&[]), these(&[&backup, &second, &waiting]));
    assert_eq!(sorted(&["--name", "backup"]), these(&[&backup, &second]));
    assert_eq!(sorted(&["--tag", "red"]), these(&[&backup, &second]));
    assert_eq!(sorted(&["--tag", "red", "--tag", "blue"]), these(&[&backup]));
    assert_eq!(sorted(&["--name", "backup", "--name", "other"].as_slice()[..2]), these(&[&backup, &second]));
    assert_eq!(sorted(&["--name", "other", "--tag", "red"]), these(&[&second]));
    assert_eq!(sorted(&["--state", "pre-active"]), these(&[&waiting]));
    assert_eq!(sorted(&["--state", "active", "--algorithm", "aes"]), these(&[&backup, &second]));
    assert_eq!(sorted(&["--algorithm", "hmac-sha256"]), these(&[&waiting]));
    assert_eq!(sorted(&["--bits", "128"]), these(&[&second]));
    assert_eq!(sorted(&["--name", "Backup"]), these(&[]));
    let found = alice.json(&["sym", "keys", "locate", "--tag", "blue"]);
    assert_eq!(found, json!({"located_items": 1, "unique_identifiers": [backup]}));
    assert_eq!(
        alice.json(&["sym", "keys", "locate", "--name", "no"]),
        json!({"located_items": 0, "unique_identifiers": []})
    );
}

#[test]
fn more_keys_than_one_answer_holds() {
    // The command line requests 500 at a time.
    const ALL: usize = 503;
    let server = Server::start();
    let alice = Cli::alice(&server);
    let mut http = server.alice().connect().unwrap();
    let mut made: Vec<String> = (0..ALL).map(|_| http.new_key(&create("AES", 128, &[]))).collect();
    let all = alice.locate(&[]);
    // Pages that begin and end anywhere are parts of the whole list.
    for (offset, max) in [(0, 0), (0, 1), (0, 500), (1, 500), (499, 4), (0, 502), (500, 10), (503, 1), (5_000, 5)] {
        let part = alice.locate(&["--offset", &offset.to_string(), "--max", &max.to_string()]);
        let expected: Vec<_> = all.iter().skip(offset).take(max).collect();
        assert!(part.iter().eq(expected), "{offset} {max}: {}", part.len());
    }
    assert!(alice.locate(&["--offset", "100"]) == all[100..]);
    // The number of all matches is printed with the last one.
    for (arguments, told) in [
        (&["--max", "2"][..], Value::Null),
        (&[], json!(ALL)),
        (&["--offset", "2"], json!(ALL)),
        (&["--offset", "5000"], json!(ALL)),
        (&["--offset", "500", "--max", "3"], json!(ALL)),
    ] {
        let said = alice.json(&[&["sym", "keys", "locate"], arguments].concat());
        assert_eq!(said["located_items"], told, "{arguments:?}");
    }
    let mut all = all;
    all.sort();
    made.sort();
    assert!(all == made);
}

#[test]
fn attributes_are_lines_or_json() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let options = ["--id", "k:1", "--name", "a", "--name", "b", "--tag", "x", "--tag", "y", "--sensitive"];
    let id = alice.create(&[&options[..], &["--usage", "encrypt,decrypt"]].concat());
    let lines = alice.ok(&["attributes", "get", "-k", &id]);
    for line in [
        "Name: a",
        "Name: b",
        "Tags: x, y",
        "State: Active",
        "Sensitive: true",
        "Extractable: true",
        "ObjectType: SymmetricKey",
        "UniqueIdentifier: k:1",
        "CryptographicAlgorithm: AES",
        "CryptographicLength: 256",
        "CryptographicUsageMask: Encrypt, Decrypt",
    ] {
        assert!(lines.lines().any(|own| own == line), "{line} is not in\n{lines}");
    }
    let json = alice.json(&["attributes", "get", "-k", &id]);
    assert_eq!(json["unique_identifier"], "k:1");
    let attributes = &json["attributes"];
    assert_eq!(attributes["Tags"], json!(["x", "y"]));
    assert_eq!(attributes["Name"][1]["NameValue"], "b");
    assert_eq!(attributes["CryptographicUsageMask"], json!(["Encrypt", "Decrypt"]));
    assert_eq!(attributes["CryptographicLength"], 256);
    assert_eq!(attributes["Sensitive"], true);

    // The requested attributes, in any spelling.
    let some = alice.ok(&["attributes", "get", "-k", &id, "cryptographic-length", "Tags", "State"]);
    let mut some: Vec<_> = some.lines().collect();
    some.sort_unstable();
    assert_eq!(some, ["CryptographicLength: 256", "State: Active", "Tags: x, y"]);
    alice.fails_with(&["attributes", "get", "-k", "none"], &["not found: "]);
}
