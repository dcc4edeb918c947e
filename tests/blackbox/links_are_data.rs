//! Links that a client sets are data, and the server does not follow them. Links between the halves of a pair are set
//! by the server, and each half is authorized separately.

use serde_json::{Value, json};

use crate::harness::caller::project;
use crate::harness::kmip::{
    all, create, date, enumeration, find, integer, link, named, register, revoke, string, structure, tags, text,
};
use crate::harness::{Caller, Server, World};

const KEYS: &str = "/api/v1/kms/keys";
const KINDS: [&str; 4] = ["PublicKeyLink", "PrivateKeyLink", "ReplacementObjectLink", "ChildLink"];

/// A request for an active P-256 pair whose halves have these attributes of their own.
fn pair(private: &[Value], public: &[Value]) -> Value {
    let common = [
        enumeration("CryptographicAlgorithm", "EC"),
        integer("CryptographicLength", 256),
        date("ActivationDate", "2024-01-01T00:00:00Z"),
    ];
    let half = |tag, mask, own: &[Value]| structure(tag, &[own, &[integer("CryptographicUsageMask", mask)]].concat());
    let halves = [half("PrivateKeyAttributes", 1, private), half("PublicKeyAttributes", 2, public)];
    structure("CreateKeyPair", &[&[structure("CommonAttributes", &common)], halves.as_slice()].concat())
}

/// The identifiers of the private and of the public half.
fn make(caller: &mut Caller, request: &Value) -> (String, String) {
    let answer = caller.ok(request);
    (string(&answer, "PrivateKeyUniqueIdentifier"), string(&answer, "PublicKeyUniqueIdentifier"))
}

fn at(id: &str, action: &str) -> String {
    format!("{KEYS}/{id}/{action}")
}

#[test]
fn those_of_clients_lead_nowhere() {
    let server = Server::start();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    let (private, public) = make(&mut alice, &pair(&[], &[]));
    let hers = [alice.key("hers", &[]), private, public];
    let mut his = Vec::new();
    for target in &hers {
        let links: Vec<Value> = KINDS.iter().map(|kind| link(kind, target)).collect();
        his.push(string(&bob.ok(&create("AES", 256, &links)), "UniqueIdentifier"));
        his.push(string(&bob.ok(&register("AES", &[7; 32], &links)), "UniqueIdentifier"));
        his.push(make(&mut bob, &pair(&links, &links)).0);
    }
    for id in &his {
        let attributes = bob.connection.attributes(id);
        let is_pair = string(&attributes, "ObjectType") == "PrivateKey";
        let use_ = if is_pair { "sign" } else { "get" };
        bob.grant(id, "alice", &["get_attributes", use_, "revoke", "destroy"]);
        // A given link is stored unchanged.
        assert!(all(&attributes, "Link").len() >= KINDS.len(), "{attributes}");
        let answer = alice.send("GET", &at(id, "public-key"), None);
        assert_ne!(answer.status, 200, "{id}");
        let verify = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256", "signature": "AAAA"});
        assert_ne!(alice.post(&at(id, "verify"), &verify).status, 200, "{id}");
        // The pair has its own public half, which was not granted.
        let removed = alice.send("DELETE", &format!("{KEYS}/{id}"), None).status;
        assert_eq!(removed, if is_pair { 404 } else { 200 }, "{id}");
        assert_eq!(bob.connection.state(id), if is_pair { "Active" } else { "Destroyed" });
    }
    for id in &hers {
        assert_eq!(alice.connection.state(id), "Active");
    }
    // Links neither show nor give access to an object of another user.
    for id in &hers {
        bob.refused(&named("GetAttributes", id), 404);
        assert_eq!(bob.send("DELETE", &format!("{KEYS}/{id}"), None).status, 404);
    }
}

