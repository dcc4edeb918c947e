//! `claviger identities`: OIDC auth and the roles of identities in projects, by the command line.

use serde_json::{Value, json};

use crate::harness::hanzo::{AUDIENCE, ISSUER, pem, server};
use crate::harness::jwt::{but, claims, key_set};
use crate::harness::{Cli, Jwks, Leaf, Server, SigningKey};

/// The administrator.
fn root(server: &Server) -> Cli {
    Cli::new(server, "root", &server.place.authority.issue(&Leaf::client("root")))
}

/// A new identity.
fn created(root: &Cli, role: &str) -> String {
    root.ok(&["identities", "create", "--name", "app", "--role", role]).trim_end().to_owned()
}

/// Runs a command line with a usage error, whose exit status must be 2.
#[track_caller]
fn misunderstood(cli: &Cli, arguments: &[&str]) {
    let output = cli.output(arguments, b"");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Attaches OIDC auth with the required options and these.
fn attach(id: &str, provider: &str, more: &[&str]) -> Vec<String> {
    let must = ["identities", "oidc-auth", "attach", id, "--discovery-url", provider, "--bound-issuer", provider];
    must.iter().chain(&["--audience", AUDIENCE]).chain(more).map(|&word| word.to_owned()).collect()
}

#[test]
fn oidc_auth_is_attached_changed_shown_and_detached() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let provider = Jwks::start(&server.place.authority, &json!({}));
    let origin = provider.uri().split('/').take(3).collect::<Vec<_>>().join("/");
    provider.answer(&json!({"issuer": origin, "jwks_uri": jwks.uri()}));
    let (root, alice) = (root(&server), Cli::alice(&server));
    let id = created(&root, "member");
    let name = format!("oidc-auth/{id}");
    let [show, update] = ["show", "update"].map(|word| ["identities", "oidc-auth", word, &id]);
    let change = |more: &[&str]| root.quiet(&[&update[..], more].concat());
    let shown = || root.json(&show)["identityOidcAuth"].clone();

    root.fails_with(&show, &["not found: the identity has no OIDC auth"]);
    root.fails_with(&[&update[..], &["--ttl", "5"]].concat(), &["not found: the identity has no OIDC auth"]);
    alice.fails_with(&attach(&id, &origin, &[]), &["not permitted"]);
    root.fails_with(&attach(&id, &origin, &["--claim", "a=x", "--claim", "a=y"]), &["\"a\" twice", "a=A,B"]);
    root.fails_with(&attach(&id, &origin, &["--discovery-ca-file", "none.pem"]), &["cannot read none.pem"]);
    for more in [&[][..], &["--end-tokens"], &["--no-claims", "--claim", "a=x"], &["--claim", "a"]] {
        misunderstood(&root, &[&update[..], more].concat());
    }
    root.write("provider.pem", &server.place.authority.pem());
    let more = ["--discovery-ca-file", "provider.pem", "--subject", "app", "--claim", "team=a,b*", "--ttl", "5000"];
    root.quiet(&attach(&id, &origin, &more));
    root.fails_with(&attach(&id, &origin, &[]), &["has OIDC auth already"]);

    let own = shown();
    for (member, value) in [
        ("oidcDiscoveryUrl", json!(origin)),
        ("caCert", json!(String::from_utf8(server.place.authority.pem()).unwrap())),
        ("boundIssuer", json!(origin)),
        ("boundAudiences", json!(AUDIENCE)),
        ("boundSubject", json!("app")),
        ("boundClaims", json!({"team": "a,b*"})),
        ("accessTokenTTL", json!(5000)),
        ("accessTokenMaxTTL", json!(2_592_000)),
        ("accessTokenNumUsesLimit", json!(0)),
    ] {
        assert_eq!(own[member], value, "{member}");
    }
    let text: Value = serde_json::from_str(&root.ok(&show)).unwrap();
    assert_eq!(text["identityOidcAuth"], own);
    assert_eq!(root.json(&["identities", "show", &id])["identityOidcAuth"], own);

    // The listed name can be used to log in.
    let issuers = root.rows(&["issuers", "list"]);
    assert!(issuers.iter().any(|row| row.starts_with(&format!("{name} | exchange | {origin}"))), "{issuers:?}");
    let app = Cli::bare(&server, "app").knowing(&server);
    let jwt = |team: &str| key.token("RS256", &but(claims(&origin, AUDIENCE, "app"), &json!({ "team": team })));
    let login = ["login", "--issuer", &*name, "--jwt-file", "jwt"];
    app.write("jwt", jwt("best").as_bytes());
    assert!(app.ok(&login).starts_with(&format!("logged in: {name}, until ")));
    assert_eq!(app.ok(&["whoami"]), format!("username: identity:{id}\nmethod: access-token\n"));
    app.fails_with(&["login", "--issuer", &id, "--jwt-file", "jwt"], &["not configured for JWT auth"]);
    app.write("jwt", jwt("worst").as_bytes());
    app.fails_with(&login, &["the server refused the JWT: Access denied: claim not allowed", "log says why"]);

    // Options that are not given do not change, and access tokens stay valid.
    change(&["--subject", "other", "--ttl", "4000", "--max-ttl", "6000"]);
    let changed = shown();
    for (member, value) in [
        ("boundSubject", json!("other")),
        ("accessTokenTTL", json!(4000)),
        ("accessTokenMaxTTL", json!(6000)),
        ("boundAudiences", json!(AUDIENCE)),
        ("boundClaims", own["boundClaims"].clone()),
        ("caCert", own["caCert"].clone()),
    ] {
        assert_eq!(changed[member], value, "{member}");
    }
    app.ok(&["whoami"]);
    app.write("jwt", jwt("best").as_bytes());
    app.fails_with(&login, &["not permitted: Access denied: subject not allowed"]);
    change(&["--subject", "app", "--claim", "team=worst", "--audience", AUDIENCE, "--audience", "more"]);
    assert_eq!(shown()["boundAudiences"], format!("{AUDIENCE},more"));
    assert_eq!(shown()["boundClaims"], json!({"team": "worst"}));
    app.ok(&["whoami"]);
    let said = root.json(&[&update[..], &["--no-claims", "--end-tokens"]].concat());
    assert_eq!((&said["identityOidcAuth"]["boundClaims"], &said["message"]), (&json!({}), &Value::Null));
    app.fails_with(&["whoami"], &["not authenticated"]);
    app.ok(&login);
    app.ok(&["whoami"]);

    root.fails_as(2, &["identities", "oidc-auth", "detach", &id], &["cannot be undone", "--yes"]);
    root.quiet(&["identities", "oidc-auth", "detach", &id, "--yes"]);
    app.fails_with(&["whoami"], &["not authenticated"]);
    app.fails_with(&login, &["not configured for OIDC auth"]);
    root.fails_with(&["identities", "oidc-auth", "detach", &id, "--yes"], &["not found"]);
}

