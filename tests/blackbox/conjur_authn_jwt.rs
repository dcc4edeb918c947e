//! The promises of Conjur's document for applications that authenticate by JWT, tested with the requests of its
//! clients.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::conjur::{
    AUDIENCE, ISSUER, WEB, authenticate, authenticate_at, authorization, compact, configured, define, encoded, host,
    jwt, server, variables, whoami,
};
use crate::harness::forged::forged;
use crate::harness::jwt::{but, claims, key_set, now};
use crate::harness::{Jwks, Leaf, Server, SigningKey, clock, eventually};

/// Returns the status, and checks that a 401 has no body.
#[track_caller]
fn status(server: &Server, jwt: &str) -> u16 {
    let answer = authenticate(server, jwt);
    assert!(answer.status != 401 || answer.body.is_empty(), "{}", String::from_utf8_lossy(&answer.body));
    answer.status
}

#[track_caller]
fn is_logged(server: &Server, code: &str) {
    eventually("the log has the code", || server.log().contains(code).then_some(()));
}

#[test]
fn a_host_gets_a_token_that_is_used_by_the_token_scheme() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let jwt = jwt(&key, &json!({}));
    let answer = authenticate(&server, &jwt);
    let token: Value = answer.json();
    let payload = BASE64.decode(token["payload"].as_str().unwrap().as_bytes()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["sub"], "host/apps/web");
    assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 480);
    assert!(token["protected"].is_string() && token["signature"].is_string());
    let who = whoami(&server.nobody(), &authorization(&answer)).unwrap();
    assert_eq!((&who["username"], &who["method"]), (&json!("host/apps/web"), &json!("access-token")));
    assert_eq!((&who["account"], &who["client_ip"]), (&json!("acme"), &json!("127.0.0.1")));
    assert!(who["token_issued_at"].as_str().unwrap().ends_with('Z'));
    // In base64 if the client asks for it, as the Authorization header needs it.
    for accept in ["base64", "gzip, Base64;q=1"] {
        let answer = authenticate_at(&server.nobody(), WEB, &[("Accept-Encoding", accept)], &jwt);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("base64")));
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            serde_json::from_slice::<Value>(&BASE64.decode(text.as_bytes()).unwrap()).unwrap()["payload"].is_string()
        );
        assert!(whoami(&server.nobody(), &format!("Token token=\"{text}\"")).is_ok());
    }
    // The same as a bearer token.
    let compact = compact(&token);
    assert!(whoami(&server.nobody(), &format!("Bearer {compact}")).is_ok());
    for wrong in [
        "Token".to_owned(),
        "Token token=".to_owned(),
        "Token token=\"\"".to_owned(),
        format!("Token token=\"{compact}\""),
        format!("Token token=\"{}\"", BASE64.encode(b"{}")),
        format!("Token token={}", BASE64.encode(token.to_string().as_bytes())),
        format!(
            "Token token=\"{}\"",
            BASE64.encode(but(token.clone(), &json!({"signature": "AAAA"})).to_string().as_bytes())
        ),
    ] {
        assert_eq!(whoami(&server.nobody(), &wrong), Err(401), "{wrong}");
    }
    let (log, signature) = (server.log(), jwt.rsplit_once('.').unwrap().1);
    assert!(!log.contains(signature) && !log.contains(token["signature"].as_str().unwrap()));
}

