//! Access tokens: their lifetime, uses, networks and certificates, and the events that end them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::{Caller, succeeded};
use crate::harness::hanzo::{
    RENEW, REVOKE, both, identity, jwt, known, login, options, path, place, server, token, trusting, try_login, whoami,
    whoami_at,
};
use crate::harness::jwt::now;
use crate::harness::server::run;
use crate::harness::{Client, Leaf, Options, Server, SigningKey, clock, kmip};
use crate::live_tokens_of_every_way::{Way, standing};

/// Renews a token. Returns the new one, or the status of the refusal.
pub fn renew(client: &Client, token: &str) -> Result<Value, u16> {
    let answer = client.post(RENEW, &json!({"accessToken": token}));
    if answer.status == 200 { Ok(answer.json()) } else { Err(answer.status) }
}

#[test]
fn a_token_is_revoked_by_its_bearer_at_once_and_everywhere() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let [first, second] = [0, 1].map(|_| login(&server, &id, &jwt(&key, &json!({}))));
    let mut open = Caller::bearer(&server, &first);
    let mut other = Caller::bearer(&server, &second);
    assert!(whoami_at(&mut open).is_ok() && whoami_at(&mut other).is_ok());
    let answer = server.nobody().post(REVOKE, &json!({"accessToken": first}));
    assert!(succeeded(&answer, &json!("revoke"))["message"].is_string());
    assert_eq!(whoami_at(&mut open), Err(401));
    assert_eq!(renew(&server.nobody(), &first), Err(401));
    assert_eq!(server.nobody().post(REVOKE, &json!({"accessToken": first})).status, 401);
    assert!(whoami_at(&mut other).is_ok());
    let server = server.restart();
    assert_eq!(whoami(&server, &first), Err(401));
    assert!(whoami(&server, &second).is_ok());
    for body in [json!({}), json!({"accessToken": 1}), json!({"accessToken": ["x"]})] {
        assert_eq!(server.nobody().post(REVOKE, &body).status, 422, "{body}");
    }
    for wrong in ["x", "a.b.c", &jwt(&key, &json!({}))] {
        assert_eq!(server.nobody().post(REVOKE, &json!({"accessToken": wrong})).status, 401, "{wrong}");
    }
}

#[test]
fn administrators_list_and_end_tokens() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({"accessTokenNumUsesLimit": 5}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    assert!(whoami(&server, &token).is_ok());
    let mut root = Caller::certificate(&server, "root");
    let list = root.get(&format!("/access/tokens?subject=identity:{id}"));
    let own = &list[0];
    assert_eq!((list.as_array().unwrap().len(), &own["uses"], &own["uses_limit"]), (1, &json!(1), &json!(5)));
    assert_eq!((&own["subject"], &own["bound"]), (&json!(format!("identity:{id}")), &json!(false)));
    assert_eq!(root.get("/access/tokens?subject=identity:x"), json!([]));
    let at = format!("/access/tokens/{}", own["id"].as_str().unwrap());
    let mut alice = Caller::certificate(&server, "alice");
    assert_eq!(alice.send("GET", "/access/tokens", None).status, 403);
    assert_eq!(alice.send("DELETE", &at, None).status, 403);
    assert!(whoami(&server, &token).is_ok());
    assert_eq!(root.send("DELETE", &at, None).status, 200);
    assert_eq!(whoami(&server, &token), Err(401));
    assert_eq!(root.send("DELETE", "/access/tokens/x", None).status, 404);
}

