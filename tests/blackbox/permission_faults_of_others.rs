//! Faults in the permissions of other servers, each class once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::caller::{ISSUER, change, project};
use crate::harness::kmip::{
    USAGE, create, date, encrypt, enumeration, import, integer, locate, mac, name, named, register, revoke, structure,
    tags, text, wrapped,
};
use crate::harness::{Caller, Options, Server, World};

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[policies.a_tags]
policy_type = "allow"
operations = ["*"]
resources = ["tags/a*"]
[policies.one_project]
policy_type = "allow"
operations = ["*"]
resources = ["projects/p1/*"]
[policies.keep]
policy_type = "deny"
operations = ["get", "export"]
resources = ["projects/closed/*"]
[roles.everything]
capabilities = ["*"]
policies = ["all"]
[roles.tagged]
capabilities = ["*"]
policies = ["a_tags"]
[roles.first]
capabilities = ["*"]
policies = ["one_project"]
[roles.giver]
capabilities = ["create", "read", "use", "access"]
policies = ["all"]
[roles.keeper]
capabilities = ["*"]
policies = ["all", "keep"]
[users]
tara.role = "tagged"
fred.role = "first"
[projects.p1.members]
mary = "everything"
gina = "giver"
[projects.p2.members]
mary = "everything"
gina = "everything"
[projects.closed.members]
karl = "keeper"
"*" = "keeper"
"#;

fn world() -> World {
    World::new(POLICY)
}

#[test]
fn a_grant_of_one_operation_is_a_grant_of_no_other() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    alice.key("k", &[]);
    let before = alice.connection.attributes("k");
    alice.grant("k", "bob", &["encrypt", "decrypt", "mac", "get_attributes"]);
    for request in [
        named("Activate", "k"),
        revoke("k", "KeyCompromise"),
        named("Destroy", "k"),
        import("k", Some(true), "AES", &[7; 32], &[]),
        named("Get", "k"),
        named("Export", "k"),
    ] {
        let detail = bob.refused(&request, 403);
        assert!(detail.starts_with("you may not ") && detail.contains("neither grant nor project"), "{detail}");
    }
    // A grantee cannot grant.
    bob.not_done("/access/grant", &change("k", "bob", &["export"]), 403);
    bob.not_done("/access/grant", &change("k", "carol", &["encrypt"]), 403);
    bob.not_done("/access/revoke", &change("k", "bob", &["encrypt"]), 403);
    bob.not_done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "bob"}), 403);
    bob.not_done("/access/project", &json!({"unique_identifier": "k", "project": null}), 403);
    let mut after = alice.connection.attributes("k");
    assert_eq!(after["value"].as_array().unwrap().len(), before["value"].as_array().unwrap().len());
    // The last change was the grant.
    let changed = |attributes: &mut Value| {
        attributes["value"].as_array_mut().unwrap().retain(|one| one["tag"] != "LastChangeDate");
        attributes.clone()
    };
    assert_eq!(changed(&mut after), changed(&mut before.clone()));
}

#[test]
fn activate_takes_its_own_grant() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    let mut waiting = create("AES", 256, &[text("UniqueIdentifier", "k")]);
    for attribute in waiting["value"][1]["value"].as_array_mut().unwrap() {
        if attribute["tag"] == "ActivationDate" {
            *attribute = date("ActivationDate", "2999-01-01T00:00:00Z");
        }
    }
    alice.ok(&waiting);
    alice.grant("k", "bob", &["revoke", "destroy", "import", "get_attributes"]);
    bob.refused(&named("Activate", "k"), 403);
    alice.grant("k", "bob", &["activate"]);
    bob.ok(&named("Activate", "k"));
}