#[test]
fn the_token_is_checked_by_schema_and_standard_claims() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    for algorithm in ["RS256", "RS384", "RS512"] {
        let own = but(claims(ISSUER, AUDIENCE, "x"), &json!({"project": "web"}));
        assert_eq!(status(&server, &key.token(algorithm, &own)), 200, "{algorithm}");
    }
    let ps = key.token("PS256", &but(claims(ISSUER, AUDIENCE, "x"), &json!({"project": "web"})));
    assert_eq!(status(&server, &ps), 401, "RS256, RS384 and RS512 alone");
    let other = SigningKey::rsa("one");
    for (what, token, code) in [
        ("no JWT", "x".to_owned(), "CONJ00035E"),
        ("two parts", "a.b".to_owned(), "CONJ00035E"),
        ("another key", jwt(&other, &json!({})), "CONJ00035E"),
        ("expired", jwt(&key, &json!({"exp": now() - 3600})), "CONJ00016E"),
        ("no exp", jwt(&key, &json!({"exp": null})), "CONJ00091E"),
        ("exp of another type", jwt(&key, &json!({"exp": "soon"})), "CONJ00091E"),
        ("not yet", jwt(&key, &json!({"nbf": now() + 3600})), "CONJ00035E"),
        ("issued in the future", jwt(&key, &json!({"iat": now() + 3600})), "CONJ00035E"),
        ("another issuer", jwt(&key, &json!({"iss": "https://x.example/"})), "CONJ00035E"),
        ("no issuer", jwt(&key, &json!({"iss": null})), "CONJ00091E"),
        ("another audience", jwt(&key, &json!({"aud": "x"})), "CONJ00035E"),
        ("no audience", jwt(&key, &json!({"aud": null})), "CONJ00091E"),
        ("another project", jwt(&key, &json!({"project": "api"})), "CONJ00049E"),
        ("a project in another case", jwt(&key, &json!({"project": "Web"})), "CONJ00049E"),
        ("no project", jwt(&key, &json!({"project": null})), "CONJ00084E"),
    ] {
        assert_eq!(status(&server, &token), 401, "{what}");
        let log = server.log();
        let line = log.lines().rfind(|line| line.contains("authentication failed")).unwrap_or_default();
        assert!(line.contains(code), "{what}: {line}");
    }
    for (what, body) in
        [("nothing", ""), ("an empty token", "jwt="), ("another field", "token=x"), ("two", "jwt=a&jwt=b")]
    {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let answer = server.nobody().try_request("POST", WEB, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 400, "{what}");
    }
    is_logged(&server, "CONJ00077E");
    let answer = server.nobody().post(WEB, &json!({"jwt": "x"}));
    assert_eq!(answer.status, 400);
    // The body is read as a form whatever its Content-Type.
    for headers in [&[][..], &[("Content-Type", "text/plain; charset=utf-8")], &[("Content-Type", "application/json")]]
    {
        let body = format!("jwt={}", jwt(&key, &json!({})));
        let answer = server.nobody().try_request("POST", WEB, headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{headers:?}");
    }
}

#[test]
fn forged_tokens_are_refused_as_everywhere() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let own = but(claims(ISSUER, AUDIENCE, "someone"), &json!({"project": "web"}));
    let at = "/authn-jwt/gitlab/acme/authenticate";
    for changes in [json!({}), json!({"public-keys": null, "jwks-uri": jwks.uri()})] {
        // The subject names the host.
        configured(&server, &key, &but(changes, &json!({"token-app-property": "sub"})));
        let mut root = Caller::certificate(&server, "root");
        define(&mut root, "hosts", "someone", &host(&json!({"authn-jwt/gitlab/project": "web"})));
        let status = |token: &str| authenticate_at(&server.nobody(), at, &[], token).status;
        assert_eq!(status(&key.token("RS256", &own)), 200, "the control: a good one");
        for (fault, token) in forged(&key, &own, "https://127.0.0.1:9/keys") {
            let status = status(&token);
            assert!([401, 503].contains(&status), "{fault}: {status}");
        }
    }
}

