//! Failures in the format of Piiano's clients, only for callers of an idps table.

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::iam::{IDPS, TOKEN, VERSION, options, place, server, table};
use crate::harness::jwt::{but, claims};
use crate::harness::{Answer, Server, SigningKey, kmip};

const A: &str = "https://a.example/";

const ROLES: &str = r#"
[roles.VaultAdminRole]
capabilities = ["*"]
policies = ["all", "not-destroy"]
[roles.reader]
capabilities = ["read"]
policies = ["all"]
[policies.all]
policy_type = "allow"
operations = ["*"]
reasons = ["*"]
resources = ["*"]
[policies.not-destroy]
policy_type = "deny"
operations = ["destroy"]
reasons = ["*"]
resources = ["*"]
"#;

/// The members in addition to the problem document.
#[track_caller]
fn told(answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error_code"]), (status, &json!(code)), "{body}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(body["message"], body["detail"]);
    assert_eq!(body["context"], json!({"request_id": body["request_id"]}));
    assert_eq!(body["status"], status);
}

#[track_caller]
fn untold(answer: &Answer, status: u16) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert!(["error_code", "message", "context"].iter().all(|name| body.get(name).is_none()), "{body}");
}

#[test]
fn each_failure_has_its_code() {
    let server = server(&format!("{IDPS}{ROLES}"));
    let mut admin = Caller::bearer(&server, TOKEN);
    let mut ask = |request: &Value| admin.send("POST", kmip::PATH, Some(request));
    let id = kmip::string(&ask(&kmip::create("AES", 256, &[])).json(), "UniqueIdentifier");
    told(&ask(&kmip::named("Destroy", &id)), 403, "PV1006");
    told(&ask(&kmip::named("Get", "nothing")), 404, "PV1004");
    told(&ask(&json!({"tag": "Nonsense", "value": []})), 400, "PV1001");
    let (rest, signature) = TOKEN.rsplit_once('.').unwrap();
    let forged = format!("{rest}.D{}", &signature[1..]);
    assert_ne!(forged, TOKEN);
    told(&Caller::bearer(&server, &forged).send("GET", "/whoami", None), 401, "PV1005");
    // Other callers get the usual answer.
    let mut alice = server.alice().connect().unwrap();
    untold(&alice.kmip(&kmip::named("Get", "nothing")), 404);
    untold(&server.nobody().get("/whoami"), 401);
    untold(&Caller::bearer(&server, "abc").send("GET", "/whoami", None), 401);
}

#[test]
fn a_missing_capability_and_a_foreign_token_are_told_apart() {
    let key = SigningKey::p256("abc");
    let server = server(&format!("{}{ROLES}", table("a", A, "kms", &key)));
    let bearer = |audience: &str, roles: &str| {
        let own = but(claims(A, audience, "carol"), &json!({ "roles": roles }));
        Caller::bearer(&server, &key.token("ES256", &own))
    };
    let create = kmip::create("AES", 256, &[]);
    told(&bearer("kms", "reader").send("POST", kmip::PATH, Some(&create)), 403, "PV1007");
    told(&bearer("kms", "nobody").send("GET", "/whoami", None), 401, "PV1005");
    untold(&bearer("other", "reader").send("GET", "/whoami", None), 401);
    let log = server.log();
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("authentication failed")).collect();
    assert!(failed[0].contains("idps=\"a\"") && !failed[1].contains("idps="), "{failed:#?}");
}

#[test]
fn under_its_paths_each_failure_has_a_code_whoever_asks() {
    let usual = format!("{IDPS}{ROLES}");
    let mut limited = options(&[]);
    limited.arguments.retain(|argument| !argument.starts_with("--auth-failure-limit"));
    let server = Server::start_at(place(&usual), &limited.with(&["--auth-failure-limit=30"]));
    let expired = SigningKey::p256("x").token("ES256", &claims("https://nobody.example/", "vault1", "carol"));
    let credentials = [None, Some("Bearer abc"), Some("Basic YTpi"), Some("Token token=\"e30=\""), Some("Bearer")];
    for path in ["/api/pvlt/1.0/system/info/version", "/api/%70vlt/1.0/system/info/version"] {
        for credential in
            credentials.into_iter().map(|own| own.map(str::to_owned)).chain([Some(format!("Bearer {expired}"))])
        {
            let headers: Vec<(&str, &str)> = credential.iter().map(|own| ("Authorization", own.as_str())).collect();
            let answer = server.nobody().try_request("GET", path, &headers, b"").unwrap();
            if path.contains('%') {
                // The path of a route is compared as it was sent.
                told(&answer, 501, "PV2001");
            } else {
                told(&answer, 401, "PV1005");
            }
        }
    }
    let admin = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let authorization = format!("Bearer {TOKEN}");
        let headers = [&[("Authorization", authorization.as_str())], headers].concat();
        server.nobody().try_request(method, path, &headers, b"").unwrap()
    };
    told(&admin("GET", "/api/pvlt/1.0/nothing", &[]), 501, "PV2001");
    told(&admin("GET", "/api/pvlt", &[]), 501, "PV2001");
    told(&admin("DELETE", VERSION, &[]), 501, "PV2001");
    told(&admin("GET", VERSION, &[("Origin", "https://evil.example")]), 403, "PV1006");
    // Also for another kind of caller.
    told(&server.alice().try_request("POST", VERSION, &[], b"").unwrap(), 501, "PV2001");
    // A failure without its own code has a general one.
    let nobody = || server.nobody().try_request("GET", VERSION, &[], b"").unwrap();
    let refused = std::iter::repeat_with(nobody).take(40).find(|answer| answer.status == 429);
    told(&refused.unwrap(), 429, "PV1001");
}