#[test]
fn without_its_identity_or_its_jwt_auth_a_token_is_not_good() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let [detached, removed] = [0, 1].map(|_| {
        let id = identity(&mut root, "member");
        root.done(&path(&id), &trusting(&key, &json!({})));
        let token = login(&server, &id, &jwt(&key, &json!({})));
        (id, Caller::bearer(&server, &token), token)
    });
    let ((id, mut open, token), (other, mut removed, _)) = (detached, removed);
    assert!(whoami_at(&mut open).is_ok() && whoami_at(&mut removed).is_ok());
    // After a change of the JWT auth, access tokens stay valid. Removing the JWT auth ends them, and attaching it again
    // does not make them valid.
    assert_eq!(root.send("PATCH", &path(&id), Some(&json!({"accessTokenTTL": 5}))).status, 200);
    assert!(whoami_at(&mut open).is_ok());
    assert_eq!(root.send("DELETE", &path(&id), None).status, 200);
    assert_eq!(whoami_at(&mut open), Err(401));
    root.done(&path(&id), &trusting(&key, &json!({})));
    assert_eq!(whoami_at(&mut open), Err(401));
    assert_eq!(renew(&server.nobody(), &token), Err(401));
    assert_eq!(root.send("DELETE", &format!("/api/v1/identities/{other}"), None).status, 200);
    assert_eq!(whoami_at(&mut removed), Err(401));
}

#[test]
fn of_a_thousand_parallel_requests_so_many_succeed_as_it_has_uses() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({"accessTokenNumUsesLimit": 100}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let succeeded = used(&server, &token);
    assert_eq!(succeeded, 100);
    assert_eq!(renew(&server.nobody(), &token), Err(401), "what is spent is not renewed: its bearer logs in again");
    let server = server.restart();
    assert_eq!(whoami(&server, &token), Err(401));
    assert_eq!(renew(&server.nobody(), &token), Err(401));
    // A token with one use left is renewed.
    let id = known(&server, &key, &json!({"accessTokenNumUsesLimit": 2}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    assert!(whoami(&server, &token).is_ok());
    let renewed = renew(&server.nobody(), &token).map(|given| self::token(&given)).unwrap();
    assert!(whoami(&server, &renewed).is_ok());
    assert_eq!((whoami(&server, &renewed), renew(&server.nobody(), &renewed).map(drop)), (Err(401), Err(401)));
}

/// Returns how many of a thousand requests over twenty connections succeed.
fn used(server: &Server, token: &str) -> usize {
    let succeeded = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..20 {
            let mut caller = Caller::bearer(server, token);
            let succeeded = &succeeded;
            scope.spawn(move || {
                for _ in 0..50 {
                    match whoami_at(&mut caller) {
                        Ok(_) => drop(succeeded.fetch_add(1, Ordering::Relaxed)),
                        Err(status) => assert_eq!(status, 401),
                    }
                }
            });
        }
    });
    succeeded.into_inner()
}

#[test]
fn a_renewal_takes_no_use_from_those_who_use_it_meanwhile() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({"accessTokenNumUsesLimit": 1000}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    thread::scope(|scope| {
        for _ in 0..10 {
            let mut caller = Caller::bearer(&server, &token);
            scope.spawn(move || {
                for _ in 0..40 {
                    assert!(whoami_at(&mut caller).is_ok());
                }
            });
        }
        for _ in 0..20 {
            assert!(renew(&server.nobody(), &token).is_ok());
        }
    });
    let list = Caller::certificate(&server, "root").get("/access/tokens");
    assert_eq!(list[0]["uses"], 400);
}

