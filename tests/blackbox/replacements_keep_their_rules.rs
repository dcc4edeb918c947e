//! A key that is replaced, by Re-key, by Import or by the clock, stays under the rules that name it, and the replacement
//! needs the rights of what it changes.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::attributes::put;
use crate::harness::caller::project;
use crate::harness::clock;
use crate::harness::kmip::{
    boolean, date, encrypt, enumeration, find, import, integer, name, named, parameters, revoke, string, structure,
    text, with,
};
use crate::harness::pairs::{halves, pair_of, sign};
use crate::harness::server::Place;
use crate::harness::{Caller, Options, Server, World, eventually};

const POLICY: &str = r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.sealed]
policy_type = "deny"
operations = ["get", "export"]
resources = ["objects/vault-*", "projects/mars/middle"]

[policies.replacing]
policy_type = "allow"
operations = ["re_key", "modify_attribute", "get_attributes"]
resources = ["*"]

[policies.development]
policy_type = "allow"
operations = ["*"]
resources = ["objects/dev-*", "projects/venus/dev-*"]

[policies.production]
policy_type = "allow"
operations = ["encrypt"]
resources = ["objects/prod-*"]

[policies.reserved]
policy_type = "deny"
operations = ["re_key"]
resources = ["objects/reserved-*"]

[roles.lead]
capabilities = ["*"]
policies = ["everything"]

[roles.keeper]
capabilities = ["*"]
policies = ["everything", "sealed"]

[roles.developer]
capabilities = ["*"]
policies = ["replacing", "development", "reserved"]

[roles.service]
capabilities = ["*"]
policies = ["production"]

[projects.mars.members]
alice = "lead"
bob = "keeper"

[projects.venus.members]
alice = "lead"
bob = "developer"
carol = "service"
"#;

fn re_key(id: &str, said: &[Value]) -> Value {
    with(named("ReKey", id), &[structure("Attributes", said)])
}

fn interval(tag: &str, seconds: u32) -> Value {
    json!({"tag": tag, "type": "Interval", "value": seconds})
}

fn leaving(project_name: &str) -> [Value; 3] {
    [project(project_name), boolean("Sensitive", false), boolean("Extractable", true)]
}