#[test]
fn hosts_are_restricted_by_exact_claims() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({"claim-aliases": "team:org/team, ref:git.ref"}));
    let mut root = Caller::certificate(&server, "root");
    let annotations = json!({
        "authn-jwt/gitlab/project": "web", "authn-jwt/gitlab/team": "pay", "authn-jwt/gitlab/ref": "main",
        "authn-jwt/other/project": "else",
    });
    define(&mut root, "hosts", "apps/web", &host(&annotations));
    let good = json!({"org": {"team": "pay"}, "git": {"ref": "main"}});
    assert_eq!(status(&server, &jwt(&key, &good)), 200);
    for changes in [
        json!({"org": {"team": "pay*"}}),
        json!({"org": {"team": "other"}}),
        json!({"git": {}}),
        json!({"project": ["other"]}),
        json!({"project": {"a": "web"}}),
    ] {
        assert_eq!(status(&server, &jwt(&key, &but(good.clone(), &changes))), 401, "{changes}");
    }
    // `*` is not a wildcard.
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/gitlab/project": "w*"})));
    assert_eq!(status(&server, &jwt(&key, &json!({}))), 401);
    assert_eq!(status(&server, &jwt(&key, &json!({"project": "w*"}))), 200);
    // Numbers, true and false in the spelling of JSON.
    define(
        &mut root,
        "hosts",
        "apps/web",
        &host(&json!({"authn-jwt/gitlab/id": "0", "authn-jwt/gitlab/protected": "false"})),
    );
    assert_eq!(status(&server, &jwt(&key, &json!({"id": 0, "protected": false}))), 200);
    assert_eq!(status(&server, &jwt(&key, &json!({"id": 0}))), 401);
    // None for this service.
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/other/project": "web"})));
    assert_eq!(status(&server, &jwt(&key, &json!({}))), 401);
    is_logged(&server, "CONJ00057E");
    // Claims that must be restricted.
    define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &json!({"enforced-claims": "project, ref"})));
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/gitlab/project": "web"})));
    assert_eq!(status(&server, &jwt(&key, &json!({"ref": "main"}))), 401);
    define(
        &mut root,
        "hosts",
        "apps/web",
        &host(&json!({"authn-jwt/gitlab/project": "web", "authn-jwt/gitlab/ref": "main"})),
    );
    assert_eq!(status(&server, &jwt(&key, &json!({"ref": "main"}))), 200);
    for (annotation, told) in [
        ("authn-jwt/gitlab/iss", "cannot restrict a host"),
        ("authn-jwt/gitlab/aud", "cannot restrict a host"),
        ("authn-jwt/gitlab", "authn-jwt/SERVICE/CLAIM"),
        ("authn-oidc/gitlab/x", "authn-jwt/SERVICE/CLAIM"),
    ] {
        let refused = root.define("hosts", &encoded("apps/web"), &host(&json!({annotation: "x"})));
        assert_eq!(refused.status, 422, "{annotation}");
        assert!(refused.detail().contains(told), "{}", refused.detail());
    }
}

#[test]
fn the_host_is_named_by_the_url_or_by_a_claim() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let nobody = server.nobody();
    let without = "/authn-jwt/gitlab/acme/authenticate";
    assert_eq!(authenticate_at(&nobody, without, &[], &jwt(&key, &json!({}))).status, 401);
    for login in ["apps%2Fweb", "user", "host%2Fapps%2Fother", "host%2F", "host%2Fapps%2Fweb%2F"] {
        let at = format!("/authn-jwt/gitlab/acme/{login}/authenticate");
        assert_eq!(authenticate_at(&nobody, &at, &[], &jwt(&key, &json!({}))).status, 401, "{login}");
    }
    // A host of another account, and services that do not exist.
    for at in [
        "/authn-jwt/gitlab/other/host%2Fapps%2Fweb/authenticate",
        "/authn-jwt/github/acme/host%2Fapps%2Fweb/authenticate",
    ] {
        assert_eq!(authenticate_at(&nobody, at, &[], &jwt(&key, &json!({}))).status, 401, "{at}");
    }
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "authenticators", "other/gitlab", &variables(&key, &json!({})));
    let at = "/authn-jwt/gitlab/other/host%2Fapps%2Fweb/authenticate";
    assert_eq!(authenticate_at(&nobody, at, &[], &jwt(&key, &json!({}))).status, 401);
    let by_claim = json!({"token-app-property": "app/name", "identity-path": "apps"});
    define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &by_claim));
    let token = jwt(&key, &json!({"app": {"name": "web"}}));
    let answer = authenticate_at(&nobody, without, &[], &token);
    assert_eq!(whoami(&nobody, &authorization(&answer)).unwrap()["username"], "host/apps/web");
    assert_eq!(status(&server, &token), 401, "by the URL too is once too often");
    for app in [
        json!({"name": "api"}),
        json!({}),
        json!({"name": ""}),
        json!({"name": ["web"]}),
        json!({"name": "../apps/web"}),
    ] {
        assert_eq!(authenticate_at(&nobody, without, &[], &jwt(&key, &json!({"app": app}))).status, 401, "{app}");
    }
    // A host that may not use the authenticator gets 403.
    let barred = but(host(&json!({"authn-jwt/gitlab/project": "web"})), &json!({"authenticators": ["github"]}));
    define(&mut root, "hosts", "apps/web", &barred);
    assert_eq!(authenticate_at(&nobody, without, &[], &token).status, 403);
    is_logged(&server, "CONJ00006E");
}

