//! The promises of Hanzo's document for identities that log in by JWTs, tested with the requests of Infisical's
//! clients.

use std::sync::Arc;

use serde_json::json;

use crate::harness::caller::{Caller, project, succeeded};
use crate::harness::hanzo::{
    AUDIENCE, ISSUER, RENEW, identity, jwt, known, login, options, path, pem, place, server, token, trusting,
    try_login, whoami,
};
use crate::harness::jwt::{but, claims, key_set};
use crate::harness::{Jwks, Server, SigningKey, clock, eventually, kmip};

#[test]
fn an_identity_is_made_read_changed_and_removed_by_those_who_administer() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let body = json!({"name": "deployer", "organizationId": "org", "role": "no-access", "metadata": [{"key": "k", "value": "v"}]});
    let made = root.done("/api/v1/identities", &body);
    let own = &made["identity"];
    let id = own["id"].as_str().unwrap();
    assert_eq!((id.len(), &own["name"], &own["role"]), (36, &json!("deployer"), &json!("no-access")));
    assert_eq!((&own["organizationId"], &own["metadata"]), (&json!("org"), &json!([{"key": "k", "value": "v"}])));
    assert!(own["createdAt"].as_str().unwrap().ends_with('Z'));
    let at = format!("/api/v1/identities/{id}");
    assert_eq!(root.get(&at), made);
    assert_eq!(root.get("/api/v1/identities")["identities"], json!([own]));
    let changed = root.send("PATCH", &at, Some(&json!({"role": "member"}))).json();
    assert_eq!((&changed["identity"]["role"], &changed["identity"]["name"]), (&json!("member"), &json!("deployer")));
    for (body, told) in [
        (json!({"role": "member"}), "name"),
        (json!({"name": " "}), "name has 1 to 255 bytes"),
        (json!({"name": "x", "role": "owner"}), "expected one of `admin`, `member`, `no-access`"),
        (json!({"name": "x", "expiresAt": "2030"}), "expiresAt"),
        (json!([]), "the body must be a JSON object"),
    ] {
        let refused = root.post("/api/v1/identities", &body);
        let problem = refused.json();
        assert_eq!((refused.status, &problem["error"]), (422, &json!("ValidationFailure")), "{problem}");
        assert_eq!(problem["statusCode"], 422);
        assert!(problem["message"].as_str().unwrap().contains(told) && problem["reqId"].is_string(), "{problem}");
    }
    let mut alice = Caller::certificate(&server, "alice");
    for (method, path, body) in [
        ("POST", "/api/v1/identities", Some(&body)),
        ("GET", &at, None),
        ("DELETE", &at, None),
        ("GET", "/api/v1/identities", None),
    ] {
        assert_eq!(alice.send(method, path, body).status, 403, "{method} {path}");
    }
    assert_eq!(root.send("DELETE", &at, None).status, 200);
    assert_eq!(root.send("GET", &at, None).status, 404);
    assert_eq!(root.send("DELETE", &at, None).status, 404);
    let server = server.restart();
    assert_eq!(Caller::certificate(&server, "root").get("/api/v1/identities")["totalCount"], 0);
}

