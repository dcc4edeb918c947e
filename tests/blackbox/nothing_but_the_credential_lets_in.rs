//! A text that is similar to an API key or a client secret, or a former one, is refused on every route that takes one,
//! and no answer says which part was wrong.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::conjur::{define, encoded, host, server};
use crate::harness::credentials::{
    LOGIN, almost, api_key, app, at, authenticate, basic, log_in, log_in_at, refused, secret,
};
use crate::harness::hanzo::{options, place};
use crate::harness::{Answer, Client, Server, clock};

const WEB: &str = "host/apps/web";

/// The parts of an answer that a caller can compare: everything except the request id and the like.
fn told(answer: &Answer) -> Seen {
    let own = ["x-request-id", "date", "content-length"];
    let headers = answer.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| !own.contains(&name.as_str())).collect();
    headers.sort();
    let body = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(mut body) => {
            for own in ["reqId", "request_id"] {
                body.as_object_mut().unwrap().remove(own);
            }
            body.to_string()
        }
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    (answer.status, headers, body)
}

/// A route that takes the API key of a host, which is named by its account and its login.
type Way = fn(&Client, &str, &str, &str) -> Answer;

const WAYS: [(&str, Way); 3] = [
    ("POST authenticate", authenticate),
    ("GET login", |client, account, login, key| basic(client, "GET", &format!("/authn/{account}/login"), login, key)),
    ("PUT api_key", |client, account, login, key| {
        basic(client, "PUT", &format!("/authn/{account}/api_key"), login, key)
    }),
];

/// An answer: status, headers, body.
type Seen = (u16, Vec<(String, String)>, String);

/// Checks that each route refuses the credential with the same answer.
struct Judge<'a> {
    client: &'a Client,
    usual: [Seen; 3],
}

impl<'a> Judge<'a> {
    fn new(client: &'a Client) -> Self {
        let usual = WAYS.map(|(_, way)| told(&way(client, "acme", WEB, &"0".repeat(64))));
        for (status, _, body) in &usual {
            assert_eq!((*status, body.as_str()), (401, ""), "a wrong key is refused without a word");
        }
        Self { client, usual }
    }

    #[track_caller]
    fn refuses(&self, fault: &str, account: &str, login: &str, key: &str) {
        for ((name, way), usual) in WAYS.iter().zip(&self.usual) {
            assert_eq!(told(&way(self.client, account, login, key)), *usual, "{fault}: {name}");
        }
    }
}

#[test]
fn by_an_api_key() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    for id in ["apps/web", "apps/api", "apps/old", "apps/none", "apps/gone"] {
        define(&mut root, "hosts", id, &host(&json!({})));
    }
    define(&mut root, "hosts", "far", &json!({"account": "acme", "restricted_to": ["10.0.0.0/8"]}));
    let [former, other, far, old, gone] =
        ["apps/web", "apps/api", "far", "apps/old", "apps/gone"].map(|host| api_key(&mut root, host));
    let key = api_key(&mut root, "apps/web");
    assert_eq!(root.send("DELETE", "/authn/acme/api_key?role=host:apps%2Fold", None).status, 204);
    assert_eq!(root.undefine("hosts", "apps%2Fgone").status, 200);
    let nobody = server.nobody();
    let judge = Judge::new(&nobody);
    for (fault, wrong) in almost(&key) {
        judge.refuses(&fault, "acme", WEB, &wrong);
    }
    for (fault, account, login, key) in [
        ("the former one", "acme", WEB, &former),
        ("another host's", "acme", WEB, &other),
        ("another host", "acme", "host/apps/api", &key),
        ("one that was taken away", "acme", "host/apps/old", &old),
        ("a host that has none", "acme", "host/apps/none", &key),
        ("a host that was removed", "acme", "host/apps/gone", &gone),
        ("another network", "acme", "host/far", &far),
        ("another account", "other", WEB, &key),
        ("an account in capitals", "ACME", WEB, &key),
        ("no such host", "acme", "host/apps/nothing", &key),
        ("a host in capitals", "acme", "host/Apps/Web", &key),
        ("the kind in capitals", "acme", "HOST/apps/web", &key),
        ("more of a name", "acme", "host/apps/web/", &key),
        ("less of a name", "acme", "host/apps", &key),
        ("a user", "acme", "apps/web", &key),
        ("an administrator", "acme", "root", &key),
        ("no name", "acme", "host/", &key),
    ] {
        judge.refuses(fault, account, login, key);
    }
    // Headers that are not Basic credentials.
    for (name, path) in [("GET", "/authn/acme/login"), ("PUT", "/authn/acme/api_key")] {
        let usual = &judge.usual[usize::from(name == "PUT") + 1];
        for value in ["Basic", "Basic !", "Basic YWJj", "Basic /w==", &format!("Bearer {key}"), &format!("Token {key}")]
        {
            let answer = nobody.try_request(name, path, &[("Authorization", value)], b"").unwrap();
            assert_eq!(told(&answer), *usual, "{name} {value}");
        }
        assert_eq!(told(&nobody.try_request(name, path, &[], b"").unwrap()), *usual, "{name} without a credential");
    }
    // The right to change a host's key is checked before the key.
    let of_another = "/authn/acme/api_key?role=host:apps%2Fapi";
    let [right, wrong] = [&key, &other].map(|key| told(&basic(&nobody, "PUT", of_another, WEB, key)));
    assert_eq!((right.0, &right), (400, &wrong));
    // It is not valid anywhere else.
    assert_eq!(log_in(&server, WEB, &key).status, 401);
    assert_eq!(log_in(&server, &encoded(WEB), &key).status, 401);
    assert_eq!(basic(&nobody, "GET", "/whoami", WEB, &key).status, 401);
    // The control: the valid credential on each route, at last on the one that changes it.
    let answers = WAYS.map(|(_, way)| way(&nobody, "acme", WEB, &key));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200; 3]);
    assert_eq!(String::from_utf8(answers[1].body.clone()).unwrap(), key);
    judge.refuses("one that the host changed", "acme", WEB, &key);
    let next = String::from_utf8(answers[2].body.clone()).unwrap();
    assert_eq!(authenticate(&nobody, "acme", WEB, &next).status, 200);
}

