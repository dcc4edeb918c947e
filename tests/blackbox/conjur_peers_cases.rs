//! Cases of Conjur's own test scenarios that are not in its document: see tests/peers.md.

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::conjur::{
    AUDIENCE, ISSUER, WEB, authenticate, authenticate_at, configured, define, encoded, host, jwt, server, variables,
};
use crate::harness::jwt::{but, claims, key_set, now};
use crate::harness::{Authority, Jwks, Server, SigningKey, eventually};

fn status(server: &Server, jwt: &str) -> u16 {
    authenticate(server, jwt).status
}

/// The code of the last refusal.
fn code(server: &Server) -> String {
    let log = server.log();
    let line = log.lines().rfind(|line| line.contains("authentication failed")).unwrap_or_default();
    line.split(['"', ' ', '=']).find(|word| word.starts_with("CONJ")).unwrap_or_default().to_owned()
}

#[test]
fn names_in_enforced_claims_and_aliases_are_checked_when_they_are_written() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    for (variable, value, told) in [
        ("enforced-claims", "iss", "CONJ00105E"),
        ("enforced-claims", "ref, exp", "CONJ00105E"),
        ("enforced-claims", "%@^#[{]}$", "CONJ00104E"),
        ("enforced-claims", "a b", "CONJ00104E"),
        ("enforced-claims", " ", "CONJ00037E"),
        ("claim-aliases", "branch:exp", "CONJ00105E"),
        ("claim-aliases", "exp:sub", "CONJ00105E"),
        ("claim-aliases", "branch:ref, branch:sub", "CONJ00113E"),
        ("claim-aliases", "branch:sub, job:sub", "CONJ00113E"),
        ("claim-aliases", "branch", "CONJ00113E"),
        ("claim-aliases", "aaa: %@^#", "CONJ00104E"),
        ("claim-aliases", "claim/claim:valid", "CONJ00104E"),
        ("claim-aliases", "", "CONJ00037E"),
    ] {
        let refused =
            root.define("authenticators", &encoded("acme/gitlab"), &variables(&key, &json!({variable: value})));
        assert_eq!(refused.status, 422, "{variable} {value}");
        assert!(refused.detail().contains(told) && refused.detail().contains(variable), "{}", refused.detail());
    }
    assert_eq!(root.send("GET", "/authn-jwt/gitlab/acme/status", None).status, 404, "nothing is kept of it");
    // Permitted characters. The name of a claim is first compared as a whole, and then read as a path.
    let special =
        json!({"claim-aliases": "claim_ant:claim.ant..., _:claim_name", "enforced-claims": "claim.name, claim.ant..."});
    configured(&server, &key, &special);
    let annotations = json!({
        "authn-jwt/gitlab/claim.name": "claim.name.value", "authn-jwt/gitlab/claim_ant": "claim.ant...value",
        "authn-jwt/gitlab/_": "claim_name_value",
    });
    define(&mut root, "hosts", "apps/web", &host(&annotations));
    let own = json!({"claim.name": "claim.name.value", "claim.ant...": "claim.ant...value", "claim_name": "claim_name_value"});
    assert_eq!(status(&server, &jwt(&key, &own)), 200);
    assert_eq!(status(&server, &jwt(&key, &but(own, &json!({"claim_name": "x"})))), 401);
}

