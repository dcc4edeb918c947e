//! A header or claim that is given twice, or an empty restriction, is refused, because two readers could understand it
//! differently.

use std::fs;

use serde_json::{Value, json};

use crate::harness::caller::{Caller, ISSUER, World};
use crate::harness::hanzo::{both, jwt, known, login, options, place, server, try_login, whoami_at};
use crate::harness::jwt::{compact, encode};
use crate::harness::{Server, SigningKey, kmip};

#[test]
fn a_part_of_the_claim_that_is_null_is_refused() {
    let world = World::new("");
    let status = |claim: &Value| {
        let token = world.issuer.token("alice", claim);
        Caller::bearer(&world.server, &token).send("GET", "/whoami", None).status
    };
    assert_eq!(status(&json!({})), 200);
    for part in ["role", "projects", "operations", "properties"] {
        assert_eq!(status(&json!({ part: null })), 401, "{part}");
        assert_eq!(
            status(&json!({ part: null, "operations": ["encrypt"] })),
            if part == "operations" { 200 } else { 401 }
        );
    }
    for claim in
        [json!({"properties": {"tag": null}}), json!({"properties": {"tag": [null]}}), json!({"projects": [null]})]
    {
        assert_eq!(status(&claim), 401, "{claim}");
    }
    // It cannot be exchanged for an access token either.
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    assert_eq!(try_login(&server, &id, &jwt(&key, &json!({"claviger": {"role": null}}))).status, 401);
    assert_eq!(try_login(&server, &id, &jwt(&key, &json!({"claviger": {}}))).status, 200);
}

#[test]
fn an_access_token_with_two_issuers_is_no_good_beside_a_certificate_either() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    assert_eq!(whoami_at(&mut both(&server, "alice", &token)), Ok(format!("identity:{id}")));
    let parts: Vec<&str> = token.split('.').collect();
    let decode =
        |part: &str| String::from_utf8(data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap();
    let (header, payload) = (decode(parts[0]), decode(parts[1]));
    let inner = payload.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let issuer = serde_json::from_str::<Value>(&payload).unwrap()["iss"].clone();
    for changed in [
        format!("{{\"iss\":{issuer},{inner}}}"),
        format!("{{{inner},\"iss\":{issuer}}}"),
        format!("{{\"iss\":\"{ISSUER}\",{inner}}}"),
        format!("{{{inner},\"iss\":\"{ISSUER}\"}}"),
        format!("{{{inner},\"iss\":1}}"),
        format!("{{{inner},\"\\u0069ss\":null}}"),
        format!("{{\"sub\":\"identity:x\",{inner}}}"),
    ] {
        let forged = compact(header.as_bytes(), changed.as_bytes(), |_| {
            data_encoding::BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap()
        });
        assert_eq!(whoami_at(&mut both(&server, "alice", &forged)), Err(401), "{changed}");
        assert_eq!(whoami_at(&mut Caller::bearer(&server, &forged)), Err(401), "{changed}");
    }
    // With a certificate, a JWT of another issuer is ignored.
    let foreign =
        compact(br#"{"alg":"ES256"}"#, format!("{{\"iss\":\"{ISSUER}\",\"iss\":\"x\"}}").as_bytes(), |_| vec![0; 64]);
    assert_eq!(whoami_at(&mut both(&server, "alice", &foreign)), Ok("alice".to_owned()));
    assert_eq!(whoami_at(&mut both(&server, "alice", &encode(b"x"))), Ok("alice".to_owned()));
}

#[test]
fn two_authorization_headers_are_nobody() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let own = format!("Bearer {token}");
    let whoami = |headers: &[(&str, &str)], certificate: bool| {
        let client = if certificate { server.alice() } else { server.nobody() };
        client.try_request("GET", "/whoami", headers, b"").unwrap().status
    };
    assert_eq!((whoami(&[("Authorization", &own)], false), whoami(&[("Authorization", "Basic x")], true)), (200, 200));
    for (one, other) in
        [(own.as_str(), own.as_str()), (&own, "Bearer x"), ("Bearer x", &own), ("Basic x", "Basic x"), ("", "")]
    {
        let joined = format!("{one}, {other}");
        for certificate in [true, false] {
            let status = whoami(&[("Authorization", one), ("authorization", other)], certificate);
            assert_eq!(status, 401, "{one} {other} {certificate}");
            if other.starts_with("Bearer") {
                assert_eq!(whoami(&[("Authorization", &joined)], certificate), 401, "{joined} {certificate}");
            }
        }
    }
    // A certificate is still enough with a header of another scheme, with or without commas.
    assert_eq!(whoami(&[("Authorization", "Digest username=\"a\", realm=\"b\"")], true), 200);
}

/// With `--force-default-username` every caller is the default user, whatever rights the identity of the access token
/// has.
#[test]
fn exchanged_identities_are_forced_to_the_default_user_too() {
    let place = place();
    let file = place.path("policy.toml");
    let policy = fs::read_to_string(&file).unwrap().replace("\"root\"", "\"team\"");
    fs::write(&file, policy).unwrap();
    let server = Server::start_at(place, &options(&["--force-default-username", "--default-username=team"]));
    let key = SigningKey::rsa("one");
    // Every caller with a certificate is `team`, the administrator.
    let mut root = Caller::certificate(&server, "root");
    assert_eq!(whoami_at(&mut root), Ok("team".to_owned()));
    let of = |root: &mut Caller, role: &str| {
        let id = crate::harness::hanzo::identity(root, role);
        root.done(&crate::harness::hanzo::path(&id), &crate::harness::hanzo::trusting(&key, &json!({})));
        Caller::bearer(&server, &login(&server, &id, &jwt(&key, &json!({}))))
    };
    let made = root.key("made-by-certificate", &[]);
    for role in ["no-access", "member", "admin"] {
        let mut caller = of(&mut root, role);
        assert_eq!(whoami_at(&mut caller), Ok("team".to_owned()), "{role}");
        caller.ok(&kmip::encrypt(&made, b"x"));
        let own = caller.key(&format!("made-by-{role}"), &[]);
        root.ok(&kmip::encrypt(&own, b"x"));
        assert_eq!(caller.get("/access/create")["has_create_permission"], json!(true), "{role}");
        // A rule that names this user applies to every caller with a certificate, and to no caller with an access
        // token.
        assert_eq!(caller.send("GET", "/access/definitions/roles", None).status, 403, "{role}");
        assert_eq!(caller.send("GET", "/api/v1/identities", None).status, 403, "{role}");
    }
    let narrowed = jwt(&key, &json!({"claviger": {"operations": ["encrypt"]}}));
    let id = crate::harness::hanzo::identity(&mut root, "no-access");
    root.done(&crate::harness::hanzo::path(&id), &crate::harness::hanzo::trusting(&key, &json!({})));
    let mut narrowed = Caller::bearer(&server, &login(&server, &id, &narrowed));
    narrowed.ok(&kmip::encrypt(&made, b"x"));
    narrowed.refused(&kmip::named("GetAttributes", &made), 403);
}
