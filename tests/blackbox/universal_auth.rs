//! Universal Auth: identities that log in by a client id and client secrets.

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::credentials::{App, LOGIN, app, at, log_in, refused, secret};
use crate::harness::hanzo::{
    RENEW, identity, jwt, login, options, path, place, server, token, trusting, whoami, whoami_at,
};
use crate::harness::jwt::but;
use crate::harness::{Server, SigningKey, eventually};

const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

fn networks(texts: &[&str]) -> Value {
    texts.iter().map(|text| json!({ "ipAddress": text })).collect()
}

#[test]
fn it_is_attached_changed_read_and_removed() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let id = identity(&mut root, "member");
    let at = at(&id, "");
    assert_eq!(root.send("GET", &at, None).status, 404);
    assert_eq!(root.send("PATCH", &at, Some(&json!({}))).status, 404);
    assert_eq!(root.send("DELETE", &at, None).status, 404);
    for (wrong, status) in [
        (json!({"accessTokenPeriod": 60}), 422),
        (json!({"accessTokenTTL": 5, "accessTokenMaxTTL": 4}), 400),
        (json!({"accessTokenTTL": -1}), 422),
        (json!({"accessTokenTTL": "5"}), 422),
        (json!({"accessTokenTrustedIps": []}), 422),
        (json!({"clientSecretTrustedIps": []}), 422),
        (json!({"clientSecretTrustedIps": [{"ipAddress": "10.0.0.1/8"}]}), 422),
        (json!({"lockoutThreshold": 0}), 422),
        (json!({"lockoutThreshold": 31}), 422),
        (json!({"lockoutDurationSeconds": 29}), 422),
        (json!({"lockoutCounterResetSeconds": 3601}), 422),
        (json!({"secretExpiresAt": "2030-01-01"}), 422),
    ] {
        let told = refused(&mut root, &at, &wrong, status);
        assert!(!told.is_empty(), "{wrong}");
    }
    // As the Terraform provider and the SDKs send it, with members that this server does not know.
    let given = json!({
        "accessTokenTTL": 60, "accessTokenMaxTTL": 120, "accessTokenNumUsesLimit": 7, "accessTokenPeriod": 0,
        "clientSecretTrustedIps": networks(&EVERYWHERE), "accessTokenTrustedIps": networks(&["127.0.0.1", "10.0.0.0/8"]),
        "lockoutEnabled": true, "lockoutThreshold": 5, "organizationSlug": null, "color": "red",
    });
    let attached = root.done(&at, &given)["identityUniversalAuth"].clone();
    let client_id = attached["clientId"].as_str().unwrap().to_owned();
    assert_eq!((client_id.len(), attached["identityId"].as_str()), (36, Some(&*id)));
    for (member, expected) in [
        ("accessTokenTTL", json!(60)),
        ("accessTokenMaxTTL", json!(120)),
        ("accessTokenNumUsesLimit", json!(7)),
        ("accessTokenPeriod", json!(0)),
        ("accessTokenTrustedIps", networks(&["127.0.0.1/32", "10.0.0.0/8"])),
        ("clientSecretTrustedIps", networks(&EVERYWHERE)),
        ("lockoutEnabled", json!(true)),
        ("lockoutThreshold", json!(5)),
        ("lockoutDurationSeconds", json!(300)),
        ("lockoutCounterResetSeconds", json!(30)),
    ] {
        let own = &attached[member];
        let same =
            own == &expected || own.to_string().replace("127.0.0.1\"", "127.0.0.1/32\"") == *expected.to_string();
        assert!(same, "{member}: {own}");
    }
    assert!(["id", "createdAt", "updatedAt"].iter().all(|member| attached[member].is_string()), "{attached}");
    assert_eq!(
        refused(&mut root, &at, &json!({}), 400),
        "the identity has Universal Auth already: change or remove it"
    );
    let changed = root.done_with("PATCH", &at, &json!({"lockoutEnabled": false, "accessTokenTTL": 30}));
    let changed = &changed["identityUniversalAuth"];
    assert_eq!((&changed["lockoutEnabled"], &changed["accessTokenTTL"]), (&json!(false), &json!(30)));
    assert_eq!((&changed["clientId"], &changed["accessTokenMaxTTL"]), (&json!(client_id), &json!(120)));
    assert_eq!(&root.get(&at)["identityUniversalAuth"], changed);
    assert_eq!(root.get(&format!("/api/v1/identities/{id}"))["identity"]["authMethods"], json!(["universal-auth"]));
    let removed = root.send("DELETE", &at, None).json();
    assert_eq!(&removed["identityUniversalAuth"]["clientId"], &json!(client_id));
    assert_eq!(root.send("GET", &at, None).status, 404);
    let mut alice = Caller::certificate(&server, "alice");
    assert_eq!(alice.post(&at, &json!({})).status, 403);
}