#[test]
fn aliases_and_enforced_claims_hold_for_hosts_that_were_there_before() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let with =
        |root: &mut Caller, changes: &Value| define(root, "authenticators", "acme/gitlab", &variables(&key, changes));
    let restricted = |root: &mut Caller, claim: &str| {
        define(root, "hosts", "apps/web", &host(&json!({format!("authn-jwt/gitlab/{claim}"): "valid"})));
    };
    let token = jwt(&key, &json!({"ref": "valid", "google": {"claim": "valid"}}));
    with(&mut root, &json!({}));
    restricted(&mut root, "ref");
    assert_eq!(status(&server, &token), 200);
    // The claim now has an alias, and can be restricted only by it.
    with(&mut root, &json!({"claim-aliases": "branch:ref"}));
    assert_eq!((status(&server, &token), code(&server).as_str()), (401, "CONJ00069E"));
    restricted(&mut root, "branch");
    assert_eq!(status(&server, &token), 200);
    // The claim itself is enforced, by any name. A claim that the JWT lacks is missing.
    with(&mut root, &json!({"claim-aliases": "branch:ref", "enforced-claims": "ref"}));
    assert_eq!(status(&server, &token), 200);
    let lacking = jwt(&key, &json!({}));
    assert_eq!((status(&server, &lacking), code(&server).as_str()), (401, "CONJ00084E"));
    with(&mut root, &json!({"claim-aliases": "branch:ref", "enforced-claims": "ref,sub"}));
    assert_eq!((status(&server, &token), code(&server).as_str()), (401, "CONJ00057E"));
    // With another alias, the old name is a claim that no JWT has.
    with(&mut root, &json!({"claim-aliases": "job:ref"}));
    assert_eq!((status(&server, &token), code(&server).as_str()), (401, "CONJ00084E"));
    restricted(&mut root, "job");
    assert_eq!(status(&server, &token), 200);
    // An alias of a claim that the host does not restrict has no effect. An alias with the name of a real claim is not
    // that claim.
    with(&mut root, &json!({"claim-aliases": "other:thing"}));
    restricted(&mut root, "ref");
    assert_eq!(status(&server, &token), 200);
    with(&mut root, &json!({"claim-aliases": "sub:ref"}));
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/gitlab/sub": "someone"})));
    assert_eq!((status(&server, &token), code(&server).as_str()), (401, "CONJ00049E"));
    // Nested.
    for (enforced, expected) in [(Value::Null, 200), (json!("google/claim"), 200), (json!("google/other"), 401)] {
        with(&mut root, &but(json!({"claim-aliases": "claim:google/claim"}), &json!({"enforced-claims": enforced})));
        restricted(&mut root, "claim");
        assert_eq!(status(&server, &token), expected, "{enforced}");
    }
    let wrong = jwt(&key, &json!({"google": {"claim": "other"}}));
    with(&mut root, &json!({"claim-aliases": "claim:google/claim"}));
    assert_eq!((status(&server, &wrong), code(&server).as_str()), (401, "CONJ00049E"));
}

#[test]
fn hosts_that_restrict_nothing_useful_are_refused() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let mut root = Caller::certificate(&server, "root");
    for annotations in [
        json!({"authn-jwt/gitlab/custom": ""}),
        json!({"authn-jwt/gitlab": "x", "authn-jwt/gitlab/project": "web"}),
        json!({"authn-jwt": "x", "authn-jwt/gitlab/project": "web"}),
        json!({"authn-jwt/gitlab/iat": "x"}),
    ] {
        assert_eq!(root.define("hosts", &encoded("apps/web"), &host(&annotations)).status, 422, "{annotations}");
    }
    // One of several audiences is enough.
    assert_eq!(status(&server, &jwt(&key, &json!({"aud": ["x", AUDIENCE]}))), 200);
    // One right and one wrong claim; several wrong ones; also restrictions of another service.
    for (annotations, expected) in [
        (json!({"authn-jwt/gitlab/project": "web", "authn-jwt/other/ref": "no"}), 200),
        (json!({"authn-jwt/gitlab/project": "web", "authn-jwt/gitlab/ref": "no"}), 401),
        (json!({"authn-jwt/gitlab/project": "no", "authn-jwt/gitlab/ref": "no"}), 401),
        (json!({"authn-jwt/gitlab/none": "x"}), 401),
        (json!({"authn-jwt/gitlab2/project": "web"}), 401),
        (json!({}), 401),
    ] {
        define(&mut root, "hosts", "apps/web", &host(&annotations));
        assert_eq!(status(&server, &jwt(&key, &json!({"ref": "main"}))), expected, "{annotations}");
    }
}