#[test]
fn jwt_auth_is_attached_changed_read_and_removed() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "member");
    let at = path(&id);
    assert_eq!(root.send("GET", &at, None).status, 404);
    let made = root.done(&at, &trusting(&key, &json!({"boundClaims": {"org.team": "a, b*"}})));
    let own = &made["identityJwtAuth"];
    for (member, value) in [
        ("identityId", json!(id)),
        ("configurationType", json!("static")),
        ("publicKeys", json!([pem(&key)])),
        ("boundIssuer", json!(ISSUER)),
        ("boundAudiences", json!(AUDIENCE)),
        ("boundSubject", json!("app")),
        ("boundClaims", json!({"org.team": "a, b*"})),
        ("accessTokenTTL", json!(2_592_000)),
        ("accessTokenMaxTTL", json!(2_592_000)),
        ("accessTokenNumUsesLimit", json!(0)),
        ("accessTokenTrustedIps", json!([{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}])),
        ("jwksUrl", json!("")),
        ("jwksCaCert", json!("")),
    ] {
        assert_eq!(own[member], value, "{member}");
    }
    assert_eq!(root.get(&at), made);
    assert_eq!(root.post(&at, &trusting(&key, &json!({}))).status, 400, "it is attached already");
    let changed = root.send(
        "PATCH",
        &at,
        Some(&json!({"accessTokenTTL": 60, "accessTokenTrustedIps": [{"ipAddress": "10.0.0.1"}]})),
    );
    let changed = succeeded(&changed, &json!("PATCH"));
    assert_eq!(changed["identityJwtAuth"]["accessTokenTTL"], 60);
    assert_eq!(changed["identityJwtAuth"]["accessTokenTrustedIps"], json!([{"ipAddress": "10.0.0.1/32"}]));
    assert_eq!(changed["identityJwtAuth"]["id"], own["id"]);
    assert_eq!(root.send("DELETE", &at, None).json()["identityJwtAuth"]["id"], own["id"]);
    assert_eq!(root.send("GET", &at, None).status, 404);
    assert_eq!(root.send("PATCH", &at, Some(&json!({}))).status, 404);
    assert_eq!(Caller::certificate(&server, "alice").post(&at, &trusting(&key, &json!({}))).status, 403);
}

#[test]
fn what_is_wrong_with_a_configuration_is_told() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "member");
    for (changes, status, told) in [
        (json!({"accessTokenTTL": 100, "accessTokenMaxTTL": 99}), 400, "accessTokenTTL cannot be greater"),
        (json!({"accessTokenTTL": -1}), 422, "accessTokenTTL: -1"),
        (json!({"accessTokenMaxTTL": 315_360_001}), 422, "accessTokenMaxTTL: 315360001"),
        (json!({"accessTokenNumUsesLimit": -1}), 422, "accessTokenNumUsesLimit: -1"),
        (json!({"accessTokenTrustedIps": [{"ipAddress": "10.0.0.1/8"}]}), 422, "10.0.0.1/8"),
        (json!({"accessTokenTrustedIps": []}), 422, "accessTokenTrustedIps"),
        (json!({"publicKeys": ["-----BEGIN PUBLIC KEY-----"]}), 422, "publicKeys"),
        (json!({"publicKeys": []}), 422, "publicKeys"),
        (json!({"publicKeys": [pem(&key), "x"]}), 422, "publicKeys: key 2 "),
        (json!({"boundSubject": "*a".repeat(400)}), 422, "boundSubject: a pattern has at most 512"),
        (json!({"boundClaims": {"c": "{x,".repeat(9) + &"}".repeat(9)}}), 422, "boundClaims: a pattern has at most 8"),
        (json!({"configurationType": "jwks"}), 422, "jwksUrl"),
        (json!({"configurationType": "jwks", "jwksUrl": "http://a.example/"}), 422, "jwksUrl"),
        (json!({"jwksCaCert": "x"}), 422, "jwksCaCert"),
        (json!({"configurationType": "dynamic"}), 422, "dynamic"),
        (json!({"configurationType": null}), 422, "configurationType"),
        // Otherwise JWTs for other services would be accepted (CVE-2024-5798).
        (json!({"boundAudiences": ""}), 422, "boundAudiences"),
        (json!({"boundAudiences": " , "}), 422, "boundAudiences"),
        (json!({"boundClaims": {"a": ""}}), 422, "boundClaims"),
        (json!({"boundSubject": "x".repeat(5000)}), 422, "4096"),
    ] {
        let refused = root.post(&path(&id), &trusting(&key, &changes));
        let problem = refused.json();
        assert_eq!(refused.status, status, "{changes} {problem}");
        assert!(problem["message"].as_str().unwrap().contains(told), "{changes} {problem}");
    }
    assert_eq!(root.send("GET", &path(&id), None).status, 404, "nothing is kept of it");
}