#[test]
fn an_import_over_a_key_takes_a_grant_on_that_key() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    for id in ["k", "other"] {
        alice.key(id, &[]);
    }
    let sealed = alice.connection.seal("other", b"hers");
    alice.grant("k", "bob", &["import"]);
    assert!(bob.refused(&import("other", Some(true), "AES", &[7; 32], &[]), 409).contains("exists already"));
    assert!(bob.refused(&import("k", Some(false), "AES", &[7; 32], &[]), 409).contains("exists already"));
    // Replacing a key needs the right to destroy it.
    bob.refused(&import("k", Some(true), "AES", &[7; 32], &[]), 403);
    alice.grant("k", "bob", &["destroy"]);
    bob.ok(&import("k", Some(true), "AES", &[7; 32], &[]));
    // The owner and the grants are the same as before, and the importer cannot read the key.
    assert_eq!(alice.connection.export("k"), [7; 32]);
    assert_eq!(alice.get("/access/list/k"), json!([{"user_id": "bob", "operations": ["destroy", "import"]}]));
    bob.refused(&named("Get", "k"), 403);
    assert_eq!(alice.connection.open(&sealed), b"hers");
    // An import does not move it either.
    let mut mary = world.certificate("mary");
    mary.key("m", &[project("p1")]);
    let detail = mary.refused(&import("m", Some(true), "AES", &[7; 32], &[project("p2")]), 422);
    assert!(detail.contains("cannot move an object to another project"), "{detail}");
    mary.ok(&import("m", Some(true), "AES", &[7; 32], &[project("p1")]));
}

#[test]
fn what_is_taken_back_ends_with_the_next_request() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    alice.key("k", &[]);
    alice.grant("k", "bob", &["encrypt", "mac"]);
    for _ in 0..3 {
        bob.ok(&encrypt("k", b"x"));
        alice.take_back("k", "bob", &["encrypt"]);
        bob.refused(&encrypt("k", b"x"), 403);
        alice.grant("k", "bob", &["encrypt"]);
    }
    bob.ok(&encrypt("k", b"x"));
    alice.take_back("k", "bob", &["encrypt", "mac"]);
    bob.refused(&encrypt("k", b"x"), 404);
    // Ownership too: the former owner keeps no right, and the grants to the new owner are removed.
    alice.ok(&encrypt("k", b"x"));
    alice.grant("k", "bob", &["encrypt"]);
    alice.done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "bob"}));
    bob.done("/access/accept", &json!({"unique_identifier": "k"}));
    alice.refused(&encrypt("k", b"x"), 404);
    bob.ok(&named("Get", "k"));
    assert_eq!(bob.get("/access/list/k"), json!([]));
    bob.done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "alice"}));
    alice.done("/access/accept", &json!({"unique_identifier": "k"}));
    bob.refused(&encrypt("k", b"x"), 404);
    // Also the rights by a project.
    let mut mary = world.certificate("mary");
    bob.key("his", &[]);
    mary.key("m", &[project("p1")]);
    let mut gina = world.certificate("gina");
    gina.ok(&encrypt("m", b"x"));
    mary.done("/access/project", &json!({"unique_identifier": "m", "project": null}));
    gina.refused(&encrypt("m", b"x"), 404);
}

#[test]
fn names_that_look_alike_are_not_the_same() {
    let world = world();
    let mut alice = world.certificate("alice");
    alice.key("k", &[]);
    for user in ["jos\u{e9}", "a.b", "*.example.com", "a/b", "b*", "?ob", "b%6fb", "..", "user:bob"] {
        alice
            .done("/access/grant", &json!({"unique_identifier": "k", "user_id": user, "operation_types": ["encrypt"]}));
        world.certificate(user).ok(&encrypt("k", b"x"));
    }
    for user in [
        "Jos\u{e9}",
        "jose",
        "A.B",
        "a.b.",
        "a.",
        "ab",
        "db.example.com",
        "a",
        "b",
        "bob",
        "bab",
        "Bob",
        "a/b/",
        "/a/b",
        "everything",
        "mary",
        "...",
    ] {
        world.certificate(user).refused(&encrypt("k", b"x"), 404);
    }
    for (user, reason) in [
        ("jose\u{301}", "normalization"),
        ("", "blank"),
        (" bob", "white space"),
        ("bob\u{200b}", "invisible"),
        ("bob\n", "white space"),
        ("b\u{0}ob", "invisible"),
        (&"x".repeat(256), "longer"),
    ] {
        let told = alice.not_done("/access/grant", &change("k", user, &["encrypt"]), 400);
        assert!(told.contains(reason), "{told}");
    }
    for to in ["*", "", "role:x\u{0}", "identity:1"] {
        alice.not_done("/access/transfer", &json!({"unique_identifier": "k", "user_id": to}), 400);
    }
}

