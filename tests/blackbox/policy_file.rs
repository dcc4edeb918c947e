//! The policy file: errors are reported with line and key, and a valid file applies to the next request.

use std::fs;
use std::sync::Arc;

use serde_json::json;

use crate::harness::caller::project;
use crate::harness::kmip::{encrypt, named};
use crate::harness::server::{Place, run};
use crate::harness::{Options, World, eventually};

/// The file, the line of the error, and words of the message.
const FAULTY: &[(&str, usize, &[&str])] = &[
    ("roles = 3\n", 1, &["roles"]),
    ("what = 1\n", 1, &["unknown field `what`"]),
    ("\n\nx = \n", 3, &["x"]),
    ("create = []\ncreate = []\n", 2, &["create", "duplicate key"]),
    ("administrators = \"root\"\n", 1, &["administrators"]),
    ("administrators = [\"root\", \"jwt:x\"]\n", 1, &["administrators", "\"jwt:x\"", "jwt:ISSUER#NAME"]),
    ("create = [\"a\\u0000b\"]\n", 1, &["create", "not a user name"]),
    (
        "[roles.r]\ncapabilities = [\"fly\"]\npolicies = []\n",
        2,
        &["roles.r.capabilities", "\"fly\" is not a capability"],
    ),
    ("[roles.r]\ncapabilities = []\npolicies = [\"p\"]\n", 3, &["roles.r.policies", "there is no policy \"p\""]),
    ("[roles.r]\npolicies = []\n", 1, &["roles.r: missing field `capabilities`"]),
    ("[roles.r]\ncapabilities = []\npolicies = []\nmore = 1\n", 4, &["roles.r.more: unknown field"]),
    ("[roles.\"a b\"]\ncapabilities = []\npolicies = []\n", 1, &["roles.a b", "1 to 128 letters"]),
    (
        "[policies.p]\npolicy_type = \"perhaps\"\noperations = [\"*\"]\nresources = [\"*\"]\n",
        2,
        &["policies.p.policy_type: ", "perhaps"],
    ),
    (
        "[policies.p]\npolicy_type = \"allow\"\noperations = [\"fly\"]\nresources = [\"*\"]\n",
        3,
        &["policies.p.operations", "\"fly\" matches no operation"],
    ),
    (
        "[policies.p]\npolicy_type = \"deny\"\noperations = []\nresources = [\"*\"]\n",
        3,
        &["policies.p.operations", "it is empty"],
    ),
    (
        "[policies.p]\npolicy_type = \"allow\"\noperations = [\"*\"]\nresources = [\"tags/a\", \"keys/*\"]\n",
        4,
        &["policies.p.resources", "\"keys/*\" matches nothing"],
    ),
    (
        "[policies.p]\npolicy_type = \"allow\"\noperations = [\"*\"]\nresources = [\"*\"]\nreasons = [\"audit\"]\n",
        5,
        &["policies.p.reasons", "no reasons"],
    ),
    ("[users.alice]\nrole = \"r\"\n", 2, &["users.alice.role", "there is no role \"r\""]),
    (
        "[roles.r]\ncapabilities = []\npolicies = []\n[users]\n\"*\" = {role = \"r\"}\n",
        5,
        &["users.*", "cannot have a role of its own"],
    ),
    (
        "[roles.r]\ncapabilities = []\npolicies = []\n[users]\n\"role:r\" = {role = \"r\"}\n",
        5,
        &["users.role:r", "a role has no role"],
    ),
    (
        "[roles.r]\ncapabilities = []\npolicies = []\n[users]\n\" a\" = {role = \"r\"}\n",
        5,
        &["users. a", "white space"],
    ),
    (
        "[roles.r]\ncapabilities = []\npolicies = []\n[users]\nalice.role = \"r\"\n\"certificate:alice\".role = \"r\"\n",
        6,
        &["users.certificate:alice", "another spelling"],
    ),
    ("[projects.p.members]\nalice = \"none\"\n", 2, &["projects.p.members.alice", "there is no role \"none\""]),
    ("[projects.\"p/1\"]\n", 1, &["projects.p/1", "1 to 128 letters"]),
    ("[projects.p]\nmembers = 1\n", 2, &["projects.p.members: "]),
];