#[test]
fn a_login_gives_an_access_token_that_is_used_as_bearer() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let given = succeeded(&try_login(&server, &id, &jwt(&key, &json!({}))), &json!("login"));
    assert_eq!(
        (&given["expiresIn"], &given["accessTokenMaxTTL"], &given["tokenType"]),
        (&json!(2_592_000), &json!(2_592_000), &json!("Bearer"))
    );
    let token = token(&given);
    let mut app = Caller::bearer(&server, &token);
    assert_eq!(app.get("/whoami"), json!({"username": format!("identity:{id}"), "method": "access-token"}));
    let key_id = app.key("own", &[]);
    app.ok(&kmip::encrypt(&key_id, b"data"));
    assert_eq!(Caller::certificate(&server, "alice").kmip(&kmip::encrypt(&key_id, b"data")).status, 404);
    for (what, hidden) in
        [("token", token.split('.').next_back().unwrap()), ("JWT", jwt(&key, &json!({})).split('.').next().unwrap())]
    {
        assert!(!server.log().contains(hidden), "the {what} is in the log");
        let trail = std::fs::read_to_string(server.place.audit_file()).unwrap();
        assert!(!trail.contains(hidden), "the {what} is in the audit log");
    }
}

/// The required claims, and the status of each refusal.
#[test]
fn subject_audiences_and_claims_are_globs_and_the_issuer_is_not() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let bound = json!({
        "boundSubject": "repo:acme/*:ref",
        "boundAudiences": "first, second-?",
        "boundClaims": {"groups": "dev,ops", "org.team": "pay*", "n": "0", "b": "false", "e": "**"},
    });
    let id = known(&server, &key, &bound);
    let good = json!({
        "sub": "repo:acme/web:ref", "aud": "second-1",
        "groups": ["x", "ops"], "org": {"team": "payments"}, "n": 0, "b": false, "e": "",
    });
    for (changes, expected) in [
        (json!({}), 200),
        (json!({"aud": "first"}), 200),
        (json!({"aud": ["x", "second-2"]}), 200),
        (json!({"org": null, "org.team": "pay"}), 200),
        (json!({"groups": "dev"}), 200),
        (json!({"iss": "https://issuer.example"}), 403),
        (json!({"iss": "https://*"}), 403),
        (json!({"iss": null}), 403),
        (json!({"sub": "repo:other/web:ref"}), 403),
        (json!({"sub": null}), 401),
        (json!({"sub": ["repo:acme/web:ref"]}), 401),
        (json!({"aud": "second-12"}), 401),
        (json!({"aud": null}), 401),
        (json!({"aud": []}), 401),
        (json!({"aud": [["first"]]}), 401),
        (json!({"groups": []}), 401),
        (json!({"groups": ["devs"]}), 401),
        (json!({"groups": null}), 401),
        (json!({"org": {"team": "Payments"}}), 401),
        (json!({"org": {}}), 401),
        (json!({"n": null}), 401),
        (json!({"n": 1}), 401),
        (json!({"b": true}), 401),
        (json!({"exp": null}), 401),
        (json!({"exp": 1}), 401),
        (json!({"nbf": 9_999_999_999_i64}), 401),
    ] {
        let token = key.token("RS256", &but(but(claims(ISSUER, "", ""), &good), &changes));
        let answer = try_login(&server, &id, &token);
        assert_eq!(answer.status, expected, "{changes} {}", answer.json());
    }
    let log = server.log();
    assert!(log.contains("method=\"jwt-auth\""), "{log}");
}