#[test]
fn keys_come_by_the_word_of_the_authenticators_own_authority() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let (own, other) = (Authority::new("Issuer's authority"), Authority::new("Another authority"));
    let jwks = Jwks::start(&own, &key_set(&[key.jwk()]));
    let pem = |authority: &Authority| String::from_utf8(authority.pem()).unwrap();
    let bundle = pem(&other) + &pem(&own);
    let mut root = Caller::certificate(&server, "root");
    let mut is_known = |ca: Value, expected: u16| {
        configured(&server, &key, &json!({"public-keys": null, "jwks-uri": jwks.uri(), "ca-cert": ca}));
        let told = root.send("GET", "/authn-jwt/gitlab/acme/status", None);
        assert_eq!(told.status, if expected == 200 { 200 } else { 500 }, "{}", told.json());
        assert_eq!(status(&server, &jwt(&key, &json!({}))), expected);
    };
    is_known(Value::Null, 401);
    assert_eq!(code(&server), "CONJ00087E");
    is_known(json!(pem(&own)), 200);
    is_known(json!(bundle), 200);
    is_known(json!(pem(&other)), 401);
}

#[test]
fn where_keys_come_from_may_change() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let provider = Jwks::start(&server.place.authority, &json!({}));
    let origin = provider.uri().split('/').take(3).collect::<Vec<_>>().join("/");
    provider.answer(&json!({"issuer": origin, "jwks_uri": jwks.uri()}));
    let token = jwt(&key, &json!({"iss": origin}));
    let from = |changes: Value| {
        configured(&server, &key, &but(json!({"public-keys": null, "issuer": origin}), &changes));
        status(&server, &token)
    };
    assert_eq!(from(json!({"jwks-uri": "https://127.0.0.1:9/"})), 401);
    assert_eq!(from(json!({"jwks-uri": jwks.uri()})), 200);
    assert_eq!(from(json!({"provider-uri": "https://127.0.0.1:9"})), 401);
    assert_eq!(code(&server), "CONJ00087E");
    assert_eq!(from(json!({"provider-uri": origin})), 200);
    assert_eq!(from(json!({"jwks-uri": jwks.uri()})), 200);
}

#[test]
fn paths_without_a_service_are_none_and_slashes_may_be_encoded() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let token = jwt(&key, &json!({}));
    let at = |path: &str| authenticate_at(&server.nobody(), path, &[], &token).status;
    assert_eq!((at(WEB), at("/authn-jwt/gitlab/acme/host%2fapps%2fweb/authenticate")), (200, 200));
    for (path, expected) in [
        ("/authn-jwt/acme/authenticate", 501),
        ("/authn-jwt/authenticate", 501),
        ("/authn-jwt//acme/authenticate", 501),
        ("/authn-jwt/gitlab/acme/host/apps/web/authenticate", 501),
        ("/authn-jwt/gitlab/acme/host%2Fapps%252Fweb/authenticate", 401),
        ("/authn-jwt/gitlab/acme/host%2Fapps%2F%2E%2E%2Fapps%2Fweb/authenticate", 401),
        ("/authn-jwt/gitlab%2F/acme/host%2Fapps%2Fweb/authenticate", 401),
        ("/authn-jwt/GitLab/acme/host%2Fapps%2Fweb/authenticate", 401),
        ("/authn-jwt/gitlab/acme/host%2Fapps%2Fweb%00/authenticate", 401),
    ] {
        assert_eq!(at(path), expected, "{path}");
    }
}

