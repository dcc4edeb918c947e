//! `claviger keys rekey` and `rotate-policy`: a new key takes the place of another one.

use serde_json::{Value, json};

use crate::harness::cli::NOT_FOUND;
use crate::harness::{Cli, Server};

#[test]
fn requests_to_one_server() {
    Server::shared(&[a_replacement_takes_the_name, a_pair_is_replaced_by_a_pair, a_policy_is_set_shown_and_ended]);
}

fn attributes(cli: &Cli, key: &str) -> Value {
    cli.json(&["keys", "show", key])["attributes"].clone()
}

/// The object that a link of this type names.
fn linked(attributes: &Value, link: &str) -> Option<String> {
    let links = attributes["Link"].as_array().cloned().unwrap_or_default();
    let own = links.iter().find(|own| own["LinkType"] == link)?;
    own["LinkedObjectIdentifier"].as_str().map(str::to_owned)
}

fn a_replacement_takes_the_name(server: &Server) {
    let alice = Cli::alice(server);
    alice.write("plain", b"plain");
    let key = alice.ok(&["keys", "create", "--name", "r:key"]);
    let key = key.trim_end();
    alice.quiet(&["encrypt", "plain", "-k", "r:key", "-o", "before"]);
    assert_eq!(alice.json(&["keys", "rekey", "r:key", "--id", "r:new"]), json!({ "unique_identifier": "r:new" }));
    let (former, new) = (attributes(&alice, key), attributes(&alice, "r:key"));
    assert_eq!((linked(&former, "ReplacementObjectLink").as_deref(), former.get("Name")), (Some("r:new"), None));
    assert_eq!((linked(&new, "ReplacedObjectLink").as_deref(), &new["UniqueIdentifier"]), (Some(key), &"r:new".into()));
    assert_eq!((&new["Extractable"], &new["State"]), (&false.into(), &"Active".into()));
    // The name encrypts by the replacement, and the former file still names its key.
    let done = alice.json(&["encrypt", "plain", "-k", "r:key", "-o", "after"]);
    assert_eq!(done["unique_identifier"], "r:new");
    assert_eq!(alice.pipe(&["decrypt", "before"], b""), b"plain");
    assert_eq!(alice.pipe(&["decrypt", "after"], b""), b"plain");
    // A key is replaced once. The replacement is replaced by another one, which becomes active later.
    alice.fails_as(1, &["keys", "rekey", key], &["conflict: "]);
    let later = alice.ok(&["keys", "rekey", "r:key", "--offset", "2h"]);
    assert_eq!(attributes(&alice, later.trim_end())["State"], "PreActive");
    alice.fails_as(NOT_FOUND, &["keys", "rekey", "none"], &["not found: "]);
    let bob = Cli::bob(server);
    bob.fails_as(NOT_FOUND, &["keys", "rekey", "r:new"], &["not found: "]);
}

fn a_pair_is_replaced_by_a_pair(server: &Server) {
    let alice = Cli::alice(server);
    alice.write("plain", b"plain");
    alice.ok(&["keys", "create", "--type", "ec", "--id", "r:pair", "--name", "r:signer"]);
    alice.quiet(&["sign", "plain", "-k", "r:signer", "-o", "before.sig"]);
    let made = alice.json(&["keys", "rekey", "r:pair"]);
    let half = |name: &str| made[format!("{name}_key_unique_identifier")].as_str().unwrap().to_owned();
    assert_eq!(linked(&attributes(&alice, "r:pair"), "ReplacementObjectLink"), Some(half("private")));
    assert_eq!(linked(&attributes(&alice, &half("private")), "PublicKeyLink"), Some(half("public")));
    alice.quiet(&["sign", "plain", "-k", "r:signer", "-o", "after.sig"]);
    assert_eq!(alice.ok(&["verify", "plain", "-k", "r:signer", "--signature", "after.sig"]), "valid\n");
    assert_eq!(alice.ok(&["verify", "plain", "-k", "r:pair_pk", "--signature", "before.sig"]), "valid\n");
    let said = alice.ok(&["keys", "rekey", &half("private")]);
    assert_eq!(said.lines().count(), 2);
}

fn a_policy_is_set_shown_and_ended(server: &Server) {
    let alice = Cli::alice(server);
    let key = alice.ok(&["keys", "create", "--name", "r:policy"]);
    let key = key.trim_end();
    let policy = |options: &[&str]| {
        let said = alice.json(&[&["keys", "rotate-policy", "r:policy"], options].concat());
        assert_eq!(said["unique_identifier"], key);
        said["attributes"].clone()
    };
    assert_eq!(policy(&[])["RotateAutomatic"], Value::Null);
    let set = policy(&["--every", "30d", "--offset", "1h"]);
    assert_eq!((&set["RotateAutomatic"], &set["RotateInterval"]), (&true.into(), &2_592_000.into()));
    assert_eq!(set["RotateOffset"], 3600);
    assert_eq!(policy(&[]), set);
    let lines = alice.ok(&["keys", "rotate-policy", "r:policy", "--every", "90m"]);
    assert!(lines.contains("RotateInterval: 5400\n") && lines.contains("RotateAutomatic: true\n"), "{lines}");
    let named = policy(&["--rotate-name", "invoices"]);
    assert_eq!(named["RotateName"]["RotateNameValue"], "invoices");
    let ended = policy(&["--off"]);
    assert_eq!((&ended["RotateAutomatic"], &ended["RotateInterval"]), (&false.into(), &5400.into()));
    alice.fails_as(1, &["keys", "rotate-policy", "r:policy", "--every", "1s"], &["refused by the server"]);
    for options in [&["--every", "soon"][..], &["--every", "1h", "--off"], &["--every"]] {
        let words = [&["keys", "rotate-policy", "r:policy"], options].concat();
        assert_eq!(alice.output(&words, b"").status.code(), Some(2), "{options:?}");
    }
}