#[test]
fn wildcards_in_names_and_tags_are_characters() {
    let world = world();
    let (mut mary, mut tara) = (world.certificate("mary"), world.certificate("tara"));
    for (id, tag) in [("k1", "*"), ("k2", "a*"), ("k3", "b"), ("k4", "?"), ("k5", "b/../a"), ("k6", "A"), ("k7", "/a")]
    {
        mary.key(id, &[project("p1"), tags(&[tag])]);
    }
    // The role has tags/a*, and wildcards in a tag itself have no effect.
    tara.ok(&encrypt("k2", b"x"));
    for id in ["k1", "k3", "k4", "k5", "k6", "k7"] {
        tara.refused(&encrypt(id, b"x"), 404);
    }
    assert_eq!(tara.located(&[]), (vec!["k2".to_owned()], 1));
    // Objects and projects cannot have such names.
    for id in ["*", "k*", "k/1", "../k1", "k?", "", "objects/k1"] {
        mary.refused(&create("AES", 256, &[text("UniqueIdentifier", id)]), 400);
    }
    // A project whose name begins like another's.
    let mut root = world.certificate("root");
    for name in ["p*", "..", "p%2f1", "a%2Fb", "-p", "%20p", "p%00"] {
        assert_eq!(root.define("projects", name, &json!({})).status, 422, "{name}");
    }
    assert_eq!(root.define("projects", "p1x", &json!({"members": {"mary": "everything"}})).status, 200);
    mary.key("longer", &[project("p1x")]);
    let mut fred = world.certificate("fred");
    fred.ok(&encrypt("k1", b"x"));
    fred.refused(&encrypt("longer", b"x"), 404);
}

fn batch(items: &[(&str, &Value)]) -> Value {
    let item = |(operation, request): &(&str, &Value)| {
        json!({"tag": "BatchItem", "value": [
            enumeration("Operation", operation), {"tag": "RequestPayload", "value": request["value"]}]})
    };
    let header = json!({"tag": "RequestHeader", "value": [
        {"tag": "ProtocolVersion", "value": [
            integer("ProtocolVersionMajor", 2), integer("ProtocolVersionMinor", 1)]},
        enumeration("BatchErrorContinuationOption", "Continue"),
        integer("BatchCount", items.len() as i64)]});
    let mut all = vec![header];
    all.extend(items.iter().map(item));
    structure("RequestMessage", &all)
}

#[test]
fn each_item_of_a_batch_is_permitted_by_itself() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    // A change by an item applies to the next item: an import removes the tag that the credential is narrowed to.
    alice.key("k", &[tags(&["blue"])]);
    let mut narrowed = world.token("alice", &json!({"properties": {"tag": "blue"}}));
    let over = import("k", Some(true), "AES", &[7; 32], &[tags(&["blue", "red"])]);
    let answer = narrowed.ok(&batch(&[("Import", &over), ("Encrypt", &encrypt("k", b"x"))]));
    assert!(!answer.to_string().contains("OperationFailed"), "{answer}");
    let away = import("k", Some(true), "AES", &[7; 32], &[tags(&["red"])]);
    let answer = narrowed.ok(&batch(&[("Import", &away), ("Encrypt", &encrypt("k", b"x"))]));
    assert_eq!(answer.to_string().matches("OperationFailed").count(), 1, "{answer}");
    // A refused item leaves no object in the ID placeholder for the next one.
    alice.key("hers", &[]);
    let without = structure("Encrypt", &[crate::harness::kmip::bytes("Data", b"x")]);
    let find = locate(&[text("UniqueIdentifier", "hers")], &[]);
    for first in [("Get", named("Get", "hers")), ("Locate", find)] {
        let answer = bob.ok(&batch(&[(first.0, &first.1), ("Encrypt", &without)]));
        assert!(answer.to_string().contains("no earlier item"), "{answer}");
    }
}