#[test]
fn a_kill_gives_no_use_twice() {
    const CLIENTS: usize = 20;
    let (server, key) = (server(), SigningKey::rsa("one"));
    let options = server.options.clone();
    let id = known(&server, &key, &json!({"accessTokenNumUsesLimit": 100}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let (address, authority) = (server.address, server.place.authority.certificate.clone());
    let succeeded = AtomicUsize::new(0);
    let place = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (token, succeeded, authority) = (&token, &succeeded, &authority);
            scope.spawn(move || {
                let Ok(mut connection) = Client::tls(address, authority, None).connect() else { return };
                let authorization = format!("Bearer {token}");
                let headers = [("Authorization", authorization.as_str())];
                while let Ok(answer) = connection.try_request("GET", "/whoami", &headers, b"") {
                    if answer.status != 200 {
                        break;
                    }
                    succeeded.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        crate::harness::eventually("half of them are used", || (succeeded.load(Ordering::SeqCst) >= 50).then_some(()));
        server.kill()
    });
    let before = succeeded.into_inner();
    let server = Server::start_at(place, &options);
    let after = used(&server, &token);
    assert!(before + after <= 100, "{before} + {after}");
    assert!(before + after >= 100 - CLIENTS, "{before} + {after}: lost is at most what was in flight");
}

#[test]
fn one_that_was_bought_with_a_certificate_is_bound_to_it() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let login = json!({"identityId": id, "jwt": jwt(&key, &json!({}))});
    let alice = server.place.authority.issue(&Leaf::client("alice"));
    let with_alice = server.client(&alice);
    let given = succeeded(&with_alice.post("/api/v1/auth/jwt-auth/login", &login), &json!("login"));
    let bound = token(&given);
    let mut own = Caller::with(with_alice.connect().unwrap(), &bound);
    assert_eq!(whoami_at(&mut own), Ok(format!("identity:{id}")), "the token goes before the certificate");
    assert_eq!(whoami_at(&mut both(&server, "bob", &bound)), Err(401));
    // Another certificate of the same name is another one (CVE-2026-39388).
    assert_eq!(whoami_at(&mut both(&server, "alice", &bound)), Err(401));
    assert_eq!(whoami(&server, &bound), Err(401));
    assert_eq!(renew(&server.nobody(), &bound), Err(401));
    assert_eq!(renew(&server.bob(), &bound), Err(401));
    assert_eq!(server.bob().post(REVOKE, &json!({"accessToken": bound})).status, 401);
    let renewed = token(&renew(&with_alice, &bound).unwrap());
    let mut own = Caller::with(with_alice.connect().unwrap(), &renewed);
    assert!(whoami_at(&mut own).is_ok());
    assert_eq!(whoami(&server, &renewed), Err(401));
    // A token that is not bound may be sent with any certificate. An invalid token is refused also with a valid
    // certificate.
    let free = crate::harness::hanzo::login(&server, &id, &jwt(&key, &json!({})));
    assert_eq!(whoami_at(&mut both(&server, "bob", &free)), Ok(format!("identity:{id}")));
    let (head, _) = free.rsplit_once('.').unwrap();
    assert_eq!(whoami_at(&mut both(&server, "bob", &format!("{head}.AAAA"))), Err(401));
    assert_eq!(
        whoami_at(&mut both(&server, "bob", "a.b.c")),
        Ok("bob".to_owned()),
        "what is none of ours is not looked at"
    );
}

#[test]
fn it_is_good_from_its_networks_alone_whatever_headers_say() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({"accessTokenTrustedIps": [{"ipAddress": "127.0.0.2/32"}]}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let bearer = format!("Bearer {token}");
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP"] {
        let value = if header == "Forwarded" { "for=127.0.0.2" } else { "127.0.0.2" };
        let headers = [("Authorization", bearer.as_str()), (header, value)];
        assert_eq!(server.nobody().try_request("GET", "/whoami", &headers, b"").unwrap().status, 401, "{header}");
    }
    assert_eq!(renew(&server.nobody(), &token), Err(401));
    let mut curl = Command::new("curl");
    curl.current_dir(server.place.directory.path());
    curl.args(["--silent", "--interface", "127.0.0.2", "--cacert", "ca.pem", "--resolve"]);
    curl.arg(format!("localhost:{}:127.0.0.1", server.address.port()));
    curl.arg("--header").arg(format!("Authorization: {bearer}"));
    curl.arg(format!("https://localhost:{}/whoami", server.address.port()));
    let (_, out, error) = run(&mut curl);
    assert!(out.contains(&format!("identity:{id}")), "{out}{error}");
}

#[test]
fn what_is_narrowed_holds_for_live_tokens_at_once() {
    let (key, start) = (SigningKey::rsa("one"), now());
    let server = standing(start);
    let id = known(&server, &key, &json!({}));
    let forever = jwt(&key, &json!({"iat": start - 10, "exp": start + 10_000}));
    let log_in = || login(&server, &id, &forever);
    Way { server: &server, settings: path(&id), log_in: &log_in }.holds_tokens_to_the_stricter(start);
    // It is the same for a server that begins.
    let last = log_in();
    Caller::certificate(&server, "root").done_with("PATCH", &path(&id), &json!({"accessTokenTTL": 100}));
    clock::stand(&server.place, start + 1_199);
    assert!(whoami(&server, &last).is_ok());
    let server = server.restart();
    assert!(whoami(&server, &last).is_ok());
    clock::stand(&server.place, start + 1_200);
    assert_eq!(whoami(&server, &last), Err(401));
}

#[test]
fn a_change_of_what_is_trusted_keeps_live_tokens_until_they_are_ended() {
    let (server, key, other) = (server(), SigningKey::rsa("one"), SigningKey::rsa("two"));
    let id = known(&server, &key, &json!({}));
    let token = login(&server, &id, &jwt(&key, &json!({})));
    let mut open = Caller::bearer(&server, &token);
    let mut root = Caller::certificate(&server, "root");
    let keys = crate::harness::hanzo::pem(&other);
    for changes in [
        json!({ "publicKeys": [keys] }),
        json!({"boundIssuer": "https://other.example"}),
        json!({"boundSubject": "other"}),
        json!({"boundAudiences": "other"}),
        json!({"boundClaims": {"other": "x"}}),
    ] {
        let told = succeeded(&root.send("PATCH", &path(&id), Some(&changes)), &changes);
        assert!(told["message"].as_str().unwrap().contains("endTokens"), "{told}");
        assert!(whoami_at(&mut open).is_ok(), "{changes}");
    }
    assert_eq!(try_login(&server, &id, &jwt(&key, &json!({}))).status, 401);
    let at = format!("/api/v1/identities/{id}");
    let ended = json!({"endTokens": true});
    assert_eq!(Caller::certificate(&server, "alice").send("PATCH", &at, Some(&ended)).status, 403);
    assert!(whoami_at(&mut open).is_ok());
    assert_eq!(root.send("PATCH", &at, Some(&ended)).status, 200);
    assert_eq!((whoami_at(&mut open), renew(&server.nobody(), &token).map(drop)), (Err(401), Err(401)));
    let server = server.restart();
    assert_eq!(whoami(&server, &token), Err(401));
    let mut root = Caller::certificate(&server, "root");
    root.send("DELETE", &path(&id), None);
    root.done(&path(&id), &trusting(&other, &json!({})));
    assert!(whoami(&server, &login(&server, &id, &jwt(&other, &json!({})))).is_ok(), "a new login is a new token");
}

#[test]
fn rows_that_were_changed_or_inserted_are_refused() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let options = server.options.clone();
    let mut root = Caller::certificate(&server, "root");
    let changes = [
        ("UPDATE access_token SET uses = 0 WHERE id = ?1", json!({"accessTokenNumUsesLimit": 2}), 2),
        ("UPDATE access_token SET uses_limit = 0 WHERE id = ?1", json!({"accessTokenNumUsesLimit": 2}), 2),
        ("UPDATE access_token SET revoked = 0 WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET expires = expires + 1 WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET trusted = '127.0.0.1/32' WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET thumbprint = NULL, role = 'developer' WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET narrowing = '{}' WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET basis = 'jwt-auth/x' WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET subject = 'identity:x' WHERE id = ?1", json!({}), 0),
        ("UPDATE access_token SET created = 'never' WHERE id = ?1", json!({}), 0),
    ];
    let tokens: Vec<String> = changes
        .iter()
        .map(|(_, bound, uses)| {
            let id = known(&server, &key, bound);
            let token = login(&server, &id, &jwt(&key, &json!({})));
            (0..*uses).for_each(|_| drop(whoami(&server, &token)));
            token
        })
        .collect();
    let revoked = &tokens[2];
    server.nobody().post(REVOKE, &json!({"accessToken": revoked}));
    let last = identity(&mut root, "member");
    root.done(&path(&last), &trusting(&key, &json!({})));
    let good = login(&server, &last, &jwt(&key, &json!({})));
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    for ((statement, ..), token) in changes.iter().zip(&tokens) {
        let id = claim(token, "jti");
        match statement.contains("'never'") {
            // The column does not accept a text, so the invalid value is the length of a key.
            true => drop(database.execute("UPDATE access_token SET thumbprint = x'00' WHERE id = ?1", [&id]).unwrap()),
            false => assert_eq!(database.execute(statement, [&id]).unwrap(), 1, "{statement}"),
        }
    }
    // Inserted rows: a copy of a valid row, for a token that is not signed by the server and for one that is.
    let copied = database.execute(
        "INSERT INTO access_token SELECT 'x', version, subject, basis, vouched, signing_key, created, ttl, expires, max_expires, \
         uses_limit, uses, trusted, thumbprint, narrowing, role, revoked, binding FROM access_token WHERE id = ?1",
        [claim(&good, "jti")],
    );
    assert_eq!(copied.unwrap(), 1);
    // The identity's row, edited.
    let edited = "UPDATE policy_entry SET document = replace(document, '\"member\"', '\"admin\"') WHERE name = ?1";
    let victim = identity_of(&tokens[3]);
    assert_eq!(database.execute(edited, [&victim]).unwrap(), 1);
    drop(database);
    let server = Server::start_at(Arc::clone(&place), &options);
    for ((statement, ..), token) in changes.iter().zip(&tokens) {
        assert_eq!(whoami(&server, token), Err(401), "{statement}");
    }
    assert!(whoami(&server, &good).is_ok());
    assert_eq!(try_login(&server, &victim, &jwt(&key, &json!({}))).status, 404, "an identity whose row is refused");
    assert!(server.log().matches("ROW REFUSED").count() >= changes.len());
    let (place, _) = server.stop();
    let mut check = place.command(&Options { arguments: vec!["--check-store".into()], ..options });
    let (status, out, error) = run(&mut check);
    assert_eq!(status.code(), Some(1), "{out}{error}");
    assert!(
        out.contains("token/x: its binding is wrong") || error.contains("token/x: its binding is wrong"),
        "{out}{error}"
    );
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

fn claim(token: &str, name: &str) -> String {
    claims(token)[name].as_str().unwrap().to_owned()
}

fn identity_of(token: &str) -> String {
    claim(token, "sub").strip_prefix("identity:").unwrap().to_owned()
}

/// The published keys verify what the server signs, before and after they change.
#[test]
fn the_key_that_signs_changes_and_live_tokens_stay_good() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let first = login(&server, &id, &jwt(&key, &json!({})));
    let mut root = Caller::certificate(&server, "root");
    let kids = |server: &Server| -> Vec<String> {
        let set = server.nobody().get("/.well-known/jwks.json").json();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kids(&server).len(), 1);
    assert_eq!(Caller::certificate(&server, "alice").post("/access/token-key", &json!({})).status, 403);
    let kid = root.done("/access/token-key", &json!({}))["kid"].as_str().unwrap().to_owned();
    assert_eq!(kids(&server), [kids(&server)[0].clone(), kid.clone()]);
    let second = login(&server, &id, &jwt(&key, &json!({})));
    assert!(whoami(&server, &first).is_ok() && whoami(&server, &second).is_ok());
    verified(&server, &first);
    verified(&server, &second);
    // A key that signed no token that is still valid is removed.
    server.nobody().post(REVOKE, &json!({"accessToken": second}));
    root.done("/access/token-key", &json!({}));
    assert_eq!(kids(&server).len(), 3, "a revoked token has not ended yet");
    let server = server.restart();
    assert_eq!(kids(&server).len(), 3);
    assert!(whoami(&server, &first).is_ok());
    assert_eq!(whoami(&server, &second), Err(401));
    verified(&server, &login(&server, &id, &jwt(&key, &json!({}))));
}