#[test]
fn variables_are_checked_and_the_status_tells() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    for (changes, told) in [
        (json!({"issuer": ""}), "CONJ00037E"),
        (json!({"audience": " "}), "CONJ00037E"),
        (json!({"public-keys": null}), "exactly one"),
        (json!({"jwks-uri": "https://a.example/"}), "exactly one"),
        (json!({"issuer": null}), "when public-keys is given"),
        (json!({"identity-path": "apps"}), "token-app-property"),
        (json!({"colour": "red"}), "unknown variable"),
    ] {
        let refused = root.define("authenticators", &encoded("acme/gitlab"), &variables(&key, &changes));
        assert_eq!(refused.status, 422, "{changes}");
        assert!(refused.detail().contains(told), "{changes}: {}", refused.detail());
    }
    let at = "/authn-jwt/gitlab/acme/status";
    let said = |caller: &mut Caller| {
        let answer = caller.send("GET", at, None);
        (answer.status, answer.json())
    };
    assert_eq!(said(&mut root).0, 404);
    define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &json!({})));
    assert_eq!(said(&mut root), (200, json!({"status": "ok"})));
    let (status, body) = said(&mut Caller::certificate(&server, "alice"));
    assert_eq!((status, &body["status"]), (403, &json!("error")));
    assert_eq!(server.nobody().get(at).status, 401);
    for changes in [
        json!({"public-keys": "x"}),
        json!({"public-keys": json!({"type": "pem", "value": {}}).to_string()}),
        json!({"public-keys": json!({"type": "jwks", "value": {"keys": []}}).to_string()}),
        json!({"public-keys": null, "jwks-uri": "http://a.example/"}),
        json!({"public-keys": null, "jwks-uri": "https://127.0.0.1:9/"}),
        json!({"ca-cert": "x"}),
    ] {
        define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &changes));
        let (status, body) = said(&mut root);
        assert_eq!((status, &body["status"]), (500, &json!("error")), "{changes}");
        assert!(body["error"].as_str().unwrap().starts_with("CONJ00087E"), "{body}");
    }
}

/// The seconds between two fetches of an authenticator's keys that JWTs can cause.
const APART: u64 = 30;

#[test]
fn keys_are_fetched_kept_and_fetched_again() {
    let place = crate::harness::conjur::place();
    let options = clock::moved(&place, crate::harness::hanzo::options(&[]));
    let server = Server::start_at(place, &options);
    let (first, second, third) = (SigningKey::rsa("one"), SigningKey::rsa("two"), SigningKey::rsa("three"));
    let mut jwks = Jwks::start(&server.place.authority, &key_set(&[first.jwk()]));
    configured(&server, &first, &json!({"public-keys": null, "jwks-uri": jwks.uri(), "audience": null}));
    assert_eq!(status(&server, &jwt(&first, &json!({}))), 200);
    assert_eq!(jwks.requests(), 1);
    jwks.answer(&key_set(&[second.jwk()]));
    clock::advance(&server.place, APART);
    eventually("the new key is fetched", || (status(&server, &jwt(&second, &json!({}))) == 200).then_some(()));
    assert_eq!(jwks.requests(), 2);
    // Forged JWTs cause one fetch in 30 s and do not use up other fetches. A host with a new key gets 503 meanwhile.
    let garbage = SigningKey::rsa("garbage");
    let began = std::time::Instant::now();
    for turn in 1..=12 {
        let unknown = |number: usize| {
            let header = json!({"alg": "RS256", "kid": format!("k{number}")});
            garbage.signed("RS256", &header, &but(claims(ISSUER, AUDIENCE, "someone"), &json!({"project": "web"})))
        };
        let statuses: Vec<u16> = (0..5).map(|number| status(&server, &unknown(number))).collect();
        assert!(statuses.iter().all(|status| [401, 503].contains(status)), "{statuses:?}");
        clock::advance(&server.place, APART);
        eventually("the fetch that they asked for", || (jwks.requests() > 1 + turn).then_some(()));
        let most = 2 + turn + usize::try_from(began.elapsed().as_secs() / APART).unwrap();
        assert!(jwks.requests() <= most, "{} fetches after {turn} times {APART} s", jwks.requests());
    }
    assert_eq!(status(&server, &jwt(&garbage, &json!({}))), 503);
    is_logged(&server, "CONJ00087E");
    jwks.answer(&key_set(&[second.jwk(), third.jwk()]));
    assert_eq!(status(&server, &jwt(&third, &json!({}))), 503);
    clock::advance(&server.place, APART);
    eventually("the rotated key is known", || (status(&server, &jwt(&third, &json!({}))) == 200).then_some(()));
    jwks.stop();
    clock::advance(&server.place, APART);
    // A fetch is tried now or soon.
    assert!([401, 503].contains(&status(&server, &jwt(&garbage, &json!({})))));
    assert_eq!(status(&server, &jwt(&second, &json!({}))), 200, "the last good keys stay");
}

