//! A JWT with each request, as in Piiano's document: the trusted issuers, the roles, and the end of trust.

use std::fs;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::iam::{IDPS, ROLES, TOKEN, VERSION, options, place, server, table};
use crate::harness::jwt::{but, claims, key_set};
use crate::harness::{Jwks, Server, SigningKey, eventually, kmip};

const A: &str = "https://a.example/";

fn status(server: &Server, token: &str) -> u16 {
    whoami(server, token).0
}

fn whoami(server: &Server, token: &str) -> (u16, Value) {
    let answer = Caller::bearer(server, token).send("GET", "/whoami", None);
    (answer.status, answer.json())
}

/// A key, and a server whose table `a` trusts it with two roles; `more` comes after the table's configuration.
fn one(more: &str) -> (SigningKey, Server) {
    let key = SigningKey::p256("abc");
    let reader = "[roles.reader]\ncapabilities = [\"read\"]\npolicies = [\"all\"]\n";
    let server = server(&format!("{}{more}{ROLES}{reader}", table("a", A, "kms", &key)));
    (key, server)
}

fn with(key: &SigningKey, changes: &Value) -> String {
    let own = but(claims(A, "kms", "carol"), &json!({"roles": ["reader"]}));
    key.token("ES256", &but(own, changes))
}

#[test]
fn the_documents_own_token_is_the_vault_admin() {
    let server = server(&format!("{IDPS}{ROLES}"));
    let mut admin = Caller::bearer(&server, TOKEN);
    let who = admin.send("GET", "/whoami", None).json();
    assert_eq!(who, json!({"username": "VaultAdmin", "method": "jwt", "role": "VaultAdminRole"}));
    assert_eq!(admin.send("GET", VERSION, None).status, 200);
    // The JWT is needed in each request: on the same connection a request without it is not authenticated.
    assert_eq!(admin.connection.try_request("GET", VERSION, &[], b"").unwrap().status, 401);
    let made = admin.send("POST", kmip::PATH, Some(&kmip::create("AES", 256, &[])));
    assert_eq!(made.status, 200, "{}", made.json());
    let log = server.log();
    assert!(log.contains("idps=\"app1\""), "the table's name is in the log");
    assert!(TOKEN.split('.').all(|part| !log.contains(part)));
    let trail = fs::read_to_string(server.place.audit_file()).unwrap();
    assert!(trail.contains("https://jwt.io/ by idps.app1"), "{trail}");
    assert!(TOKEN.split('.').all(|part| !trail.contains(part)));
}

#[test]
fn issuer_audience_and_signature_are_those_of_one_table() {
    let (a, b) = (SigningKey::rsa("abc"), SigningKey::rsa("abc"));
    let tables = [table("a", A, "kms", &a), table("b", A, "other", &b)].concat();
    let server = server(&format!("{tables}{ROLES}"));
    let token = |key: &SigningKey, issuer: &str, audience: Value| {
        let more = json!({"roles": "VaultAdminRole", "aud": audience});
        key.token("RS256", &but(claims(issuer, "", "carol"), &more))
    };
    for (key, issuer, audience, expected) in [
        (&a, A, json!("kms"), 200),
        (&b, A, json!("other"), 200),
        (&a, A, json!(["other", "kms"]), 200),
        (&b, A, json!(["other", "kms"]), 200),
        // The same key id in two tables names two keys.
        (&b, A, json!("kms"), 401),
        (&a, A, json!("other"), 401),
        (&a, "https://a.example", json!("kms"), 401),
        (&a, A, json!("KMS"), 401),
        (&a, A, json!([]), 401),
        (&a, A, json!(null), 401),
    ] {
        assert_eq!(status(&server, &token(key, issuer, audience.clone())), expected, "{issuer} {audience}");
    }
    let expired = but(claims(A, "kms", "carol"), &json!({"roles": "VaultAdminRole", "exp": 1_000_000_000}));
    assert_eq!(status(&server, &a.token("RS256", &expired)), 401);
}