/// Members of a request with invalid values.
type Wrong<'a> = Vec<(&'a str, Value)>;

/// The members about access tokens that all logins have.
fn wrong_tokens() -> Wrong<'static> {
    vec![
        ("accessTokenTTL", json!(-1)),
        ("accessTokenMaxTTL", json!(315_360_001)),
        ("accessTokenMaxTTL", json!(-1)),
        ("accessTokenNumUsesLimit", json!(-1)),
        ("accessTokenTrustedIps", json!([])),
        ("accessTokenTrustedIps", networks(&["10.0.0.1/8"])),
    ]
}

/// The members of logins by a JWT.
fn wrong_bounds() -> Wrong<'static> {
    let long = "x".repeat(4097);
    vec![
        ("boundIssuer", json!(long)),
        ("boundAudiences", json!(long)),
        ("boundAudiences", json!("")),
        ("boundSubject", json!(long)),
        ("boundClaims", json!({ "a": long })),
        ("boundClaims", json!({ "a": "" })),
    ]
}

/// The error names a refused value as in the request, not as in the policy file.
#[test]
fn what_is_refused_is_named_as_it_was_sent() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let (id, pem) = (identity(&mut root, "member"), "x".repeat(70_000));
    let jwks = vec![
        ("configurationType", json!("none")),
        ("jwksUrl", json!("ftp://keys.example")),
        ("jwksUrl", json!("x".repeat(4097))),
        ("jwksCaCert", json!("no PEM")),
        ("jwksCaCert", json!(pem)),
        ("publicKeys", json!(["no PEM"])),
        ("publicKeys", json!([pem])),
    ];
    let provider = vec![
        ("oidcDiscoveryUrl", json!("ftp://provider.example")),
        ("oidcDiscoveryUrl", json!("x".repeat(4097))),
        ("caCert", json!("no PEM")),
        ("caCert", json!(pem)),
    ];
    let lockouts = vec![
        ("clientSecretTrustedIps", json!([])),
        ("clientSecretTrustedIps", networks(&["10.0.0.1/8"])),
        ("accessTokenPeriod", json!(60)),
        ("lockoutThreshold", json!(0)),
        ("lockoutDurationSeconds", json!(29)),
        ("lockoutCounterResetSeconds", json!(3601)),
        ("lockoutEnabled", json!("perhaps")),
    ];
    let oidc = json!({"oidcDiscoveryUrl": "https://provider.example", "boundIssuer": "x", "boundAudiences": "y"});
    for (way, attached, sound, wrong) in [
        ("jwt-auth", "identityJwtAuth", trusting(&key, &json!({})), [jwks, wrong_bounds(), wrong_tokens()].concat()),
        ("oidc-auth", "identityOidcAuth", oidc, [provider, wrong_bounds(), wrong_tokens()].concat()),
        ("universal-auth", "identityUniversalAuth", json!({}), [lockouts, wrong_tokens()].concat()),
    ] {
        let at = format!("/api/v1/auth/{way}/identities/{id}");
        for (member, value) in &wrong {
            let mut body = sound.clone();
            if *member == "jwksUrl" {
                body["configurationType"] = json!("jwks");
            }
            // No member accepts a nested list.
            for value in [value, &json!([[]])] {
                body[*member] = value.clone();
                named_as_sent(&refused(&mut root, &at, &body, 422), member);
            }
        }
        let longer = but(sound.clone(), &json!({"accessTokenTTL": 5, "accessTokenMaxTTL": 4}));
        named_as_sent(&refused(&mut root, &at, &longer, 400), "accessTokenTTL");
        // The test has every member that can be sent, also for changes.
        let attached = root.done(&at, &sound)[attached].clone();
        let own = ["id", "identityId", "clientId", "createdAt", "updatedAt"];
        for member in attached.as_object().unwrap().keys().filter(|member| !own.contains(&member.as_str())) {
            assert!(wrong.iter().any(|(tried, _)| tried == member), "{way}: {member}");
            let answer = root.send("PATCH", &at, Some(&json!({ member: [[]] })));
            assert_eq!(answer.status, 422, "{way}: {member}");
            named_as_sent(answer.json()["message"].as_str().unwrap(), member);
        }
    }
    let secrets = at(&id, "/client-secrets");
    for (member, value) in [
        ("description", json!("x".repeat(256))),
        ("description", json!("a\u{7}")),
        ("numUsesLimit", json!(-1)),
        ("ttl", json!(-1)),
    ] {
        for value in [value, json!([[]])] {
            named_as_sent(&refused(&mut root, &secrets, &json!({ member: value }), 422), member);
        }
    }
}