#[test]
fn a_401_is_the_same_whatever_its_cause() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let elsewhere = "/authn-jwt/none/acme/host%2Fapps%2Fweb/authenticate";
    let nobody = "/authn-jwt/gitlab/acme/host%2Fnone/authenticate";
    let answers: Vec<_> = [
        (WEB, "x".to_owned()),
        (WEB, jwt(&key, &json!({"exp": now() - 3600}))),
        (WEB, jwt(&SigningKey::rsa("one"), &json!({}))),
        (WEB, jwt(&key, &json!({"project": "other"}))),
        (elsewhere, jwt(&key, &json!({}))),
        (nobody, jwt(&key, &json!({}))),
        ("/authn-jwt/gitlab/acme/authenticate", jwt(&key, &json!({}))),
    ]
    .iter()
    .map(|(path, token)| authenticate_at(&server.nobody(), path, &[], token))
    .collect();
    let shape = |answer: &crate::harness::Answer| {
        let kept = |(name, _): &&(String, String)| !["date", "x-request-id"].contains(&name.to_lowercase().as_str());
        let headers: Vec<_> = answer.headers.iter().filter(kept).cloned().collect();
        (answer.status, answer.body.clone(), headers)
    };
    let first = shape(&answers[0]);
    assert_eq!((first.0, first.1.len()), (401, 0));
    assert!(answers.iter().all(|answer| shape(answer) == first), "{answers:?}");
}

#[test]
fn each_code_is_in_the_log_and_in_the_audit_log() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "hosts", "apps/free", &host(&json!({})));
    let down = json!({"public-keys": null, "jwks-uri": "https://127.0.0.1:9/"});
    define(&mut root, "authenticators", "acme/down", &variables(&key, &down));
    let free = "/authn-jwt/gitlab/acme/host%2Fapps%2Ffree/authenticate";
    let unreachable = "/authn-jwt/down/acme/host%2Fapps%2Fweb/authenticate";
    let no_project = key.token("RS256", &claims(ISSUER, AUDIENCE, "x"));
    for (expected, path, token) in [
        ("CONJ00016E", WEB, jwt(&key, &json!({"exp": now() - 3600}))),
        ("CONJ00035E", WEB, "x".to_owned()),
        ("CONJ00049E", WEB, jwt(&key, &json!({"project": "other"}))),
        ("CONJ00057E", free, jwt(&key, &json!({}))),
        ("CONJ00077E", WEB, String::new()),
        ("CONJ00084E", WEB, no_project),
        ("CONJ00087E", unreachable, jwt(&key, &json!({}))),
        ("CONJ00091E", WEB, jwt(&key, &json!({"exp": null}))),
        ("CONJ00005E", "/authn-jwt/none/acme/host%2Fx/authenticate", jwt(&key, &json!({}))),
        ("CONJ00007E", "/authn-jwt/gitlab/acme/host%2Fx/authenticate", jwt(&key, &json!({}))),
    ] {
        assert!(authenticate_at(&server.nobody(), path, &[], &token).status >= 400);
        assert_eq!(code(&server), expected);
        // It is summed up by the second.
        eventually("the audit log has it", || {
            let trail = std::fs::read_to_string(server.place.audit_file()).unwrap();
            trail.contains(expected).then_some(())
        });
    }
}

#[test]
fn an_authenticator_that_was_edited_in_the_database_vouches_for_nobody() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let other = "https://other.example/";
    let (place, options) = (std::sync::Arc::clone(&server.place), server.options.clone());
    drop(server);
    let database = Database::open(place.database()).unwrap();
    let edited = format!(
        "UPDATE policy_entry SET document = replace(document, '{ISSUER}', '{other}') WHERE name = 'acme/gitlab'"
    );
    assert_eq!(database.execute(&edited, []).unwrap(), 1);
    drop(database);
    let server = Server::start_at(place, &options);
    for issuer in [ISSUER, other] {
        assert_eq!(status(&server, &jwt(&key, &json!({"iss": issuer}))), 401, "{issuer}");
    }
    assert_eq!(server.log().matches("ROW REFUSED").count(), 1);
    assert_eq!(Caller::certificate(&server, "root").send("GET", "/authn-jwt/gitlab/acme/status", None).status, 404);
}