#[test]
fn a_provider_says_where_its_keys_are() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let keys = jwks.uri();
    let provider = Jwks::start(&server.place.authority, &json!({}));
    let origin = provider.uri();
    let origin = origin.split('/').take(3).collect::<Vec<_>>().join("/");
    provider.answer(&json!({"issuer": origin, "jwks_uri": keys}));
    configured(&server, &key, &json!({"public-keys": null, "issuer": null, "provider-uri": origin}));
    assert_eq!(status(&server, &jwt(&key, &json!({"iss": origin}))), 200);
    assert_eq!(status(&server, &jwt(&key, &json!({"iss": null}))), 200);
    for iss in [json!(ISSUER), json!(format!("{origin}/")), json!([origin]), json!(1), json!("")] {
        assert_eq!(status(&server, &jwt(&key, &json!({"iss": iss}))), 401, "the issuer is the provider: {iss}");
    }
    // A document with another `issuer` is refused.
    let liar = Jwks::start(&server.place.authority, &json!({"issuer": "https://a.example", "jwks_uri": keys}));
    let own = liar.uri().split('/').take(3).collect::<Vec<_>>().join("/");
    configured(&server, &key, &json!({"public-keys": null, "issuer": null, "provider-uri": own}));
    assert_eq!(status(&server, &jwt(&key, &json!({"iss": own}))), 401);
}

#[test]
fn without_an_issuer_what_a_token_says_of_it_is_the_host_of_its_keys() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let jwks = Jwks::start(&server.place.authority, &key_set(&[key.jwk()]));
    let by_url = json!({"public-keys": null, "jwks-uri": jwks.uri(), "issuer": null});
    configured(&server, &key, &by_url);
    assert_eq!(status(&server, &jwt(&key, &json!({"iss": "127.0.0.1"}))), 200);
    assert_eq!(status(&server, &jwt(&key, &json!({"iss": null}))), 200);
    for iss in [json!(ISSUER), json!(jwks.uri()), json!(["127.0.0.1"]), json!(0), json!(false), json!(""), json!({})] {
        assert_eq!(status(&server, &jwt(&key, &json!({"iss": iss}))), 401, "{iss}");
    }
    // With the variable it must be there.
    configured(&server, &key, &but(by_url, &json!({"issuer": ISSUER})));
    assert_eq!(status(&server, &jwt(&key, &json!({}))), 200);
    for iss in [json!(null), json!("127.0.0.1"), json!([ISSUER])] {
        assert_eq!(status(&server, &jwt(&key, &json!({"iss": iss}))), 401, "{iss}");
    }
}

#[test]
fn what_lets_in_too_many_or_keeps_hosts_out_is_told() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let options = server.options.clone();
    configured(&server, &key, &json!({}));
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "hosts", "apps/api", &host(&json!({"authn-jwt/gitlab/ref": "main"})));
    define(&mut root, "hosts", "apps/other", &host(&json!({"authn-jwt/github/x": "y"})));
    let at = "/authn-jwt/gitlab/acme/status";
    assert_eq!(root.get(at), json!({"status": "ok"}));
    assert!(!server.log().contains("has no audience"));
    define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &json!({"enforced-claims": "ref"})));
    let told = root.get(at);
    assert_eq!((&told["status"], &told["hosts_kept_out"]["count"]), (&json!("ok"), &json!(1)), "{told}");
    let hosts = &told["hosts_kept_out"]["hosts"];
    assert_eq!((hosts.as_array().unwrap().len(), &hosts[0]["host"]), (1, &json!("apps/web")));
    let error = hosts[0]["error"].as_str().unwrap();
    assert!(error.starts_with("CONJ00057E") && error.contains("\"ref\""), "{error}");
    let is_told = |server: &Server| {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("keeps the host out")).unwrap_or_default().to_owned();
        (line.contains("apps/web") && line.contains("acme/gitlab")).then_some(())
    };
    eventually("the log names the host", || is_told(&server));
    define(
        &mut root,
        "authenticators",
        "acme/gitlab",
        &variables(&key, &json!({"enforced-claims": "ref", "audience": null})),
    );
    eventually("the log warns", || server.log().contains("the authenticator has no audience").then_some(()));
    // At each start, too.
    let (place, _) = server.stop();
    let server = Server::start_at(place, &options);
    eventually("the log warns at the start", || {
        server.log().contains("the authenticator has no audience").then_some(()).and(is_told(&server))
    });
}