#[test]
fn globs_have_braces_and_classes() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let bound = json!({
        "boundSubject": "repo:{acme,globex}/**:ref",
        "boundAudiences": "svc-[ab], {first,second}-?",
        "boundClaims": {"groups": "team-{dev,ops}, [x", "env": "[!p]*"},
    });
    let id = known(&server, &key, &bound);
    let good = json!({"sub": "repo:globex/a/b:ref", "aud": "svc-b", "groups": "team-ops", "env": "dev/1"});
    for (changes, expected) in [
        (json!({}), 200),
        (json!({"sub": "repo:acme/web:ref"}), 200),
        (json!({"aud": "second-1"}), 200),
        (json!({"groups": "[x"}), 200),
        (json!({"sub": "repo:other/web:ref"}), 403),
        (json!({"sub": "repo:acme,globex/web:ref"}), 403),
        (json!({"aud": "svc-c"}), 401),
        (json!({"aud": "{first"}), 401),
        (json!({"groups": "team-{dev"}), 401),
        (json!({"groups": "ops}"}), 401),
        (json!({"env": "prod"}), 401),
    ] {
        let token = key.token("RS256", &but(but(claims(ISSUER, "", ""), &good), &changes));
        assert_eq!(try_login(&server, &id, &token).status, expected, "{changes}");
    }
}

#[test]
fn oidc_auth_has_its_keys_where_the_provider_says() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let provider = Jwks::start(&server.place.authority, &json!({}));
    let origin = provider.uri().split('/').take(3).collect::<Vec<_>>().join("/");
    provider.answer(&json!({"issuer": origin, "jwks_uri": jwks.uri()}));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "member");
    let at = format!("/api/v1/auth/oidc-auth/identities/{id}");
    let own = json!({
        "oidcDiscoveryUrl": origin, "boundIssuer": origin, "boundAudiences": AUDIENCE, "boundSubject": "app",
        "boundClaims": {"team": "{a,b}"}, "accessTokenTTL": 60,
    });
    for (changes, told) in [
        (json!({"oidcDiscoveryUrl": "http://a.example"}), "oidcDiscoveryUrl: keys are fetched over https"),
        (json!({"oidcDiscoveryUrl": null}), "oidcDiscoveryUrl"),
        (json!({"boundIssuer": ""}), "boundIssuer"),
        (json!({"boundAudiences": ""}), "boundAudiences"),
        (json!({"caCert": "x"}), "caCert"),
        (json!({"accessTokenNumUsesLimit": -1}), "accessTokenNumUsesLimit"),
    ] {
        let refused = root.post(&at, &but(own.clone(), &changes));
        assert_eq!(refused.status, 422, "{changes}");
        assert!(refused.json()["message"].as_str().unwrap().contains(told), "{changes} {}", refused.json());
    }
    let (oidc_login, body) =
        ("/api/v1/auth/oidc-auth/login", |jwt: &str| json!({"identityId": id, "jwt": jwt, "organizationSlug": "org"}));
    let signed = |changes: &serde_json::Value| {
        let own = but(claims(&origin, AUDIENCE, "app"), &json!({"team": "b"}));
        body(&key.token("RS256", &but(own, changes)))
    };
    assert_eq!(server.nobody().post(oidc_login, &signed(&json!({}))).status, 404, "not attached yet");
    let made = root.done(&at, &own);
    let shown = &made["identityOidcAuth"];
    for (member, value) in [
        ("identityId", json!(id)),
        ("oidcDiscoveryUrl", json!(origin)),
        ("boundIssuer", json!(origin)),
        ("caCert", json!("")),
        ("accessTokenTTL", json!(60)),
        ("accessTokenMaxTTL", json!(2_592_000)),
        ("boundClaims", json!({"team": "{a,b}"})),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    assert_eq!(root.get(&at), made);
    assert_eq!(root.get(&format!("/api/v1/identities/{id}"))["identity"]["authMethods"], json!(["oidc-auth"]));
    assert_eq!(root.post(&at, &own).status, 400, "it is attached already");
    assert_eq!(Caller::certificate(&server, "alice").post(&at, &own).status, 403);
    let given = succeeded(&server.nobody().post(oidc_login, &signed(&json!({}))), &json!("login"));
    assert_eq!((&given["expiresIn"], &given["tokenType"]), (&json!(60), &json!("Bearer")));
    assert_eq!(whoami(&server, &token(&given)), Ok(format!("identity:{id}")));
    for (changes, status) in [
        (json!({"iss": ISSUER}), 403),
        (json!({"sub": "x"}), 403),
        (json!({"team": "c"}), 401),
        (json!({"aud": "x"}), 401),
        (json!({"exp": 1}), 401),
    ] {
        assert_eq!(server.nobody().post(oidc_login, &signed(&changes)).status, status, "{changes}");
    }
    let other = SigningKey::rsa("one").token("RS256", &claims(&origin, AUDIENCE, "app"));
    assert_eq!(server.nobody().post(oidc_login, &body(&other)).status, 401);
    // It is another login than JWT auth, and its access tokens end when it is removed.
    assert_eq!(server.nobody().post("/api/v1/auth/jwt-auth/login", &signed(&json!({}))).status, 404);
    assert_eq!(root.send("PATCH", &at, Some(&json!({"boundSubject": "x"}))).status, 200);
    assert!(whoami(&server, &token(&given)).is_ok());
    assert_eq!(root.send("DELETE", &at, None).status, 200);
    assert_eq!(whoami(&server, &token(&given)), Err(401));
    assert_eq!(root.send("GET", &at, None).status, 404);
}