/// A server whose clock can be moved.
fn moved() -> Server {
    let place = place();
    let options = clock::moved(&place, options(&[]));
    Server::start_at(Arc::clone(&place), &options)
}

#[test]
fn by_a_client_secret() {
    let server = moved();
    let mut root = Caller::certificate(&server, "root");
    let open = json!({"lockoutEnabled": false});
    let [own, other, far, gone, detached] = [0; 5].map(|_| app(&mut root, &open));
    let locked = app(&mut root, &json!({"lockoutThreshold": 1, "lockoutDurationSeconds": 86_400}));
    let apps = [&own, &other, &far, &gone, &detached, &locked];
    let [(_, good), (_, of_other), (_, of_far), (_, of_gone), (_, of_detached), (_, of_locked)] =
        apps.map(|app| secret(&mut root, app, &json!({})));
    let (id, revoked) = secret(&mut root, &own, &json!({}));
    root.done(&at(&own.identity, &format!("/client-secrets/{id}/revoke")), &json!({}));
    let (_, spent) = secret(&mut root, &own, &json!({"numUsesLimit": 1}));
    let (_, short) = secret(&mut root, &own, &json!({"ttl": 100}));
    for used in [&spent, &short] {
        assert_eq!(log_in(&server, &own.client_id, used).status, 200);
    }
    root.done_with("PATCH", &at(&far.identity, ""), &json!({"clientSecretTrustedIps": [{"ipAddress": "10.0.0.0/8"}]}));
    assert_eq!(root.send("DELETE", &format!("/api/v1/identities/{}", gone.identity), None).status, 200);
    assert_eq!(root.send("DELETE", &at(&detached.identity, ""), None).status, 200);
    clock::advance(&server.place, 101);
    let nobody = server.nobody();
    let usual = told(&log_in_at(&nobody, &own.client_id, &format!("{}{}", &good[..4], "0".repeat(good.len() - 4))));
    assert_eq!(usual.0, 401);
    let refuses = |fault: &str, client_id: &str, secret: &str| {
        assert_eq!(told(&log_in_at(&nobody, client_id, secret)), usual, "{fault}");
    };
    for (fault, wrong) in almost(&good) {
        refuses(&fault, &own.client_id, &wrong);
    }
    // Only a caller with the right secret learns that it has expired.
    for (over, message) in [
        (&spent, "Access denied due to client secret usage limit reached"),
        (&short, "Access denied due to expired client secret"),
    ] {
        let answer = log_in_at(&nobody, &own.client_id, over);
        assert_eq!((answer.status, &answer.json()["message"]), (401, &json!(message)));
        for (fault, wrong) in almost(over) {
            refuses(&format!("{fault} of one that is over"), &own.client_id, &wrong);
        }
        refuses("another identity's that is over", &other.client_id, over);
        refuses("of no client, and over", "00000000-0000-4000-8000-000000000000", over);
        refuses("of a network that is not trusted, and over", &far.client_id, over);
    }
    assert_eq!(log_in(&server, &locked.client_id, &good).status, 401);
    let capitals = own.client_id.to_uppercase();
    let long = "x".repeat(1_000);
    for (fault, client_id, secret) in [
        ("revoked", &*own.client_id, &*revoked),
        ("another identity's", &own.client_id, &of_other),
        ("another identity", &other.client_id, &good),
        ("another network", &far.client_id, &of_far),
        ("another network, and another identity's", &far.client_id, &good),
        ("an identity that was removed", &gone.client_id, &of_gone),
        ("an identity that logs in so no longer", &detached.client_id, &of_detached),
        ("locked out", &locked.client_id, &of_locked),
        ("the identity, not its client", &own.identity, &good),
        ("the identifier of a secret", &own.client_id, &id),
        ("the other way round", &good, &own.client_id),
        ("a client in capitals", &capitals, &good),
        ("no client", "", &good),
        ("a client that there is not", "x", &good),
        ("a long client", &long, &good),
        ("a long secret", &own.client_id, &long),
    ] {
        refuses(fault, client_id, secret);
    }
    // A request without the one or the other is not a login.
    let mut alice = Caller::certificate(&server, "alice");
    for (member, value) in [("clientId", &own.client_id), ("clientSecret", &good)] {
        let message = refused(&mut alice, LOGIN, &json!({ member: value }), 422);
        assert!(!message.contains(value.as_str()), "{message}");
    }
    // It is not valid anywhere else.
    for value in [format!("Bearer {good}"), format!("Basic {}", data_encoding::BASE64.encode(good.as_bytes()))] {
        let answer = nobody.try_request("GET", "/whoami", &[("Authorization", &value)], b"").unwrap();
        assert_eq!(answer.status, 401);
    }
    assert_eq!(basic(&nobody, "GET", "/authn/acme/login", &own.client_id, &good).status, 401);
    for (client_id, secret) in [(&own.client_id, &good), (&other.client_id, &of_other)] {
        assert_eq!(log_in(&server, client_id, secret).status, 200, "the control");
    }
}