#[test]
fn what_is_changed_holds_for_the_next_login_and_what_is_removed_at_once() {
    let (server, key, other) = (server(), SigningKey::rsa("one"), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let mut root = Caller::certificate(&server, "root");
    let good = jwt(&key, &json!({}));
    let token = authorization(&authenticate(&server, &good));
    let mut open = server.nobody().connect().unwrap();
    let mut is_in = || open.try_request("GET", "/whoami", &[("Authorization", &token)], b"").unwrap().status;
    assert_eq!(is_in(), 200);
    define(&mut root, "authenticators", "acme/gitlab", &variables(&other, &json!({})));
    assert_eq!((status(&server, &good), status(&server, &jwt(&other, &json!({})))), (401, 200));
    assert_eq!(is_in(), 200, "what was issued stays good");
    assert_eq!(root.undefine("authenticators", &encoded("acme/gitlab")).status, 200);
    assert_eq!(is_in(), 401);
    // An authenticator or a host that is defined again is another one.
    configured(&server, &key, &json!({}));
    assert_eq!(is_in(), 401);
    let token = authorization(&authenticate(&server, &good));
    let mut is_in = || open.try_request("GET", "/whoami", &[("Authorization", &token)], b"").unwrap().status;
    assert_eq!(is_in(), 200);
    assert_eq!(root.undefine("hosts", &encoded("apps/web")).status, 200);
    assert_eq!((is_in(), status(&server, &good)), (401, 401));
    let server = server.restart();
    assert_eq!(status(&server, &good), 401);
    configured(&server, &key, &json!({}));
    assert_eq!(whoami(&server.nobody(), &token), Err(401));
    let token = authorization(&authenticate(&server, &good));
    // One whose definition is changed is the same, whatever `id` the administrator sends.
    let mut root = Caller::certificate(&server, "root");
    let id = |root: &mut Caller, kind: &str, name: &str| {
        let all = root.get(&format!("/access/definitions/{kind}"));
        let own = all.as_array().unwrap().iter().find(|own| own["name"] == name).unwrap().clone();
        own["definition"]["id"].as_str().unwrap().to_owned()
    };
    let [authenticator, own] =
        [("authenticators", "acme/gitlab"), ("hosts", "apps/web")].map(|(kind, name)| id(&mut root, kind, name));
    assert_ne!(authenticator, own);
    let annotations = json!({"authn-jwt/gitlab/project": "web", "authn-jwt/gitlab/branch": "main"});
    define(&mut root, "hosts", "apps/web", &but(host(&annotations), &json!({"id": "other"})));
    define(&mut root, "authenticators", "acme/gitlab", &but(variables(&key, &json!({})), &json!({"id": own})));
    assert_eq!(id(&mut root, "hosts", "apps/web"), own);
    assert_eq!(id(&mut root, "authenticators", "acme/gitlab"), authenticator);
    assert_eq!(whoami(&server.nobody(), &token).map(drop), Ok(()));
    let server = server.restart();
    assert_eq!(whoami(&server.nobody(), &token).map(drop), Ok(()));
    // A host of another account is another host, and again another one when it comes back.
    let mut root = Caller::certificate(&server, "root");
    for account in ["other", "acme"] {
        define(&mut root, "hosts", "apps/web", &but(host(&annotations), &json!({ "account": account })));
        assert_eq!(whoami(&server.nobody(), &token), Err(401), "{account}");
    }
}

#[test]
fn a_token_is_bound_to_the_certificate_and_the_networks_of_its_host() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let alice = server.place.authority.issue(&Leaf::client("alice"));
    let answer = authenticate_at(&server.client(&alice), WEB, &[], &jwt(&key, &json!({})));
    let token = authorization(&answer);
    assert!(whoami(&server.client(&alice), &token).is_ok());
    assert_eq!(whoami(&server.bob(), &token), Err(401));
    assert_eq!(whoami(&server.nobody(), &token), Err(401));
    let mut root = Caller::certificate(&server, "root");
    let elsewhere = but(host(&json!({"authn-jwt/gitlab/project": "web"})), &json!({"restricted_to": ["127.0.0.2/32"]}));
    // At the login, and for an access token that was issued before.
    let before = authorization(&authenticate(&server, &jwt(&key, &json!({}))));
    assert!(whoami(&server.nobody(), &before).is_ok());
    define(&mut root, "hosts", "apps/web", &elsewhere);
    assert_eq!(status(&server, &jwt(&key, &json!({}))), 401);
    is_logged(&server, "CONJ00003E");
    assert_eq!(whoami(&server.nobody(), &before), Err(401));
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/gitlab/project": "web"})));
    assert!(whoami(&server.nobody(), &before).is_ok());
}