#[test]
fn any_of_several_static_keys_will_do() {
    let (server, other) = (server(), SigningKey::rsa("other"));
    let keys = [SigningKey::rsa("one"), SigningKey::p256("two"), SigningKey::p521("three"), other];
    let pems: Vec<String> = keys.iter().take(3).map(pem).collect();
    for list in [json!(pems), json!([pems.concat()])] {
        let id = known(&server, &keys[0], &json!({"publicKeys": list}));
        for (key, algorithm, expected) in [(0, "RS256", 200), (1, "ES256", 200), (2, "ES512", 200), (3, "RS256", 401)] {
            let token = keys[key].token(algorithm, &claims(ISSUER, AUDIENCE, "app"));
            assert_eq!(try_login(&server, &id, &token).status, expected, "{key}");
        }
    }
}

#[test]
fn what_is_not_configured_is_not_found() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "member");
    for identity in [id.as_str(), "nobody", "", "../x"] {
        let answer = try_login(&server, identity, &jwt(&key, &json!({})));
        assert_eq!((answer.status, &answer.json()["error"]), (404, &json!("NotFound")), "{identity:?}");
    }
    for (body, told) in [
        (json!({}), "identityId is missing"),
        (json!({"identityId": id}), "jwt is missing"),
        (json!({"identityId": id, "jwt": 1}), "jwt: the value is not of the right kind"),
        (json!({"identityId": id, "jwt": null}), "jwt is missing"),
        (json!([]), "the body must be a JSON object"),
        (json!("x"), "the body must be a JSON object"),
    ] {
        let answer = server.nobody().post("/api/v1/auth/jwt-auth/login", &body);
        assert_eq!(answer.status, 422, "{body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(told), "{body}: {message}");
    }
}

#[test]
fn keys_come_by_a_jwks_url_with_an_authority_of_its_own() {
    let place = place();
    // Another authority than that of --jwks-ca-file, which does not sign this server's certificate.
    let other = crate::harness::Authority::new("Issuer's authority");
    let (first, second) = (SigningKey::rsa("one"), SigningKey::rsa("two"));
    let jwks = Jwks::start(&other, &key_set(&[first.jwk()]));
    let server = Server::start_at(Arc::clone(&place), &clock::moved(&place, options(&[])));
    let by_url =
        |ca: &str| json!({"configurationType": "jwks", "publicKeys": null, "jwksUrl": jwks.uri(), "jwksCaCert": ca});
    let ca = String::from_utf8(other.pem()).unwrap();
    let trusted = known(&server, &first, &by_url(&ca));
    let untrusted = known(&server, &first, &by_url(""));
    login(&server, &trusted, &jwt(&first, &json!({})));
    // Without its authority the server of the keys is not trusted.
    assert_eq!(try_login(&server, &untrusted, &jwt(&first, &json!({}))).status, 401);
    assert_eq!(try_login(&server, &trusted, &jwt(&second, &json!({}))).status, 401);
    jwks.answer(&key_set(&[second.jwk()]));
    clock::advance(&place, 30);
    eventually("the new key is fetched", || {
        (try_login(&server, &trusted, &jwt(&second, &json!({}))).status == 200).then_some(())
    });
    assert_eq!(try_login(&server, &trusted, &jwt(&first, &json!({}))).status, 401, "the old key is gone");
}