#[track_caller]
fn named_as_sent(told: &str, member: &str) {
    assert!(told.starts_with(member), "{member}: {told}");
    let mut words = told.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    assert!(!words.any(|word| word.contains('_')), "{member}: {told}");
}

#[test]
fn a_client_secret_gives_a_token_as_it_is_configured() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"accessTokenTTL": 60, "accessTokenMaxTTL": 120, "accessTokenNumUsesLimit": 2}));
    let (id, secret) = secret(&mut root, &own, &json!({"description": " build server ", "ttl": 3600}));
    let answer = log_in(&server, &own.client_id, &secret);
    let given = answer.json();
    assert_eq!(answer.status, 200, "{given}");
    let rest = (&given["expiresIn"], &given["accessTokenMaxTTL"], &given["tokenType"]);
    assert_eq!(rest, (&json!(60), &json!(120), &json!("Bearer")));
    let token = token(&given);
    assert_eq!(whoami(&server, &token), Ok(format!("identity:{}", own.identity)));
    assert_eq!(server.nobody().post(RENEW, &json!({"accessToken": token})).status, 200);
    assert!(whoami(&server, &token).is_ok());
    assert_eq!(whoami(&server, &token), Err(401), "two uses");
    let listed = root.get(&at(&own.identity, "/client-secrets"))["clientSecretData"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let shown = root.get(&at(&own.identity, &format!("/client-secrets/{id}")))["clientSecretData"].clone();
    assert_eq!(listed[0], shown);
    for (member, expected) in [
        ("id", json!(id)),
        ("description", json!("build server")),
        ("clientSecretPrefix", json!(secret[..4])),
        ("clientSecretNumUses", json!(1)),
        ("clientSecretNumUsesLimit", json!(0)),
        ("clientSecretTTL", json!(3600)),
        ("isClientSecretRevoked", json!(false)),
    ] {
        assert_eq!(shown[member], expected, "{member}");
    }
    assert!(["createdAt", "updatedAt", "identityUAId"].iter().all(|member| shown[member].is_string()), "{shown}");
    assert!(!shown.to_string().contains(&secret[4..]));
    // The audit log names the secret by its identifier, without any part of it.
    eventually("the login is in the log", || {
        let trail = std::fs::read_to_string(server.place.audit_file()).unwrap();
        assert!(!trail.contains(&secret[4..]));
        trail.contains(&format!("universal-auth {id}")).then_some(())
    });
    for (wrong, member) in [
        (json!({"description": "x".repeat(256)}), "description"),
        (json!({"numUsesLimit": -1}), "numUsesLimit"),
        (json!({"ttl": 315_360_001}), "ttl"),
        (json!({"ttl": "x"}), "ttl"),
        (json!({"trustedIps": ["10.0.0.0/8"]}), "trustedIps"),
    ] {
        assert!(refused(&mut root, &at(&own.identity, "/client-secrets"), &wrong, 422).contains(member), "{wrong}");
    }
    for body in [json!({}), json!({"clientId": own.client_id}), json!({"clientId": 1, "clientSecret": secret})] {
        let answer = server.nobody().post(LOGIN, &body);
        assert_eq!(answer.status, 422, "{body}");
        assert!(!answer.json().to_string().contains(&secret[4..]));
    }
}