#[test]
fn both_halves_of_a_pair_name_each_other_and_nothing_else_for_the_other_half() {
    let server = Server::start();
    let mut alice = Caller::certificate(&server, "alice");
    let decoy = alice.key("decoy", &[]);
    let (other, other_public) = make(&mut alice, &pair(&[], &[]));
    for target in [&decoy, &other_public, &other] {
        let links: Vec<Value> = KINDS.iter().map(|kind| link(kind, target)).collect();
        let (private, public) = make(&mut alice, &pair(&links, &links));
        for (half, kind, expected) in [(&private, "PublicKeyLink", &public), (&public, "PrivateKeyLink", &private)] {
            let attributes = alice.connection.attributes(half);
            let of_kind = |fields: &&&Value| find(&json!({"value": fields}), "LinkType").unwrap() == kind;
            let own: Vec<_> = all(&attributes, "Link").into_iter().collect();
            let own: Vec<_> = own.iter().filter(of_kind).collect();
            assert_eq!(own.len(), 1);
            assert_eq!(find(&json!({"value": own[0]}), "LinkedObjectIdentifier").unwrap(), expected);
        }
        let key = alice.get(&at(&private, "public-key"))["publicKey"].clone();
        assert_eq!(alice.get(&at(&public, "public-key"))["publicKey"], key);
        assert_ne!(alice.get(&at(&other, "public-key"))["publicKey"], key);
        let signed = alice.done(&at(&private, "sign"), &json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256"}));
        let mut verify = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256", "signature": signed["signature"]});
        assert_eq!(alice.done(&at(&private, "verify"), &verify)["signatureValid"], json!(true));
        assert_eq!(alice.done(&at(&other, "verify"), &verify)["signatureValid"], json!(false));
        verify["signature"] = json!("AAAA");
        assert_eq!(alice.done(&at(&private, "verify"), &verify)["signatureValid"], json!(false));
        assert_eq!(alice.send("DELETE", &format!("{KEYS}/{private}"), None).status, 200);
        for half in [&private, &public] {
            assert_eq!(alice.connection.state(half), "Destroyed");
        }
    }
    for id in [&decoy, &other, &other_public] {
        assert_eq!(alice.connection.state(id), "Active");
    }
}

#[test]
fn each_half_is_authorized_by_itself_before_either_is_touched() {
    let world = World::new(
        r#"
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.kept]
policy_type = "deny"
operations = ["destroy", "signature_verify"]
resources = ["tags/kept"]

[roles.lead]
capabilities = ["*"]
policies = ["everything", "kept"]

[projects.apollo]
[projects.apollo.members]
alice = "lead"
"#,
    );
    let [mut alice, mut dora] = ["alice", "dora"].map(|name| world.certificate(name));
    let signed = json!({"data": "", "signingAlgorithm": "ECDSA_SHA_256"});
    let kept = tags(&["kept"]);
    let in_project = || vec![project("apollo")];
    for (private, public) in [(vec![kept.clone()], vec![]), (vec![], vec![kept.clone()])] {
        let halves = [[in_project(), private.clone()].concat(), [in_project(), public].concat()];
        let (private, public) = make(&mut alice, &pair(&halves[0], &halves[1]));
        let mut verify = signed.clone();
        verify["signature"] = alice.done(&at(&private, "sign"), &signed)["signature"].clone();
        alice.not_done(&at(&private, "verify"), &verify, 403);
        assert_eq!(alice.send("DELETE", &format!("{KEYS}/{private}"), None).status, 403);
        for half in [&private, &public] {
            assert_eq!(alice.connection.state(half), "Active", "one half is kept, so both are");
        }
    }
    // A grantee of one half has access only to that half.
    let (private, public) = make(&mut alice, &pair(&[], &[]));
    let everything = ["get_attributes", "sign", "revoke", "destroy"];
    alice.grant(&private, "dora", &everything[..2]);
    assert_eq!(dora.send("GET", &at(&private, "public-key"), None).status, 403);
    alice.grant(&private, "dora", &everything[2..]);
    assert_eq!(dora.send("DELETE", &format!("{KEYS}/{private}"), None).status, 404);
    for half in [&private, &public] {
        assert_eq!(alice.connection.state(half), "Active");
    }
    alice.grant(&public, "dora", &["get_attributes", "get", "signature_verify", "destroy"]);
    assert_eq!(dora.send("DELETE", &format!("{KEYS}/{private}"), None).status, 403, "an active half is revoked first");
    assert_eq!(alice.connection.state(&private), "Active");
    alice.ok(&revoke(&public, "CessationOfOperation"));
    assert_eq!(dora.send("DELETE", &format!("{KEYS}/{private}"), None).status, 200);
    for half in [&private, &public] {
        assert_eq!(alice.connection.state(half), "Destroyed");
    }
    // The remaining half of a pair can be removed too.
    let (private, public) = make(&mut alice, &pair(&[], &[text("Comment", "goes first")]));
    for request in [revoke(&public, "CessationOfOperation"), named("Destroy", &public)] {
        alice.ok(&request);
    }
    assert_eq!(alice.send("DELETE", &format!("{KEYS}/{private}"), None).status, 200);
    assert_eq!(alice.connection.state(&private), "Destroyed");
}
