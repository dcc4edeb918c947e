//! Callers who are not administrators get the same answer, whether the object of their request exists or not.

use serde_json::{Value, json};

use crate::harness::World;

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.full]
capabilities = ["*"]
policies = ["all"]
[users.uma]
role = "full"
[projects.p.members]
alice = "full"
"#;

#[test]
fn by_no_route_of_those_who_administer() {
    let world = World::new(POLICY);
    let mut root = world.certificate("root");
    let made = root.done("/api/v1/identities", &json!({"name": "runner", "role": "no-access"}));
    let id = made["identity"]["id"].as_str().unwrap().to_owned();
    let attach = json!({"configurationType": "jwks", "jwksUrl": "https://issuer.example/keys", "boundAudiences": "x"});
    root.done(&format!("/api/v1/auth/jwt-auth/identities/{id}"), &attach);
    root.done(&format!("/api/v1/auth/universal-auth/identities/{id}"), &json!({}));
    assert_eq!(root.define("hosts", "app", &json!({"account": "acme"})).status, 200);
    root.done("/api/v2/workspace", &json!({"projectName": "made"}));
    root.done(&format!("/api/v2/workspace/made/identity-memberships/{id}"), &json!({"role": "full"}));
    let role = || json!({"role": "full"});
    let other = "00000000-0000-4000-8000-000000000000";
    let mut asked: Vec<(&str, String, String, Option<Value>)> = Vec::new();
    let mut ask = |method, path: &str, there: &str, body: &Option<Value>| {
        let not = if there == id { other } else { "none" };
        asked.push((method, path.replace("{}", there), path.replace("{}", not), body.clone()));
    };
    for project in ["p", "made", "none"] {
        let members = format!("/api/v2/workspace/{project}/identity-memberships/{{}}");
        for method in ["POST", "PATCH"] {
            ask(method, &members, &id, &Some(role()));
            ask(method, &members, &id, &Some(json!({"role": "none"})));
        }
        ask("DELETE", &members, &id, &None);
    }
    for project in ["p", "made"] {
        ask("GET", "/api/v2/workspace/{}/identity-memberships", project, &None);
        ask("POST", &format!("/api/v2/workspace/{{}}/identity-memberships/{id}"), project, &Some(role()));
    }
    ask("GET", "/api/v1/identities/{}", &id, &None);
    ask("PATCH", "/api/v1/identities/{}", &id, &Some(json!({"name": "x"})));
    ask("DELETE", "/api/v1/identities/{}", &id, &None);
    for (method, body) in
        [("GET", None), ("POST", Some(attach.clone())), ("PATCH", Some(json!({"boundSubject": "x"}))), ("DELETE", None)]
    {
        ask(method, "/api/v1/auth/jwt-auth/identities/{}", &id, &body);
    }
    let universal = "/api/v1/auth/universal-auth/identities/{}";
    for (method, body) in
        [("GET", None), ("POST", Some(json!({}))), ("PATCH", Some(json!({"lockoutThreshold": 5}))), ("DELETE", None)]
    {
        ask(method, universal, &id, &body);
    }
    ask("POST", &format!("{universal}/clear-lockouts"), &id, &Some(json!({})));
    for (method, rest) in [("GET", ""), ("POST", ""), ("GET", "/x"), ("POST", "/x/revoke")] {
        ask(method, &format!("{universal}/client-secrets{rest}"), &id, &(method == "POST").then(|| json!({})));
    }
    for method in ["PUT", "DELETE"] {
        ask(method, "/authn/acme/api_key?role=host:{}", "app", &None);
    }
    for (kind, name) in [
        ("roles", "full"),
        ("policies", "all"),
        ("users", "uma"),
        ("projects", "p"),
        ("projects", "made"),
        ("identities", &id),
    ] {
        let path = format!("/access/definitions/{kind}/{{}}");
        ask("DELETE", &path, name, &None);
        ask("PUT", &path, name, &Some(json!({})));
        ask("GET", &format!("/access/definitions/{kind}?after={{}}"), name, &None);
    }
    ask("GET", "/issuers?after={}", &id, &None);
    ask("GET", "/access/tokens?subject=identity:{}", &id, &None);
    ask("DELETE", "/access/tokens/{}", &id, &None);
    let mut mallory = world.certificate("mallory");
    let mut answer = |method: &str, path: &str, body: &Option<Value>| {
        let answer = mallory.send(method, path, body.as_ref());
        let mut said: Value = answer.json();
        // The request's own identifier.
        said.as_object_mut().unwrap().retain(|name, _| !["reqId", "request_id", "instance"].contains(&name.as_str()));
        (answer.status, said.to_string())
    };
    for (method, there, not, body) in &asked {
        let (one, two) = (answer(method, there, body), answer(method, not, body));
        assert_eq!(one.0, 403, "{method} {there}: {}", one.1);
        assert_eq!(one, two, "{method} {there}");
    }
    let test = |issuer: &str| Some(json!({"jwt": "e30.e30.e30", "issuer": issuer}));
    assert_eq!(answer("POST", "/issuers/test", &test(&id)), answer("POST", "/issuers/test", &test(other)));
    // Administrators get the answer.
    assert_eq!(root.post(&format!("/api/v2/workspace/made/identity-memberships/{other}"), &role()).status, 404);
}
