//! `claviger pki` uses nothing that other users could change, and what it revoked stays revoked.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use crate::certificates_are_made::{authority, mode};
use crate::harness::Cli;
use crate::harness::cli::PASSWORD;
use crate::harness::server::run;

/// Expects that a command fails with these words.
fn refused(cli: &Cli, arguments: &[&str], words: &[&str]) {
    cli.fails_as(1, arguments, words);
}

/// What others can change or replace is not used, and no link is followed out of the directory.
#[test]
fn files_that_others_could_change_are_not_used() {
    let (place, cli) = authority();
    let (root, pki) = (place.path(), place.path().join("pki"));
    cli.json(&["pki", "client", "alice"]);
    let outside = root.join("outside");
    fs::write(&outside, "a secret").unwrap();
    fs::set_permissions(&outside, Permissions::from_mode(0o600)).unwrap();
    let link = |target: &Path, name: &str| {
        let _ = fs::remove_file(pki.join(name));
        std::os::unix::fs::symlink(target, pki.join(name)).unwrap();
    };
    // Links in the place of files.
    link(&outside, "crl.pem");
    refused(&cli, &["pki", "client", "alice", "--group-readable"], &["pki/crl.pem", "it is a symbolic link"]);
    fs::remove_file(pki.join("crl.pem")).unwrap();
    link(&root.join("made"), ".lock");
    refused(&cli, &["pki", "list"], &["pki/.lock"]);
    assert!(!root.join("made").exists());
    fs::remove_file(pki.join(".lock")).unwrap();
    assert_eq!((mode(&outside), fs::read_to_string(&outside).unwrap()), (0o600, "a secret".to_owned()));
    // The key of the authority is its owner's.
    for name in ["ca.key", "ca.password"] {
        let path = pki.join(name);
        if name == "ca.password" {
            fs::write(&path, PASSWORD).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let stored = Cli::at(root);
        refused(&stored, &["pki", "client", "bob"], &[name, "readable by others (mode 644", "chmod 600"]);
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    // A directory above in which others may replace the whole directory, and a link to a directory.
    fs::set_permissions(root, Permissions::from_mode(0o777)).unwrap();
    refused(&cli, &["pki", "client", "bob"], &["can be changed by other users (mode 0777)"]);
    refused(&cli, &["pki", "init", "--dir", "new/pki"], &["can be changed by other users (mode 0777)"]);
    assert!(!root.join("new").exists());
    fs::set_permissions(root, Permissions::from_mode(0o1777)).unwrap();
    cli.json(&["pki", "client", "bob"]);
    std::os::unix::fs::symlink("pki", root.join("link")).unwrap();
    cli.json(&["pki", "client", "carol", "--dir", "link"]);
    assert!(pki.join("carol.p12").exists());
    if fs::metadata(&pki).unwrap().uid() == 0 {
        files_of_another_user_are_not_used(root, &cli);
    }
}

/// Root does not use what belongs to another user.
fn files_of_another_user_are_not_used(root: &Path, cli: &Cli) {
    let give = |name: &str, owner| std::os::unix::fs::lchown(root.join(name), Some(owner), None).unwrap();
    for name in ["pki", "pki/ca.key", "pki/ca.pem", "link"] {
        give(name, 65534);
        let arguments =
            ["pki", "client", "newone", "--group", "65534", "--dir", if name == "link" { name } else { "pki" }];
        refused(cli, &arguments, &[name, "belongs to user 65534", "chown 0"]);
        give(name, 0);
    }
    // An authority that another user has made is not adopted.
    fs::rename(root.join("pki"), root.join("planted")).unwrap();
    give("planted", 65534);
    refused(cli, &["pki", "init", "--dir", "planted"], &["planted belongs to user 65534"]);
}

/// A list of revoked certificates is made from the record, so that losing or replacing it accepts nobody again.
#[test]
fn what_was_revoked_stays_revoked() {
    let (place, cli) = authority();
    let pki = place.path().join("pki");
    let shown = |list: &Path| {
        let (status, out, error) = run(Command::new("openssl").args(["crl", "-noout", "-text", "-in"]).arg(list));
        assert!(status.success(), "{error}");
        out
    };
    let web = cli.json(&["pki", "client", "web"])["serial"].as_str().unwrap().to_uppercase();
    let alice = cli.json(&["pki", "client", "alice"])["serial"].as_str().unwrap().to_uppercase();
    cli.json(&["pki", "revoke", "web", "--yes"]);
    let is_revoked = |name: &str| {
        let list = cli.json(&["pki", "list"])["certificates"].clone();
        list.as_array().unwrap().iter().any(|own| own["name"] == name && own["revoked"] == true)
    };
    // A lost list.
    fs::rename(pki.join("crl.pem"), place.path().join("first.pem")).unwrap();
    assert!(is_revoked("web") && !is_revoked("alice"));
    cli.json(&["pki", "crl"]);
    let list = shown(&pki.join("crl.pem"));
    assert!(list.contains(&web) && list.contains("X509v3 CRL Number: \n                2"), "{list}");
    // A list without a record, of a former version.
    let record = fs::read_to_string(pki.join("issued.jsonl")).unwrap();
    let issued: Vec<&str> = record.lines().filter(|line| line.contains("purpose")).collect();
    fs::write(pki.join("issued.jsonl"), issued.join("\n")).unwrap();
    assert!(is_revoked("web"));
    cli.json(&["pki", "client", "other"]);
    fs::remove_file(pki.join("crl.pem")).unwrap();
    assert!(is_revoked("web"));
    // A replaced authority can still revoke what it issued.
    let made = cli.json(&["pki", "init", "--force"]);
    assert_eq!(made["former"], "pki/former-1");
    assert!(!pki.join("crl.pem").exists() && cli.json(&["pki", "list"])["certificates"] == serde_json::json!([]));
    cli.json(&["pki", "revoke", "alice", "--yes", "--dir", "pki/former-1"]);
    let list = shown(&pki.join("former-1/crl.pem"));
    assert!(list.contains(&web) && list.contains(&alice) && list.contains("CRL Number: \n                3"), "{list}");
    let told = cli.ok(&["pki", "init", "--force"]);
    assert!(told.contains("pki/former-2 has the former authority") && told.contains("--crl-file"), "{told}");
    assert_eq!(mode(&pki.join("former-2/ca.key")), 0o600);
}