#[test]
fn a_wrapping_key_inside_another_operation_is_used_and_so_permitted() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    let wrapping = [integer("CryptographicUsageMask", USAGE | 0x10)];
    for id in ["hidden", "known", "granted"] {
        alice.key(id, &wrapping);
    }
    bob.key("his", &[]);
    alice.grant("known", "bob", &["decrypt", "get_attributes", "get", "export", "mac"]);
    alice.grant("granted", "bob", &["encrypt"]);
    for operation in ["Get", "Export"] {
        bob.refused(&wrapped(operation, "his", "hidden"), 404);
        assert!(bob.refused(&wrapped(operation, "his", "known"), 403).contains("encrypt"));
        bob.ok(&wrapped(operation, "his", "granted"));
        // Wrapping a key needs the right to get it: a grant on the wrapping key is not enough.
        bob.refused(&wrapped(operation, "granted", "his"), 403);
    }
}

#[test]
fn locate_neither_shows_nor_counts_what_one_may_not_know() {
    let world = world();
    let mut alice = world.certificate("alice");
    let mut mary = world.certificate("mary");
    for number in 0..6 {
        let color = if number % 2 == 0 { "blue" } else { "red" };
        alice.key(&format!("a{number}"), &[tags(&[color]), name("shared")]);
        mary.key(&format!("m{number}"), &[tags(&[color]), name("shared"), project("p1")]);
    }
    alice.grant("a0", "bob", &["mac"]);
    alice.grant("a1", "*", &["get_attributes"]);
    alice.grant("a2", "role:first", &["mac"]);
    let found = |caller: &mut Caller, criteria: &[Value]| {
        let (mut ids, total) = caller.located(criteria);
        assert_eq!(ids.len() as i64, total);
        ids.reverse();
        ids.join(" ")
    };
    let mut bob = world.certificate("bob");
    assert_eq!(found(&mut bob, &[]), "a0 a1");
    assert_eq!(found(&mut bob, &[name("shared"), tags(&["blue"])]), "a0");
    assert_eq!(found(&mut bob, &[project("p1")]), "");
    assert_eq!(found(&mut bob, &[text("UniqueIdentifier", "m0")]), "");
    assert_eq!(found(&mut world.certificate("sam"), &[]), "a1");
    assert_eq!(found(&mut mary, &[project("p1"), tags(&["red"])]), "m1 m3 m5");
    // A role finds only the objects that its policies name.
    assert_eq!(found(&mut world.certificate("fred"), &[]), "m0 m1 m2 m3 m4 m5");
    // Pages of a caller who may find only some objects.
    let mut blue = world.token("alice", &json!({"properties": {"tag": ["blue"]}}));
    assert_eq!(found(&mut blue, &[]), "a0 a2 a4");
    let page = blue.ok(&locate(&[], &[integer("MaximumItems", 1), integer("OffsetItems", 1)]));
    assert_eq!(crate::harness::kmip::all(&page, "UniqueIdentifier"), ["a2"]);
    assert_eq!(crate::harness::kmip::find(&page, "LocatedItems"), None);
    let last = blue.ok(&locate(&[], &[integer("MaximumItems", 1), integer("OffsetItems", 2)]));
    assert_eq!(crate::harness::kmip::all(&last, "UniqueIdentifier"), ["a0"]);
    assert_eq!(crate::harness::kmip::find(&last, "LocatedItems").unwrap(), 3);
    let mut nothing = world.token("alice", &json!({"projects": []}));
    assert_eq!(found(&mut nothing, &[]), "");
    let mut creating = world.token("alice", &json!({"operations": ["Create", "Locate"]}));
    assert_eq!(found(&mut creating, &[]), "");
    // A caller whose credential is narrowed to other operations cannot search.
    let mut encrypting = world.token("alice", &json!({"operations": ["Encrypt"]}));
    assert!(encrypting.refused(&locate(&[], &[]), 403).contains("limited to other operations"));
    for list in ["/access/owned", "/access/obtained"] {
        assert_eq!(encrypting.send("GET", list, None).status, 403);
    }
    encrypting.refused(&structure("RNGRetrieve", &[integer("DataLength", 8)]), 403);
    encrypting.ok(&encrypt("a0", b"x"));
}