#[test]
fn authenticators_and_hosts_come_by_policy_file_too_and_their_rows_are_bound() {
    let (place, key) = (crate::harness::conjur::place(), SigningKey::rsa("one"));
    let policy = place.path("policy.toml");
    let mut text = std::fs::read_to_string(&policy).unwrap();
    let keys = Value::from(json!({"type": "jwks", "value": key_set(&[key.jwk()])}).to_string());
    text.push_str(&format!(
        "[authenticators.\"acme/gitlab\".variables]\npublic-keys = {keys}\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\n\
         [hosts.\"apps/web\"]\naccount = \"acme\"\n[hosts.\"apps/web\".annotations]\n\"authn-jwt/gitlab/project\" = \"web\"\n"
    ));
    std::fs::write(&policy, &text).unwrap();
    let server = Server::start_at(place, &crate::harness::hanzo::options(&[]));
    let options = server.options.clone();
    assert_eq!(status(&server, &jwt(&key, &json!({}))), 200);
    let mut root = Caller::certificate(&server, "root");
    assert_eq!(root.undefine("hosts", &encoded("apps/web")).status, 409);
    define(&mut root, "hosts", "apps/api", &host(&json!({"authn-jwt/gitlab/project": "web"})));
    define(&mut root, "hosts", "apps/job", &host(&json!({"authn-jwt/gitlab/project": "job"})));
    let at = |name: &str| format!("/authn-jwt/gitlab/acme/host%2Fapps%2F{name}/authenticate");
    assert_eq!(authenticate_at(&server.nobody(), &at("api"), &[], &jwt(&key, &json!({}))).status, 200);
    let (place, _) = server.stop();
    let database = rusqlite::Connection::open(place.database()).unwrap();
    let edited = "UPDATE policy_entry SET document = replace(document, 'job', 'web') WHERE name = 'apps/job'";
    assert_eq!(database.execute(edited, []).unwrap(), 1);
    let inserted = "INSERT INTO policy_entry SELECT kind, 'apps/new', version, document, binding FROM policy_entry WHERE name = 'apps/api'";
    assert_eq!(database.execute(inserted, []).unwrap(), 1);
    drop(database);
    let server = Server::start_at(place, &options);
    for (name, expected) in [("api", 200), ("web", 200), ("job", 401), ("new", 401)] {
        assert_eq!(
            authenticate_at(&server.nobody(), &at(name), &[], &jwt(&key, &json!({}))).status,
            expected,
            "{name}"
        );
    }
    assert_eq!(server.log().matches("ROW REFUSED").count(), 2);
    // An error of the file names its table.
    let (place, _) = server.stop();
    std::fs::write(place.path("policy.toml"), text.replace("authn-jwt/gitlab/project", "authn-jwt/gitlab/exp"))
        .unwrap();
    let refused = Server::try_start_at(place, &options).err().unwrap();
    assert!(refused.contains("hosts.apps/web.annotations") && refused.contains("cannot restrict a host"), "{refused}");
}