#[test]
fn a_faulty_one_keeps_the_server_from_starting() {
    let place = Arc::new(Place::new());
    let file = place.path("policy.toml");
    let refused = |arguments: &[String]| {
        let options = Options { arguments: arguments.to_vec(), ..Options::default() };
        let (status, out, said) = run(&mut place.command(&options));
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{said}");
        let last = said.lines().last().unwrap_or_default().to_owned();
        assert!(last.starts_with("clavigerd: "), "{said}");
        last
    };
    let given = format!("--policy-file={}", file.display());
    for (text, line, words) in FAULTY {
        fs::write(&file, text).unwrap();
        let said = refused(std::slice::from_ref(&given));
        let place = format!("{}, line {line}: ", file.display());
        assert!(said.contains(&place), "{text}\n{said}");
        for word in *words {
            assert!(said.contains(word), "{text}\n{said}");
        }
    }
    fs::write(&file, "create = []\nadministrators = []\n").unwrap();
    for key in ["create", "administrators"] {
        let said = refused(&[given.clone(), format!("--{key}=root")]);
        assert!(said.contains(&format!("--{key} is given")) && said.contains("in one place"), "{said}");
    }
    fs::write(&file, [0xff]).unwrap();
    assert!(refused(std::slice::from_ref(&given)).contains("cannot read the policy file"));
    fs::remove_file(&file).unwrap();
    assert!(refused(&[given]).contains("cannot read the policy file"));
    let said = refused(&["--administrators=jwt:x".to_owned()]);
    assert!(said.contains("--administrators: \"jwt:x\": a JWT's user is written"), "{said}");
    assert!(!place.database().exists(), "nothing was made before");
}

fn policy(role: &str, members: &str) -> String {
    format!(
        "[policies.all]\npolicy_type = \"allow\"\noperations = [\"*\"]\nresources = [\"*\"]\n\
         [roles.full]\ncapabilities = [\"*\"]\npolicies = [\"all\"]\n\
         [roles.reader]\ncapabilities = [\"read\"]\npolicies = [\"all\"]\n\
         [projects.p.members]\nmary = \"{role}\"\n{members}"
    )
}

#[test]
fn a_new_one_holds_from_the_next_request_on_if_it_is_good() {
    let world = World::new(&policy("full", ""));
    let (mut mary, mut omar) = (world.certificate("mary"), world.certificate("omar"));
    mary.key("k", &[project("p")]);
    omar.refused(&encrypt("k", b"x"), 404);
    let mut read = 0;
    let mut hang_up = |text: &str, is_good: bool| {
        fs::write(world.policy_file(), text).unwrap();
        world.server.signal("HUP");
        let word = if is_good { "the policy file was reloaded" } else { "the policy was not changed" };
        read += 1;
        let log = eventually(word, || {
            let log = world.server.log();
            let lines: Vec<&str> = log.lines().filter(|line| line.contains("claviger::server::reload")).collect();
            let told = |line: &&&str| {
                line.contains("the policy file was reloaded") || line.contains("the policy was not changed")
            };
            let told: Vec<&str> = lines.iter().filter(told).copied().collect();
            (told.len() == read).then(|| told.last().copied().unwrap_or_default().to_owned())
        });
        assert!(log.contains(word), "{log}");
        log
    };
    hang_up(&policy("full", "omar = \"full\"\n"), true);
    omar.ok(&encrypt("k", b"x"));
    for (text, line, word) in [
        (policy("full", "omar = \"none\"\n"), 13, "projects.p.members.omar"),
        ("[roles".to_owned(), 1, "roles"),
        (policy("fool", ""), 12, "projects.p.members.mary"),
    ] {
        let log = hang_up(&text, false);
        assert!(log.contains(&format!("line {line}: ")) && log.contains(word), "{log}");
        omar.ok(&encrypt("k", b"x"));
        mary.ok(&encrypt("k", b"x"));
    }
    // The same connections, and cached keys.
    hang_up(&policy("full", "omar = \"reader\"\n"), true);
    omar.refused(&encrypt("k", b"x"), 403);
    omar.ok(&named("GetAttributes", "k"));
    hang_up(&policy("full", ""), true);
    omar.refused(&encrypt("k", b"x"), 404);
    hang_up(&format!("{}[users.omar]\nrole = \"full\"\n", policy("full", "")), true);
    omar.ok(&encrypt("k", b"x"));
    assert_eq!(omar.get("/whoami"), json!({"username": "omar", "method": "certificate", "role": "full"}));
    // An empty file is valid too: then the project does not exist, and its objects belong only to their owners.
    hang_up("", true);
    omar.refused(&encrypt("k", b"x"), 404);
    mary.ok(&encrypt("k", b"x"));
}