#[test]
fn who_names_an_identifier_learns_that_it_is_taken_and_nothing_else() {
    let world = world();
    let (mut alice, mut bob) = (world.certificate("alice"), world.certificate("bob"));
    alice.key("k", &[]);
    let mine = [text("UniqueIdentifier", "k")];
    for request in
        [create("AES", 256, &mine), register("AES", &[7; 32], &mine), import("k", Some(true), "AES", &[7; 32], &[])]
    {
        bob.refused(&request, 409);
    }
    // Also not a caller who may not create objects.
    let mut vain = world.token("bob", &json!({"operations": ["Encrypt"]}));
    for id in ["k", "free"] {
        vain.refused(&create("AES", 256, &[text("UniqueIdentifier", id)]), 403);
        vain.refused(&import(id, Some(true), "AES", &[7; 32], &[]), 403);
    }
    // A caller cannot guess projects either.
    let answers: BTreeSet<String> =
        ["p1", "none"].map(|name| bob.refused(&create("AES", 256, &[project(name)]), 403)).into();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(
        world.certificate("mary").refused(&create("AES", 256, &[project("none")]), 403).contains("no such project")
    );
}

#[test]
fn a_name_administers_by_the_proof_that_is_named_alone() {
    let (key, place_id) = (crate::harness::reference::random(32), "token-key");
    let administrators = format!(r#"["root", "admin", "jwt:{ISSUER}#carol"]"#);
    let world = World::new(&POLICY.replace(r#"["root"]"#, &administrators));
    world.certificate("admin").ok(&register("AES", &key, &[text("UniqueIdentifier", place_id)]));
    let world = world.restart_with(&["--api-token-id", place_id]);
    let administers = |caller: &mut Caller| {
        let status = caller.define("roles", "made", &json!({"capabilities": [], "policies": []})).status;
        let told = caller.get("/access/privileged")["has_privileged_access"] == true;
        assert_eq!(status, if told { 200 } else { 403 });
        assert_eq!(caller.undefine("roles", "made").status, if told { 200 } else { 403 });
        told
    };
    assert!(administers(&mut world.certificate("root")));
    assert!(administers(&mut world.certificate("admin")));
    assert!(administers(&mut world.token("carol", &Value::Null)));
    for user in ["Root", "ro\u{f6}t", "carol", "alice"] {
        assert!(!administers(&mut world.certificate(user)), "{user}");
    }
    assert!(!administers(&mut world.token("root", &Value::Null)));
    // The API token authenticates the user admin, whose certificate is named.
    let mut token = Caller::bearer(&world.server, &data_encoding::BASE64.encode(&key));
    assert_eq!(token.get("/whoami"), json!({"username": "admin", "method": "api-token"}));
    assert!(!administers(&mut token));
    // An administrator with a narrowed credential is not an administrator, whatever the narrowing.
    for claim in [
        json!({}),
        json!({"role": "everything"}),
        json!({"operations": ["Encrypt", "Locate"]}),
        json!({"projects": ["p1"]}),
        json!({"properties": {"tag": "x"}}),
    ] {
        assert!(!administers(&mut world.token("carol", &claim)), "{claim}");
    }
}

#[test]
fn a_role_in_a_claim_takes_away_and_gives_nothing() {
    let world = World::new(&POLICY.replace(r#"["root"]"#, r#"["root", "role:everything", "role:first"]"#));
    let mut mary = world.certificate("mary");
    mary.key("m", &[project("p1")]);
    let mut alice = world.certificate("alice");
    alice.key("k", &[]);
    alice.grant("k", "role:everything", &["encrypt"]);
    let mut claimed = world.token("sam", &json!({"role": "everything", "projects": ["p1"]}));
    claimed.refused(&encrypt("k", b"x"), 404);
    claimed.refused(&encrypt("m", b"x"), 404);
    assert_eq!(claimed.get("/access/privileged")["has_privileged_access"], false);
    assert_eq!(claimed.get("/whoami"), json!({"username": "sam", "method": "jwt"}));
    assert_eq!(claimed.located(&[]), (vec![], 0));
    // The role from the configuration does.
    assert_eq!(world.certificate("fred").get("/access/privileged")["has_privileged_access"], true);
    // A JWT with a claim that the server does not understand is refused.
    for claim in [json!({"operations": ["everything"]}), json!([]), json!("reader"), json!({"scope": "all"})] {
        let token = world.issuer.token("mary", &claim);
        assert_eq!(Caller::bearer(&world.server, &token).send("GET", "/whoami", None).status, 401, "{claim}");
    }
}

#[test]
fn nobody_gives_what_they_have_not() {
    let world = world();
    let mut mary = world.certificate("mary");
    mary.key("m", &[project("p1")]);
    // Gina can grant access in the project, but cannot take objects out of it.
    let mut gina = world.certificate("gina");
    gina.refused(&named("Export", "m"), 403);
    for (user, operation) in
        [("gina", "export"), ("gina", "get"), ("sam", "export"), ("*", "revoke"), ("role:giver", "get")]
    {
        let told = gina.not_done("/access/grant", &change("m", user, &[operation, "encrypt"]), 403);
        assert!(told.contains("the caller may not") && told.contains("cannot grant it"), "{told}");
    }
    gina.grant("m", "sam", &["encrypt"]);
    // Also not by another project, in which she has every right.
    for place in [json!("p2"), Value::Null] {
        gina.not_done("/access/project", &json!({"unique_identifier": "m", "project": place}), 403);
    }
    gina.refused(&named("Export", "m"), 403);
    mary.done("/access/project", &json!({"unique_identifier": "m", "project": "p2"}));
    gina.ok(&named("Export", "m"));
    // An owner does not get an operation that a project denies by taking the key out, or by another user.
    let mut karl = world.certificate("karl");
    karl.key("c", &[project("closed")]);
    karl.refused(&named("Export", "c"), 403);
    karl.not_done("/access/project", &json!({"unique_identifier": "c", "project": null}), 403);
    karl.not_done("/access/grant", &change("c", "sam", &["export"]), 403);
    karl.grant("c", "sam", &["encrypt"]);
    world.certificate("sam").ok(&encrypt("c", b"x"));
}

#[test]
fn users_that_are_all_the_default_user_are_one() {
    let arguments = ["--force-default-username", "--administrators=alice", "--create=*"].map(str::to_owned).to_vec();
    let server = Server::start_with(&Options { arguments, ..Options::default() });
    let (mut alice, mut bob) = (Caller::certificate(&server, "alice"), Caller::certificate(&server, "bob"));
    alice.key("k", &[]);
    bob.ok(&encrypt("k", b"x"));
    // The name of the certificate belongs to no user any longer, so it is not an administrator.
    assert_eq!(alice.get("/access/privileged")["has_privileged_access"], false);
    assert_eq!(alice.send("GET", "/access/definitions/roles", None).status, 403);
    let told = alice.not_done("/access/grant", &change("k", "admin", &["mac"]), 422);
    assert!(told.contains("owns the object"), "{told}");
    // A grant to a name that no user has any longer gives no rights.
    alice.grant("k", "bob", &["mac"]);
    bob.done("/access/transfer", &json!({"unique_identifier": "k", "user_id": "bob"}));
    bob.not_done("/access/accept", &json!({"unique_identifier": "k"}), 403);
    bob.ok(&mac("k", b"x"));
}