/// An identity may have several logins, and the access tokens of one login end when it is removed.
#[test]
fn what_universal_auth_gave_ends_with_it() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({}));
    root.done(&path(&own.identity), &trusting(&key, &json!({})));
    let methods = root.get(&format!("/api/v1/identities/{}", own.identity))["identity"]["authMethods"].clone();
    assert_eq!(methods, json!(["jwt-auth", "universal-auth"]));
    let (_, client_secret) = secret(&mut root, &own, &json!({}));
    let by_secret = token(&log_in(&server, &own.client_id, &client_secret).json());
    let by_jwt = login(&server, &own.identity, &jwt(&key, &json!({})));
    let mut open = Caller::bearer(&server, &by_secret);
    assert!(whoami_at(&mut open).is_ok() && whoami(&server, &by_jwt).is_ok());
    // After a change, secrets and access tokens stay valid.
    root.done_with("PATCH", &at(&own.identity, ""), &json!({"accessTokenMaxTTL": 0}));
    assert!(whoami_at(&mut open).is_ok());
    assert_eq!(log_in(&server, &own.client_id, &client_secret).status, 200);
    assert_eq!(root.send("DELETE", &at(&own.identity, ""), None).status, 200);
    assert_eq!(whoami_at(&mut open), Err(401));
    assert_eq!(log_in(&server, &own.client_id, &client_secret).status, 401);
    assert!(whoami(&server, &by_jwt).is_ok(), "the other way stays");
    // Attached again it is another one.
    let again = root.done(&at(&own.identity, ""), &json!({}));
    let client_id = again["identityUniversalAuth"]["clientId"].as_str().unwrap();
    assert_ne!(client_id, own.client_id);
    for client_id in [client_id, &own.client_id] {
        assert_eq!(log_in(&server, client_id, &client_secret).status, 401);
    }
    assert_eq!(whoami_at(&mut open), Err(401));
    let again = App { identity: own.identity.clone(), client_id: client_id.to_owned() };
    let (_, client_secret) = secret(&mut root, &again, &json!({}));
    let token = token(&log_in(&server, client_id, &client_secret).json());
    assert_eq!(root.send("DELETE", &format!("/api/v1/identities/{}", own.identity), None).status, 200);
    assert_eq!(whoami(&server, &token), Err(401));
    assert_eq!(log_in(&server, client_id, &client_secret).status, 401);
}

#[test]
fn one_who_fails_too_often_is_locked_out_for_a_while() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({}));
    let open = app(&mut root, &json!({"lockoutEnabled": false}));
    let (_, good) = secret(&mut root, &own, &json!({}));
    let (_, other) = secret(&mut root, &open, &json!({}));
    let status = |client_id: &str, secret: &str| log_in(&server, client_id, secret).status;
    // Two failures and a success: the count begins again.
    for _ in 0..2 {
        assert_eq!([0; 2].map(|_| status(&own.client_id, &other)), [401; 2]);
        assert_eq!(status(&own.client_id, &good), 200);
    }
    assert_eq!([0; 3].map(|_| status(&own.client_id, &other)), [401; 3]);
    let locked = log_in(&server, &own.client_id, &good);
    assert_eq!(locked.status, 401, "locked out");
    // The answer is the same for a client id that does not exist.
    let unknown = log_in(&server, "00000000-0000-4000-8000-000000000000", &good);
    assert_eq!((unknown.status, &unknown.json()["message"]), (401, &locked.json()["message"]));
    assert_eq!([0; 5].map(|_| status(&open.client_id, &good)), [401; 5]);
    assert_eq!(status(&open.client_id, &other), 200, "no lockout is configured there");
    let clear = |root: &mut Caller, app: &App| root.done(&at(&app.identity, "/clear-lockouts"), &json!({}));
    assert_eq!(clear(&mut root, &open), json!({"deleted": 0}));
    assert_eq!(status(&own.client_id, &good), 401);
    assert_eq!(clear(&mut root, &own), json!({"deleted": 1}));
    assert_eq!(status(&own.client_id, &good), 200);
    assert_eq!([0; 3].map(|_| status(&own.client_id, &other)), [401; 3]);
    assert_eq!(status(&own.client_id, &good), 401);
    eventually("the audit log has it", || {
        std::fs::read_to_string(server.place.audit_file()).unwrap().contains("locked").then_some(())
    });
    // It ends with the server.
    let server = server.restart();
    assert_eq!(log_in(&server, &own.client_id, &good).status, 200);
}

#[test]
fn a_client_id_of_the_policy_file_is_of_one_identity() {
    let auth_of = |name: &str, id: &str, client: &str| {
        format!(
            "[identities.{name}]\nname = \"{name}\"\nrole = \"member\"\n[identities.{name}.universal_auth]\nid = \"{id}\"\n\
             client_id = \"{client}\"\nclient_secret_trusted_ips = [\"0.0.0.0/0\"]\naccess_token_ttl = 60\n\
             access_token_max_ttl = 60\naccess_token_num_uses_limit = 0\naccess_token_trusted_ips = [\"0.0.0.0/0\"]\n\
             lockout_enabled = true\nlockout_threshold = 3\nlockout_duration_seconds = 300\n\
             lockout_counter_reset_seconds = 30\n"
        )
    };
    let auth = |name: &str, client: &str| auth_of(name, name, client);
    let place = place();
    let policy = std::fs::read_to_string(place.path("policy.toml")).unwrap();
    let write = |text: String| std::fs::write(place.path("policy.toml"), format!("{policy}{text}")).unwrap();
    write(auth("one", "app") + &auth("two", "app"));
    let why = Server::refused_at(&place, &options(&[]));
    assert!(why.contains("client_id") && why.contains("another identity has this client id"), "{why}");
    write(auth_of("one", "same", "app") + &auth_of("two", "same", "other"));
    let why = Server::refused_at(&place, &options(&[]));
    assert!(why.contains("universal_auth.id") && why.contains("another identity has this id"), "{why}");
    write(auth("one", "app"));
    let server = Server::start_at(place, &options(&[]));
    let mut root = Caller::certificate(&server, "root");
    let own = App { identity: "one".to_owned(), client_id: "app".to_owned() };
    let (_, client_secret) = secret(&mut root, &own, &json!({}));
    let token = token(&log_in(&server, "app", &client_secret).json());
    assert_eq!(whoami(&server, &token), Ok("identity:one".to_owned()));
}