#[test]
fn a_token_holds_exactly_one_role_that_its_table_may_give() {
    let (key, server) = one("");
    for (roles, role) in [
        (json!("reader"), Some("reader")),
        (json!(["VaultAdminRole"]), Some("VaultAdminRole")),
        (json!(null), None),
        (json!([]), None),
        (json!(""), None),
        (json!(["reader", "VaultAdminRole"]), None),
        (json!("nobody"), None),
        (json!("Reader"), None),
        (json!({"reader": true}), None),
        (json!(1), None),
    ] {
        let (status, who) = whoami(&server, &with(&key, &json!({ "roles": roles })));
        assert_eq!((status == 200).then(|| who["role"].as_str().unwrap()), role, "{roles}");
    }
    // The role is a limit: a reader cannot create objects, and `/access/create` says so.
    let mut carol = Caller::bearer(&server, &with(&key, &json!({})));
    let question = json!({"user": format!("jwt:{A}#carol"), "operation": "create"});
    let explained = carol.send("POST", "/access/explain", Some(&question)).json();
    assert_eq!([&explained["allowed"], &explained["role"]], [&json!(false), &json!("reader")], "{explained}");
    assert_eq!(carol.send("POST", kmip::PATH, Some(&kmip::create("AES", 256, &[]))).status, 403);
}

#[test]
fn a_table_may_limit_roles_and_say_them_itself() {
    let key = SigningKey::p256("abc");
    let (head, conf) = {
        let table = table("a", A, "kms", &key);
        let (head, conf) = table.split_once("[idps.a.conf]\n").unwrap();
        (head.to_owned(), format!("[idps.a.conf]\nroles_claim = \"https://a.example/role\"\n{conf}"))
    };
    let map = "[idps.a.roles_map]\n\"alice@example.com\" = \"VaultAdminRole\"\n";
    let other = "[roles.reader]\ncapabilities = [\"read\"]\npolicies = [\"all\"]\n";
    let server = server(&format!("{head}allowed_roles = [\"VaultAdminRole\"]\n{conf}{map}{ROLES}{other}"));
    let role = |changes: Value| whoami(&server, &with(&key, &changes)).1["role"].clone();
    assert_eq!(role(json!({"https://a.example/role": "VaultAdminRole"})), "VaultAdminRole");
    assert_eq!(role(json!({"https://a.example/role": "reader"})), Value::Null, "not allowed");
    assert_eq!(role(json!({"roles": "VaultAdminRole"})), Value::Null, "another claim");
    assert_eq!(role(json!({"sub": "alice@example.com"})), "VaultAdminRole");
    assert_eq!(role(json!({"sub": "Alice@example.com"})), Value::Null);
    assert_eq!(role(json!({"sub": "mallory", "email": "alice@example.com"})), Value::Null);
}

#[test]
fn bound_claims_have_exactly_their_value() {
    let bound = "[idps.a.conf.bound_claims]\n\"org.team\" = \"blue\"\n\"org/level\" = 0\n\"https://a.example/beta\" = false\nnote = \"\"\n";
    let (key, server) = one(bound);
    let good = json!({"org": {"team": "blue", "level": 0}, "https://a.example/beta": false, "note": ""});
    assert_eq!(status(&server, &with(&key, &good)), 200);
    for changes in [
        json!({"note": null}),
        json!({"note": " "}),
        json!({"note": false}),
        json!({"https://a.example/beta": null}),
        json!({"https://a.example/beta": true}),
        json!({"https://a.example/beta": "false"}),
        json!({"https://a.example/beta": 0}),
        json!({"org": null}),
        json!({"org": {"team": "blue"}}),
        json!({"org": {"team": "Blue", "level": 0}}),
        json!({"org": {"team": ["blue"], "level": 0}}),
        json!({"org": {"team": "blue", "level": 1}}),
        json!({"org": {"team": "blue", "level": "0"}}),
        json!({"org": [{"team": "blue", "level": 0}]}),
    ] {
        assert_eq!(status(&server, &with(&key, &but(good.clone(), &changes))), 401, "{changes}");
    }
}

