//! The account `default` works without a project, for every caller: no caller changes the environments, folders, tags and
//! values of others there, or learns of their secrets.

use serde_json::{Value, json};

use crate::hanzo_secrets::refused;
use crate::harness::caller::change;
use crate::harness::kmip::text;
use crate::harness::shop::RAW;
use crate::harness::{Caller, Server, hanzo};

const TAGS: &str = "/api/v1/workspace/default/tags";
const ENVIRONMENTS: &str = "/api/v1/workspace/default/environments";
const FOLDERS: &str = "/api/v1/folders";

fn people(server: &Server) -> [Caller; 3] {
    ["alice", "mallory", "root"].map(|name| Caller::certificate(server, name))
}

/// A request about the root of `dev`, or a folder in it.
fn at(path: &str, more: &Value) -> Value {
    let mut body = json!({"workspaceId": "default", "environment": "dev"});
    for member in ["secretPath", "path"] {
        body[member] = json!(path);
    }
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn folder(caller: &mut Caller, path: &str, name: &str) {
    caller.done(FOLDERS, &at(path, &json!({ "name": name })));
}

fn secret(caller: &mut Caller, path: &str, name: &str) {
    caller.done(&format!("{RAW}/{name}"), &at(path, &json!({"secretValue": "v"})));
}

fn secrets(caller: &mut Caller, path: &str) -> Vec<String> {
    let answer = caller.get(&format!("{RAW}?workspaceId=default&environment=dev&secretPath={path}"));
    answer["secrets"].as_array().unwrap().iter().map(|one| one["secretKey"].as_str().unwrap().to_owned()).collect()
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

#[test]
fn tags_and_environments_belong_to_who_made_them() {
    let server = hanzo::server();
    let [mut alice, mut mallory, mut root] = people(&server);
    let tag = |slug: &str| json!({"slug": slug, "name": "t", "color": "#fff"});
    let made = alice.done(TAGS, &tag("tx"));
    let own = format!("{TAGS}/{}", id(&made["workspaceTag"]));
    let told = refused(&mallory.send("PATCH", &own, Some(&json!({"slug": "pwned"}))), 403);
    assert!(told.contains("\"tx\" is not yours") && told.contains("default"), "{told}");
    refused(&mallory.send("DELETE", &own, None), 403);
    alice.done_with("PATCH", &own, &json!({"slug": "ty"}));

    let all = mallory.get(ENVIRONMENTS)["environments"].as_array().unwrap().clone();
    assert_eq!(all.len(), 3);
    for environment in &all {
        let own = format!("{ENVIRONMENTS}/{}", id(environment));
        refused(&mallory.send("DELETE", &own, None), 403);
        refused(&mallory.send("PATCH", &own, Some(&json!({"name": "x"}))), 403);
    }
    let made = alice.done(ENVIRONMENTS, &json!({"name": "Quality", "slug": "qa"}));
    let own = format!("{ENVIRONMENTS}/{}", id(&made["environment"]));
    refused(&mallory.send("DELETE", &own, None), 403);
    assert_eq!(alice.done_with("PATCH", &own, &json!({"name": "Q"}))["environment"]["name"], "Q");
    // Administrators may change everything.
    root.done_with("PATCH", &format!("{ENVIRONMENTS}/{}", id(&all[1])), &json!({"name": "Stage"}));
    assert_eq!(alice.send("DELETE", &own, None).status, 200);

    // One caller makes a tenth of what there may be.
    for number in 0..50 {
        mallory.done(TAGS, &tag(&format!("m{number}")));
    }
    let told = refused(&mallory.post(TAGS, &tag("m50")), 400);
    assert!(told.contains("at most 50 tags"), "{told}");
    alice.done(TAGS, &tag("tz"));
    for number in 0..10 {
        mallory.done(ENVIRONMENTS, &json!({"name": "x", "slug": format!("m{number}")}));
    }
    let told = refused(&mallory.post(ENVIRONMENTS, &json!({"name": "x", "slug": "m10"})), 400);
    assert!(told.contains("at most 10 environments"), "{told}");
    // The rest of the places outlives a restart with its owners.
    let server = server.restart();
    let [_, mut mallory, _] = people(&server);
    let tags = mallory.get(TAGS);
    let tags = tags["workspaceTags"].as_array().unwrap();
    let own = tags.iter().find(|own| own["slug"] == "ty").unwrap();
    refused(&mallory.send("DELETE", &format!("{TAGS}/{}", id(own)), None), 403);
}

#[test]
fn folders_reveal_no_secrets_of_others_and_leave_them_where_they_are() {
    let server = hanzo::server();
    let [mut alice, mut mallory, _] = people(&server);
    folder(&mut alice, "/", "afold");
    secret(&mut alice, "/afold", "KEY");
    refused(&mallory.send("DELETE", &format!("{FOLDERS}/afold"), Some(&at("/", &json!({})))), 403);
    refused(&mallory.send("PATCH", &format!("{FOLDERS}/afold"), Some(&at("/", &json!({"name": "x"})))), 403);
    // alice's secret is in the folder that has no row of its own.
    let path = "/secrets/default/variable/dev%2Fhidden%2FKEY";
    assert_eq!(
        alice.connection.try_request("POST", path, &[("Content-Type", "text/plain")], b"v").unwrap().status,
        201
    );
    let outcomes = ["hidden", "nothing"].map(|name| {
        let inside = format!("/{name}");
        let new = at(&inside, &json!({"secretValue": "x"}));
        let mut statuses = vec![mallory.post(&format!("{RAW}/OWN"), &new).status];
        folder(&mut mallory, "/", name);
        secret(&mut mallory, &inside, "OWN");
        // Her own secret counts, and those of others do not.
        statuses.push(mallory.send("DELETE", &format!("{FOLDERS}/{name}"), Some(&at("/", &json!({})))).status);
        let to = at("/", &json!({"name": format!("{name}-moved")}));
        statuses.push(mallory.send("PATCH", &format!("{FOLDERS}/{name}"), Some(&to)).status);
        assert_eq!(secrets(&mut mallory, &format!("/{name}-moved")), ["OWN"]);
        let force = at("/", &json!({"forceDelete": true}));
        statuses.push(mallory.send("DELETE", &format!("{FOLDERS}/{name}-moved"), Some(&force)).status);
        // An empty folder.
        folder(&mut mallory, "/", name);
        statuses.push(mallory.send("DELETE", &format!("{FOLDERS}/{name}"), Some(&at("/", &json!({})))).status);
        statuses
    });
    assert_eq!(outcomes[0], [404, 409, 200, 200, 200]);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(secrets(&mut alice, "/hidden"), ["KEY"]);
    assert_eq!(secrets(&mut alice, "/afold"), ["KEY"]);
    // A missing folder is recorded as one that may not be seen.
    for path in [format!("{FOLDERS}/none"), "/api/v2/folders/none".to_owned()] {
        refused(&mallory.send("GET", &path, None), 404);
    }
    let recorded = server.place.audit_lines().into_iter().filter(|line| line["detail"] == "folder \"none\"").count();
    assert_eq!(recorded, 2);
}

#[test]
fn a_writer_does_not_push_out_the_values_of_others() {
    let server = hanzo::server();
    let [mut alice, mut mallory, _] = people(&server);
    secret(&mut alice, "/", "KEY");
    let id = alice.get(&format!("{RAW}/KEY?workspaceId=default&environment=dev&secretPath=/"))["secret"]["id"].clone();
    alice.grant(id.as_str().unwrap(), "mallory", &["write_secret"]);
    let path = "/secrets/default/variable/dev%2FKEY";
    let write = |caller: &mut Caller| {
        caller.connection.try_request("POST", path, &[("Content-Type", "text/plain")], b"x").unwrap()
    };
    let statuses: Vec<u16> = (0..20).map(|_| write(&mut mallory).status).collect();
    assert_eq!(statuses, [vec![201; 19], vec![409]].concat());
    // Neither by another way to write.
    let told =
        refused(&mallory.send("PATCH", &format!("{RAW}/KEY"), Some(&at("/", &json!({"secretValue": "x"})))), 409);
    assert!(told.contains("value 1 was written by another caller"), "{told}");
    // The owner may, and then the values that may be pushed out are mallory's own.
    assert_eq!(write(&mut alice).status, 201);
    assert_eq!((0..18).map(|_| write(&mut mallory).status).max(), Some(201));
    alice.grant(id.as_str().unwrap(), "mallory", &["destroy"]);
    assert_eq!((0..5).map(|_| write(&mut mallory).status).max(), Some(201));
}

#[test]
fn what_the_policy_file_calls_principals_are_no_user_names() {
    let server = hanzo::server();
    let mut alice = Caller::certificate(&server, "alice");
    let key = alice.key("k", &[text("Description", "own")]);
    for name in ["certificate:bob", "jwt:https://issuer.example/#bob", "api-token", "unauthenticated"] {
        let told = alice.not_done("/access/grant", &change(&key, name, &["get_attributes"]), 422);
        assert!(told.contains("principals"), "{told}");
        let mut odd = Caller::certificate(&server, name);
        assert_eq!(odd.send("GET", "/access/owned", None).status, 401, "{name}");
    }
    let grant = json!({"unique_identifier": key, "user_id": "role:lead", "operation_types": ["get_attributes"]});
    alice.not_done("/access/grant", &grant, 422);
}