/// By the published key of its id, and OpenSSL.
#[track_caller]
fn verified(server: &Server, token: &str) {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    let decode = |part: &str| data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(input.split('.').next().unwrap())).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let set = server.nobody().get("/.well-known/jwks.json").json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    let coordinate = |name: &str| BigNum::from_slice(&decode(key[name].as_str().unwrap())).unwrap();
    let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let public = EcKey::from_public_key_affine_coordinates(&group, &coordinate("x"), &coordinate("y")).unwrap();
    let signature = decode(signature);
    let (r, s) = signature.split_at(32);
    let signature = openssl::ecdsa::EcdsaSig::from_private_components(
        BigNum::from_slice(r).unwrap(),
        BigNum::from_slice(s).unwrap(),
    );
    assert!(signature.unwrap().verify(&openssl::sha::sha256(input.as_bytes()), &public).unwrap());
    let claims = claims(token);
    assert!(claims["iss"].as_str().unwrap().starts_with("urn:claviger:"));
}

#[test]
fn its_time_and_its_longest_time_end_to_the_second() {
    let (place, key) = (place(), SigningKey::rsa("one"));
    let start = now();
    let options = clock::moved(&place, options(&[]));
    clock::stand(&place, start);
    let server = Server::start_at(Arc::clone(&place), &options);
    let id = known(&server, &key, &json!({"accessTokenTTL": 100, "accessTokenMaxTTL": 250}));
    let forever = jwt(&key, &json!({"iat": start - 10, "exp": start + 10_000}));
    let given = succeeded(&try_login(&server, &id, &forever), &json!("login"));
    assert_eq!((&given["expiresIn"], &given["accessTokenMaxTTL"]), (&json!(100), &json!(250)));
    let first = token(&given);
    let good = |token: &str, at: i64| {
        clock::stand(&place, start + at);
        whoami(&server, token).is_ok()
    };
    assert!(good(&first, 0) && good(&first, 99) && !good(&first, 100), "the time of the first");
    assert_eq!(renew(&server.nobody(), &first), Err(401), "what has ended is not renewed");
    clock::stand(&place, start + 99);
    let given = renew(&server.nobody(), &first).unwrap();
    assert_eq!((&given["expiresIn"], &given["accessTokenMaxTTL"]), (&json!(100), &json!(250)));
    let second = token(&given);
    assert!(good(&second, 100) && !good(&first, 100), "each spelling has its own end");
    assert!(good(&second, 198) && !good(&second, 199), "the time of the second");
    clock::stand(&place, start + 198);
    let given = renew(&server.nobody(), &second).unwrap();
    assert_eq!(given["expiresIn"], 52, "never beyond the longest time");
    let third = token(&given);
    assert!(good(&third, 249) && !good(&third, 250), "the longest time");
    clock::stand(&place, start + 249);
    assert_eq!(renew(&server.nobody(), &third).unwrap()["expiresIn"], 1);
    clock::stand(&place, start + 250);
    assert_eq!(renew(&server.nobody(), &third), Err(401));
    // The JWT itself ends too, with the leeway that its issuer has.
    clock::stand(&place, start + 10_059);
    assert_eq!(try_login(&server, &id, &forever).status, 200);
    clock::stand(&place, start + 10_060);
    assert_eq!(try_login(&server, &id, &forever).status, 401);
    let row = "SELECT count(*) FROM access_token";
    let count = |server: &Server| -> i64 {
        Database::open(server.place.database()).unwrap().query_row(row, [], |row| row.get(0)).unwrap()
    };
    // Rows are removed some time after their expiry: here at the start.
    assert!(count(&server) > 0);
    clock::stand(&place, start + 20_000);
    let server = server.restart();
    crate::harness::eventually("what has ended is removed", || (count(&server) == 0).then_some(()));
}

#[test]
fn a_key_of_its_own_stays_when_it_is_gone() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let mut app = Caller::bearer(&server, &login(&server, &id, &jwt(&key, &json!({}))));
    let own = app.key("own", &[]);
    let mut other = Caller::bearer(&server, &login(&server, &id, &jwt(&key, &json!({}))));
    other.ok(&kmip::encrypt(&own, b"data"));
    // A certificate cannot bear its name.
    let forged = server.place.authority.issue(&Leaf::client(&format!("identity:{id}")));
    assert_eq!(server.client(&forged).post(kmip::PATH, &kmip::encrypt(&own, b"data")).status, 401);
}