#[test]
fn an_identity_gets_and_loses_its_role_in_a_project() {
    let server = server();
    let (root, alice, app) = (root(&server), Cli::alice(&server), Cli::bare(&server, "app").knowing(&server));
    let id = created(&root, "no-access");
    let client_id = root.ok(&["identities", "universal-auth", "attach", &id]).trim_end().to_owned();
    let secret = root.ok(&["identities", "client-secrets", "create", &id]);
    app.pipe(&["login", "--client-id", &client_id, "--client-secret-file", "-"], secret.as_bytes());
    root.pipe(&["access-rights", "definitions", "put", "projects", "apollo"], b"{}");

    let list = ["identities", "memberships", "list", "--project", "apollo"];
    let [show, remove] = ["show", "remove"].map(|word| ["identities", "memberships", word, &id, "--project", "apollo"]);
    let put = |role: &'static str| ["identities", "memberships", "put", &id, "--project", "apollo", "--role", role];
    assert_eq!(root.ok(&list), "");
    root.fails_with(&show, &["not found"]);
    root.fails_with(&put("owner"), &["there are developer"]);
    alice.fails_with(&put("developer"), &["not permitted"]);
    alice.fails_with(&list, &["not permitted"]);
    app.fails_with(&["sym", "keys", "create", "--project", "apollo"], &["not permitted"]);
    // Repeating it does not add a second role.
    root.quiet(&put("developer"));
    root.quiet(&put("developer"));
    assert_eq!(root.rows(&list), [format!("{id} | app | developer")]);
    assert_eq!(root.rows(&show), root.rows(&list));
    let listed = root.json(&list);
    assert_eq!((&listed["totalCount"], listed["identityMemberships"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(root.json(&show)["identityMembership"], listed["identityMemberships"][0]);
    app.create(&["--project", "apollo"]);
    root.quiet(&remove);
    assert_eq!(root.ok(&list), "");
    app.fails_with(&["sym", "keys", "create", "--project", "apollo"], &["not permitted"]);
    root.fails_with(&remove, &["has no role in this project"]);
    root.fails_with(&["identities", "memberships", "list", "--project", "gemini"], &["not found"]);
}

/// jwt-auth has the options that it shares with oidc-auth, with the same required ones.
#[test]
fn what_attach_must_have_is_asked_for() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let root = root(&server);
    let id = created(&root, "member");
    root.write("key.pem", pem(&key).as_bytes());
    let all = ["--public-key", "key.pem", "--bound-issuer", ISSUER, "--audience", AUDIENCE];
    for left_out in 0..3 {
        let given: Vec<&str> =
            all.chunks(2).enumerate().filter(|(own, _)| *own != left_out).flat_map(|(_, two)| two).copied().collect();
        misunderstood(&root, &[&["identities", "attach", &id][..], &given].concat());
    }
    root.quiet(&[&["identities", "attach", &id][..], &all].concat());
    let shown = root.json(&["identities", "show", &id])["identityJwtAuth"].clone();
    assert_eq!((&shown["boundSubject"], &shown["boundClaims"]), (&json!(""), &json!({})));
    misunderstood(&root, &["identities", "update", &id]);
    // The help explains each term to a new user, with an example.
    for (command, what) in [
        (&["attach"][..], "Let an identity log in by JWTs that an issuer signs"),
        (&["oidc-auth"], "Let an identity log in by JWTs of an OpenID Connect provider"),
        (&["universal-auth"], "Let an identity log in by a client id and a client secret"),
        (&["universal-auth", "attach"], "Let an identity log in by a client id and client secrets"),
        (&["memberships"], "Manage the roles of identities in projects"),
    ] {
        let help = root.ok(&[&["identities"][..], command, &["--help"]].concat());
        assert!(help.starts_with(what) && help.contains("Example:\n"), "{help}");
    }
}