#[test]
fn an_identity_has_a_role_in_a_project() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "no-access");
    root.done(&path(&id), &trusting(&key, &json!({})));
    let mut app = Caller::bearer(&server, &login(&server, &id, &jwt(&key, &json!({}))));
    // Without a grant or a role it has no rights.
    assert_eq!(app.kmip(&kmip::create("AES", 256, &[])).status, 403);
    root.done("/api/v2/workspace", &json!({"projectName": "Apollo", "slug": "apollo"}));
    assert_eq!(root.post("/api/v2/workspace", &json!({"projectName": "apollo"})).status, 409);
    let at = format!("/api/v2/workspace/apollo/identity-memberships/{id}");
    let refused = root.post(&at, &json!({"role": "owner"}));
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(refused.status == 422 && message.contains("there are developer"), "{message}");
    assert_eq!(root.post("/api/v2/workspace/apollo/identity-memberships/x", &json!({"role": "developer"})).status, 404);
    assert_eq!(root.post(&at.replace("apollo", "gemini"), &json!({"role": "developer"})).status, 404);
    let given = root.done(&at, &json!({"role": "developer"}));
    for (member, value) in [("identityId", &*id), ("projectId", "apollo"), ("role", "developer")] {
        assert_eq!(given["identityMembership"][member], json!(value));
    }
    let key_id = app.key("shared", &[project("apollo")]);
    app.ok(&kmip::encrypt(&key_id, b"data"));
    assert_eq!(app.kmip(&kmip::create("AES", 256, &[])).status, 403, "outside of it still nothing");
    let members = root.get("/api/v2/workspace/apollo/identity-memberships");
    assert_eq!(members["identityMemberships"], json!([given["identityMembership"]]));
    assert_eq!(root.send("DELETE", &at, None).status, 200);
    // It owns the objects that it made there.
    assert_eq!(app.kmip(&kmip::create("AES", 256, &[project("apollo")])).status, 403);
    assert_eq!(Caller::certificate(&server, "alice").post(&at, &json!({"role": "developer"})).status, 403);
}

#[test]
fn an_admin_identity_administers_and_others_do_not() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "admin");
    root.done(&path(&id), &trusting(&key, &json!({})));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let mut admin = Caller::bearer(&server, &token);
    identity(&mut admin, "member");
    assert_eq!(root.send("PATCH", &format!("/api/v1/identities/{id}"), Some(&json!({"role": "member"}))).status, 200);
    // On the same connection, from the next request on.
    assert_eq!(admin.post("/api/v1/identities", &json!({"name": "x"})).status, 403);
    // The access token has the narrowing of the JWT.
    assert_eq!(root.send("PATCH", &format!("/api/v1/identities/{id}"), Some(&json!({"role": "admin"}))).status, 200);
    let narrow = jwt(&key, &json!({"claviger": {"operations": ["encrypt"]}}));
    let mut narrow = Caller::bearer(&server, &login(&server, &id, &narrow));
    assert_eq!(narrow.post("/api/v1/identities", &json!({"name": "x"})).status, 403);
    assert_eq!(narrow.kmip(&kmip::create("AES", 256, &[])).status, 403);
    let renewed = server.nobody().post(RENEW, &json!({"accessToken": token}));
    assert_eq!(whoami(&server, renewed.json()["accessToken"].as_str().unwrap()), Ok(format!("identity:{id}")));
}