#[test]
fn a_replacement_stays_under_the_rules_that_name_the_key() {
    let world = World::new(POLICY);
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| world.certificate(name));
    alice.key("vault-1", &leaving("mars"));
    bob.refused(&named("Get", "vault-1"), 403);
    for (from, to) in [("vault-1", "middle"), ("middle", "mine-1"), ("mine-1", "mine-2")] {
        bob.ok(&re_key(from, &[text("UniqueIdentifier", to)]));
        assert!(bob.refused(&named("Get", to), 403).contains("sealed"));
        alice.ok(&named("Get", to));
        // Nobody sees or sets the identifiers by which the policy knows it.
        assert!(!alice.connection.attributes(to).to_string().contains("formers"));
    }
    let asked = json!({"unique_identifier": "mine-2", "operation": "get"});
    assert!(bob.done("/access/explain", &asked).to_string().contains("sealed"));
    let forged = crate::harness::kmip::vendor_attribute("claviger", "formers", "x");
    bob.refused(&put("SetAttribute", "mine-2", &forged), 400);
    let delete = structure(
        "DeleteAttribute",
        &[
            text("UniqueIdentifier", "mine-2"),
            structure(
                "AttributeReference",
                &[text("VendorIdentification", "claviger"), text("AttributeName", "formers")],
            ),
        ],
    );
    assert_ne!(bob.kmip(&delete).status, 200);
    // A key between: only its own name is denied.
    alice.key("plain", &leaving("mars"));
    bob.ok(&named("Get", "plain"));
    bob.ok(&re_key("plain", &[text("UniqueIdentifier", "vault-2")]));
    bob.refused(&named("Get", "vault-2"), 403);
    bob.ok(&re_key("vault-2", &[text("UniqueIdentifier", "plain-2")]));
    bob.refused(&named("Get", "plain-2"), 403);

    // An identifier that gives rights gives none to a replacement, and those by the first one stay.
    alice.key("prod-9", &leaving("venus"));
    for request in [named("Get", "prod-9"), encrypt("prod-9", b"x")] {
        bob.refused(&request, 403);
    }
    bob.refused(&re_key("prod-9", &[text("UniqueIdentifier", "reserved-9")]), 403);
    bob.ok(&re_key("prod-9", &[text("UniqueIdentifier", "dev-9")]));
    for request in [named("Get", "dev-9"), encrypt("dev-9", b"x"), named("Destroy", "dev-9")] {
        bob.refused(&request, 403);
    }
    alice.ok(&named("Get", "dev-9"));
    carol.ok(&encrypt("dev-9", b"x"));
    alice.key("dev-1", &leaving("venus"));
    bob.ok(&re_key("dev-1", &[text("UniqueIdentifier", "other-1")]));
    bob.ok(&encrypt("other-1", b"x"));
    let own = |id: &str| [text("UniqueIdentifier", id), project("venus")];
    let made = alice.ok(&pair_of("EC", 256, &own("prod-private"), &own("prod-public")));
    let (private, _) = halves(&made);
    bob.refused(&sign(&private, b"x", &[]), 403);
    let of = |tag: &str, id: &str| structure(tag, &[text("UniqueIdentifier", id)]);
    let pair = [of("PrivateKeyAttributes", "dev-private"), of("PublicKeyAttributes", "dev-public")];
    bob.ok(&with(structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", &private)]), &pair));
    bob.refused(&sign("dev-private", b"x", &[]), 403);
    alice.ok(&sign("dev-private", b"x", &[]));
}

#[test]
fn the_clock_frees_no_key_from_a_rule() {
    let place = Arc::new(Place::new());
    fs::write(place.path("policy.toml"), POLICY).unwrap();
    let arguments = vec![format!("--policy-file={}", place.path("policy.toml").display())];
    let options = clock::moved(&place, Options { arguments, ..Options::default() });
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = Caller::certificate(&server, "alice");
    let rotating = [name("payments"), interval("RotateInterval", 120), boolean("RotateAutomatic", true)];
    alice.key("vault-7", &[&leaving("mars")[..], &rotating].concat());
    let mut present = "vault-7".to_owned();
    for _ in 0..2 {
        clock::advance(&place, 121);
        let next = || Some(alice.located(&[name("payments")]).0.remove(0)).filter(|id| *id != present);
        present = eventually("the key is replaced", next);
        // A connection that was idle has ended by the clock.
        Caller::certificate(&server, "bob").refused(&named("Get", &present), 403);
        alice.ok(&named("Get", &present));
    }
    let server = server.restart();
    Caller::certificate(&server, "bob").refused(&named("Get", &present), 403);
}

#[test]
fn a_replacement_neither_revives_nor_stops_a_name_without_the_right() {
    let server = Server::start();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    let offset = |id: &str, seconds: u32| with(named("ReKey", id), &[interval("Offset", seconds)]);
    for id in ["leaked", "ended", "hot", "late"] {
        alice.key(id, &[name(id)]);
        alice.grant(id, "bob", &["re_key", "modify_attribute", "get_attributes"]);
    }
    // A Compromised key has no replacement.
    alice.ok(&revoke("leaked", "KeyCompromise"));
    for caller in [&mut bob, &mut alice] {
        for request in [named("ReKey", "leaked"), offset("leaked", 0)] {
            assert!(caller.refused(&request, 409).contains("create a new key"));
        }
    }
    // The name of a Deactivated key is usable again only by a caller who may activate it.
    alice.ok(&revoke("ended", "CessationOfOperation"));
    bob.refused(&offset("ended", 0), 403);
    alice.grant("ended", "bob", &["activate"]);
    bob.ok(&offset("ended", 0));
    // To be Active later takes the key out of service.
    let future = date("ActivationDate", "2999-01-01T00:00:00Z");
    bob.refused(&offset("hot", 315_360_000), 403);
    bob.refused(&re_key("hot", std::slice::from_ref(&future)), 403);
    bob.refused(&put("SetAttribute", "late", &interval("RotateOffset", 315_360_000)), 403);
    bob.refused(&re_key("late", &[interval("RotateOffset", 315_360_000)]), 403);
    assert_eq!(alice.located(&[name("hot")]).0, ["hot"]);
    bob.ok(&put("SetAttribute", "late", &interval("RotateOffset", 0)));
    alice.grant("late", "bob", &["revoke"]);
    bob.ok(&put("SetAttribute", "late", &interval("RotateOffset", 60)));
    alice.grant("hot", "bob", &["revoke"]);
    bob.ok(&re_key("hot", &[text("UniqueIdentifier", "cold"), future]));
    assert_eq!(alice.connection.state("cold"), "PreActive");
}

#[test]
fn an_import_changes_no_more_than_its_caller_may() {
    let server = Server::start();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    let (far, near) = ("2999-01-01T00:00:00Z", "2998-01-01T00:00:00Z");
    let dates = ["ActivationDate", "ProcessStartDate", "ProtectStopDate", "DeactivationDate"];
    let replacing = |id: &str, said: &[Value]| import(id, Some(true), "AES", &[7; 32], said);
    for (number, (tag, right)) in dates.into_iter().zip(["activate", "activate", "revoke", "revoke"]).enumerate() {
        let id = format!("dated-{number}");
        alice.ok(&import(&id, None, "AES", &[6; 32], &[date(tag, far)]));
        alice.grant(&id, "bob", &["import", "destroy", "get_attributes"]);
        bob.refused(&replacing(&id, &[date(tag, near)]), 403);
        assert_eq!(string(&alice.connection.attributes(&id), tag), far);
        bob.ok(&replacing(&id, &[]));
        alice.grant(&id, "bob", &[right]);
        bob.ok(&replacing(&id, &[date(tag, near)]));
        assert_eq!(string(&alice.connection.attributes(&id), tag), near);
    }
    alice.ok(&import("used", None, "AES", &[6; 32], &[]));
    alice.grant("used", "bob", &["import", "destroy", "get_attributes"]);
    let ecb = parameters(&[enumeration("BlockCipherMode", "ECB")]);
    for said in [&ecb, &integer("CryptographicUsageMask", 0)] {
        bob.refused(&replacing("used", std::slice::from_ref(said)), 403);
        alice.ok(&replacing("used", std::slice::from_ref(said)));
    }
    assert!(find(&alice.connection.attributes("used"), "CryptographicParameters").is_some());
}