#[test]
fn a_role_in_a_token_makes_nobody_an_administrator() {
    let key = SigningKey::p256("abc");
    let named = ["--administrators=role:VaultAdminRole", "--create=role:VaultAdminRole"];
    let users = "[users.\"jwt:https://a.example/#dora\"]\nrole = \"VaultAdminRole\"\n";
    let iam = format!("{}{ROLES}{users}", table("a", A, "kms", &key));
    let server = Server::start_at(place(&iam), &options(&named));
    for user in ["carol", "dora"] {
        let mut caller = Caller::bearer(&server, &with(&key, &json!({"sub": user, "roles": "VaultAdminRole"})));
        assert_eq!(caller.send("GET", "/access/definitions/roles", None).status, 403);
        assert_eq!(caller.send("POST", kmip::PATH, Some(&kmip::create("AES", 256, &[]))).status, 403);
    }
    // The file gives this role to the certificate.
    assert_eq!(Caller::certificate(&server, "alice").send("GET", "/access/definitions/roles", None).status, 200);
}

#[test]
fn keys_are_fetched_and_the_file_is_reloaded() {
    let (key, other) = (SigningKey::p256("abc"), SigningKey::p256("abc"));
    let place = place("");
    let keys = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let fetched = |more: &str| {
        let conf = format!("iss = \"{A}\"\naud = \"kms\"\njwks_uri = \"{}\"\n", keys.uri());
        format!("[idps.a]\ntype = \"direct-jwt\"\n{more}[idps.a.conf]\n{conf}")
    };
    let iam = |text: &str| fs::write(place.path("iam.toml"), text).unwrap();
    let reader = "[roles.reader]\ncapabilities = [\"read\"]\npolicies = [\"all\"]\n";
    iam(&format!("{}{ROLES}{reader}", fetched("")));
    let server = Server::start_at(place.clone(), &options(&["--jwks-ca-file=ca.pem"]));
    let reload = |text: &str, told: &str| {
        let before = server.log().matches(told).count();
        iam(text);
        server.signal("HUP");
        eventually(told, || (server.log().matches(told).count() > before).then_some(()));
    };
    let (reloaded, stays) = ("the IAM file was reloaded", "the policy was not changed");
    let token = with(&key, &json!({}));
    assert_eq!(whoami(&server, &token).1["role"], "reader");
    // The role is no longer allowed: the cached verification of the JWT does not help, although its keys are still
    // known.
    reload(&format!("{}{ROLES}{reader}", fetched("allowed_roles = [\"VaultAdminRole\"]\n")), reloaded);
    assert_eq!(status(&server, &token), 401);
    assert_eq!(status(&server, &with(&key, &json!({"roles": "VaultAdminRole"}))), 200);
    reload(&format!("{}{ROLES}", fetched("allowed_roles = [\"nobody\"]\n")), stays);
    assert!(server.log().contains("line 3: idps.a.allowed_roles: there is no role"));
    assert_eq!(status(&server, &with(&key, &json!({"roles": "VaultAdminRole"}))), 200, "what was there stays");
    // Another key with the same id: a JWT that was valid a moment ago is refused.
    reload(&format!("{}{ROLES}{reader}", table("a", A, "kms", &other)), reloaded);
    assert_eq!(status(&server, &with(&key, &json!({"roles": "VaultAdminRole"}))), 401);
    assert_eq!(status(&server, &with(&other, &json!({}))), 200);
    // If no issuer is trusted, no caller is admitted.
    reload("[idps]\n", reloaded);
    assert_eq!(status(&server, &with(&other, &json!({}))), 401);
    assert_eq!(server.nobody().get("/whoami").status, 401);
}

#[test]
fn no_name_of_a_table_begins_with_the_prefix_of_an_authority() {
    let key = SigningKey::p256("abc");
    let place = place(&format!("{}{ROLES}", table("a", A, "kms", &key)));
    let server = Server::start_at(place, &options(&["--username-prefix=corp/"]));
    let token = |user: &str| key.token("ES256", &but(claims(A, "kms", user), &json!({"roles": "VaultAdminRole"})));
    assert_eq!(status(&server, &token("alice")), 200);
    assert_eq!(status(&server, &token("corp/alice")), 401);
}