#[test]
fn administrators_do_it_by_the_command_line() {
    let server = server();
    let identity = server.place.authority.issue(&crate::harness::Leaf::client("root"));
    let root = crate::harness::Cli::new(&server, "root", &identity);
    let run = |arguments: &[&str]| root.ok(arguments).trim_end().to_owned();
    let id = run(&["identities", "create", "--name", "build", "--role", "member"]);
    let client_id = run(&["identities", "universal-auth", "attach", &id, "--ttl", "60", "--lockout-threshold", "1"]);
    let create = ["identities", "client-secrets", "create", &id, "--description", "build server", "--uses", "2"];
    let secret = run(&create);
    assert_eq!(log_in(&server, &client_id, &secret).json()["expiresIn"], json!(60));
    let listed = root.rows(&["identities", "client-secrets", "list", &id]);
    let (secret_id, rest) = listed[0].split_once(" | ").unwrap();
    assert_eq!(rest, format!("{} | 1/2 | unlimited | build server", &secret[..4]));
    let identities = root.rows(&["identities", "list"]);
    assert!(identities.contains(&format!("{id} | build | member")), "{identities:?}");
    let tokens = root.rows(&["tokens", "list"]);
    let row = format!(" | identity:{id} | universal-auth {secret_id} | 2");
    assert!(tokens[0].contains(&row) && tokens[0].ends_with(" | 0/any | valid"), "{tokens:?}");
    let shown: Value = serde_json::from_str(&run(&["identities", "show", &id])).unwrap();
    assert_eq!(shown["identityUniversalAuth"]["clientId"], json!(client_id));
    assert_eq!(log_in(&server, &client_id, &"0".repeat(68)).status, 401);
    assert_eq!(log_in(&server, &client_id, &secret).status, 401, "locked out");
    assert_eq!(run(&["identities", "universal-auth", "clear-lockouts", &id]), "1");
    assert_eq!(log_in(&server, &client_id, &secret).status, 200);
    run(&["identities", "client-secrets", "revoke", &id, secret_id, "--yes"]);
    assert_eq!(run(&["identities", "client-secrets", "list", &id]), "");
    let made = root.json(&create);
    let secret = made["clientSecret"].as_str().unwrap();
    assert_eq!(log_in(&server, &client_id, secret).status, 200);
    run(&["identities", "universal-auth", "detach", &id, "--yes"]);
    assert_eq!(log_in(&server, &client_id, secret).status, 401);
}

#[test]
fn forms_and_a_slash_at_the_end_are_accepted_as_by_infisical() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let app = app(&mut root, &json!({}));
    let (_, secret) = secret(&mut root, &app, &json!({}));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let send = |path: &str, body: &str| server.nobody().try_request("POST", path, &form, body.as_bytes()).unwrap();
    let login = format!("clientId={}&clientSecret={secret}", app.client_id);
    for path in [LOGIN.to_owned(), format!("{LOGIN}/")] {
        let answer = send(&path, &login);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let token = answer.json()["accessToken"].as_str().unwrap().to_owned();
        assert_eq!(send(RENEW, &format!("accessToken={token}")).status, 200);
    }
    // curl calls each body a form.
    let json = json!({"clientId": app.client_id, "clientSecret": secret}).to_string();
    assert_eq!(send(LOGIN, &format!(" {json}")).status, 200);
    for (body, told) in [
        (format!("clientId={}", app.client_id), "clientSecret is missing"),
        (format!("{login}&clientSecret={secret}"), "clientSecret is given twice"),
        (format!("{login}%ff"), "not UTF-8"),
    ] {
        let answer = send(LOGIN, &body);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && message.contains(told) && !message.contains(&secret), "{message}");
    }
    assert_eq!(root.send("GET", "/api/v1/workspace/", None).status, 200);
    assert_eq!(root.send("GET", "/api/v1/workspace//", None).status, 501);
}
