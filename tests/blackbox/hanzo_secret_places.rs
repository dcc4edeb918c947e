//! Environments, folders and tags of projects, and the cost of lists of their secrets.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::hanzo_secrets::{create, listed, refused, sound};
use crate::harness::caller::{Caller, succeeded};
use crate::harness::costs::took;
use crate::harness::shop::{MANY, PAGE, RAW, fill, shop, shop_at};
use crate::harness::{Server, hanzo};

const ENVIRONMENTS: &str = "/api/v1/workspace/shop/environments";
const V1: &str = "/api/v1/folders";
const V2: &str = "/api/v2/folders";

/// Returns the names in a list.
fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    answer[list].as_array().unwrap().iter().map(|one| one[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_project_has_environments() {
    let (server, _) = shop();
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| Caller::certificate(&server, name));
    assert_eq!(names(&rita.get(ENVIRONMENTS), "environments", "slug"), ["dev", "staging", "prod"]);
    // The request of @infisical/sdk 5.0.2.
    let new = json!({"name": "Quality", "projectId": "shop", "slug": "qa", "position": 2});
    let made = alice.done(ENVIRONMENTS, &new)["environment"].clone();
    for (member, value) in
        [("slug", json!("qa")), ("name", json!("Quality")), ("position", json!(2)), ("projectId", json!("shop"))]
    {
        assert_eq!(made[member], value, "{made}");
    }
    assert!(made["id"].is_string() && made["createdAt"].is_string() && made["updatedAt"].is_string());
    assert_eq!(names(&rita.get(ENVIRONMENTS), "environments", "slug"), ["dev", "qa", "staging", "prod"]);
    refused(&alice.post(ENVIRONMENTS, &new), 400);
    refused(&alice.post(ENVIRONMENTS, &json!({"name": "x", "slug": "a/b"})), 422);
    refused(&rita.post(ENVIRONMENTS, &json!({"name": "x", "slug": "x"})), 403);
    let body = json!({"workspaceId": "shop", "environment": "qa", "secretValue": "x"});
    alice.done(&format!("{RAW}/A"), &body);
    let own = format!("{ENVIRONMENTS}/{}", made["id"].as_str().unwrap());
    let changed = alice.done_with("PATCH", &own, &json!({"name": "Q"}))["environment"].clone();
    assert_eq!((&changed["name"], &changed["slug"]), (&json!("Q"), &json!("qa")));
    // The request of Terraform, with the slug, which does not change.
    let whole = json!({"name": "Q", "slug": "qa", "position": 2});
    assert_eq!(alice.done_with("PATCH", &own, &whole)["environment"]["position"], json!(2));
    let told = refused(&alice.send("PATCH", &own, Some(&json!({"slug": "q", "name": "Other"}))), 422);
    assert!(told.starts_with("slug: \"q\"") && told.contains("\"qa\""), "{told}");
    assert_eq!(alice.get(&own)["environment"]["name"], json!("Q"), "nothing was changed");
    // It contains a secret.
    assert!(refused(&alice.send("DELETE", &own, None), 409).contains("not empty"));
    alice.done_with("DELETE", &format!("{RAW}/A"), &json!({"workspaceId": "shop", "environment": "qa"}));
    refused(&rita.send("DELETE", &own, None), 403);
    succeeded(&alice.send("DELETE", &own, None), &json!(own));
    refused(&alice.post(&format!("{RAW}/A"), &body), 404);
    let server = server.restart();
    let mut alice = Caller::certificate(&server, "alice");
    assert_eq!(names(&alice.get(ENVIRONMENTS), "environments", "slug"), ["dev", "staging", "prod"]);
    for id in names(&alice.get(ENVIRONMENTS), "environments", "id").iter().take(2) {
        succeeded(&alice.send("DELETE", &format!("{ENVIRONMENTS}/{id}"), None), &json!(id));
    }
    let last = names(&alice.get(ENVIRONMENTS), "environments", "id");
    refused(&alice.send("DELETE", &format!("{ENVIRONMENTS}/{}", last[0]), None), 409);
}

#[test]
fn an_environment_is_found_by_its_identifier_only() {
    let (server, mut root) = shop();
    let [mut alice, mut rita, mut mallory] =
        ["alice", "rita", "mallory"].map(|name| Caller::certificate(&server, name));
    crate::harness::conjur::define(&mut root, "projects", "other", &json!({"members": {"mallory": "lead"}}));
    let at = |id: &str| format!("/api/v1/workspace/environments/{id}");
    // The environments that a project has from the beginning have no rows.
    let implied = names(&rita.get(ENVIRONMENTS), "environments", "id");
    let hidden = |mallory: &mut Caller, id: &str| refused(&mallory.send("GET", &at(id), None), 404).replace(id, "ID");
    let none = hidden(&mut mallory, "00000000-0000-8000-8000-000000000000");
    let mut look = |all: &[String], listed: &Value| {
        for (id, own) in all.iter().zip(listed["environments"].as_array().unwrap()) {
            let found = rita.get(&at(id))["environment"].clone();
            assert_eq!((&found, &found["projectId"]), (own, &json!("shop")));
            // An administrator need not be a member to make environments.
            assert_eq!(&root.get(&at(id))["environment"], own);
            assert_eq!(hidden(&mut mallory, id), none, "what is another's is as what is not there");
        }
    };
    look(&implied, &alice.get(ENVIRONMENTS));
    let made = alice.done(ENVIRONMENTS, &json!({"name": "Quality", "slug": "qa"}))["environment"].clone();
    let listed = alice.get(ENVIRONMENTS);
    let all = names(&listed, "environments", "id");
    assert_eq!((all.len(), &all[..3]), (4, &implied[..]), "the identifiers stay");
    look(&all, &listed);
    for id in [made["id"].as_str().unwrap(), &implied[0]] {
        succeeded(&alice.send("DELETE", &format!("{ENVIRONMENTS}/{id}"), None), &json!(id));
        assert_eq!(refused(&alice.send("GET", &at(id), None), 404).replace(id, "ID"), none);
    }
    for id in ["x", "dev", &"8".repeat(36)] {
        assert_eq!(hidden(&mut alice, id), none, "{id}");
    }
    // The other project has its own environments.
    let own = mallory.get("/api/v1/workspace/other/environments")["environments"][0].clone();
    assert_eq!(mallory.get(&at(own["id"].as_str().unwrap()))["environment"], own);
    refused(&alice.send("GET", &at(own["id"].as_str().unwrap()), None), 404);
    // A project may have a name that is a word of the path.
    crate::harness::conjur::define(&mut root, "projects", "environments", &json!({"members": {"alice": "lead"}}));
    assert_eq!(names(&alice.get(&at("environments")), "environments", "slug"), ["dev", "staging", "prod"]);
    assert_eq!(alice.get(&at("tags"))["workspaceTags"], json!([]));
}

#[test]
fn what_terraform_imports_is_read_by_identifier_or_path() {
    let (server, _) = shop();
    let [mut alice, mut rita, mut wendy, mut mallory] =
        ["alice", "rita", "wendy", "mallory"].map(|name| Caller::certificate(&server, name));
    let folder = json!({"projectId": "shop", "environment": "dev", "name": "main", "path": "/db"});
    let made = alice.done(V2, &folder)["folder"].clone();
    for path in ["%2Fdb%2Fmain", "db/main", "%2Fdb%2Fmain%2F"] {
        assert_eq!(rita.get(&format!("{V1}/shop/dev/{path}"))["folder"], made, "{path}");
        refused(&mallory.send("GET", &format!("{V1}/shop/dev/{path}"), None), 404);
    }
    for none in ["shop/dev/%2F", "shop/dev/%2Fdb%2Fx", "shop/none/%2Fdb", "nowhere/dev/%2Fdb"] {
        refused(&rita.send("GET", &format!("{V1}/{none}"), None), 404);
    }
    refused(&rita.send("GET", &format!("{V1}/shop/dev/%2F%2F%2F"), None), 422);
    let secret = create(&mut alice, "/db/main", "DB_URL", "postgres://${X}");
    let at = |id: &str| format!("{RAW}/id/{id}");
    let own = at(secret["id"].as_str().unwrap());
    let read = rita.get(&own)["secret"].clone();
    for member in ["id", "version", "workspace", "type", "environment", "secretKey", "secretPath", "tags", "createdAt"]
    {
        assert_eq!(read[member], secret[member], "{member}");
    }
    assert_eq!(read["secretValue"], json!("postgres://${X}"));
    // After a change of its name it has the same identifier.
    let body = json!({"workspaceId": "shop", "environment": "dev", "secretPath": "/db/main", "newSecretName": "URL"});
    alice.done_with("PATCH", &format!("{RAW}/DB_URL"), &body);
    assert_eq!(rita.get(&own)["secret"]["secretKey"], json!("URL"));
    // A writer may know of it; a caller without rights learns nothing.
    refused(&wendy.send("GET", &own, None), 403);
    let unknown = refused(&mallory.send("GET", &at("x"), None), 404);
    let hidden = refused(&mallory.send("GET", &own, None), 404);
    assert_eq!(hidden.replace(secret["id"].as_str().unwrap(), "x"), unknown);
    let key = alice.key("k", &[]);
    refused(&alice.send("GET", &at(&key), None), 404);
    let write = |caller: &mut Caller, path: &str, value: &[u8]| {
        let path = format!("/secrets/shop/variable/{path}");
        assert_eq!(caller.connection.try_request("POST", &path, &[], value).unwrap().status, 201);
    };
    write(&mut alice, "dev%2Fdb%2Fmain%2FURL", &[0xff]);
    assert!(refused(&rita.send("GET", &own, None), 422).contains("is not text"));
    alice.done_with("DELETE", &format!("{RAW}/URL"), &body);
    refused(&alice.send("GET", &own, None), 404);
    // A secret with this name does not conflict: its path has one segment less.
    create(&mut alice, "/", "id", "of that name");
    let named = rita.get(&format!("{RAW}/id?workspaceId=shop&environment=dev"));
    assert_eq!(named["secret"]["secretValue"], json!("of that name"));
}

#[test]
fn folders_take_their_secrets_along() {
    let (server, _) = shop();
    let [mut alice, mut wendy] = ["alice", "wendy"].map(|name| Caller::certificate(&server, name));
    // The requests of @infisical/sdk and infisicalsdk.
    let node = json!({"name": "db", "path": "/", "workspaceId": "shop", "environment": "dev", "description": null});
    let made = alice.done(V1, &node)["folder"].clone();
    let python =
        json!({"projectId": "shop", "environment": "dev", "name": "main", "path": "/db", "description": "of the shop"});
    let main = alice.done(V2, &python)["folder"].clone();
    for member in ["id", "name", "createdAt", "updatedAt", "envId", "path", "projectId"] {
        assert!(main[member].is_string(), "{member}: {main}");
    }
    assert_eq!((&main["path"], &main["parentId"]), (&json!("/db/main"), &made["id"]));
    assert_eq!(
        (&main["environment"]["envSlug"], &main["environment"]["envName"]),
        (&json!("dev"), &json!("Development"))
    );
    refused(&alice.post(V1, &node), 400);
    alice.done(V1, &json!({"name": "c", "directory": "/a/b", "workspaceId": "shop", "environment": "dev"}));
    let all = alice.get(&format!("{V2}?projectId=shop&environment=dev&path=%2F&recursive=True"));
    assert_eq!(names(&all, "folders", "relativePath"), ["a", "a/b", "a/b/c", "db", "db/main"]);
    let some = alice.get(&format!("{V1}?workspaceId=shop&environment=dev&path=%2F"));
    assert_eq!(names(&some, "folders", "name"), ["a", "db"]);
    let under = alice.get(&format!("{V2}?projectId=shop&environment=dev&path=%2Fdb&recursive=False"));
    assert_eq!(names(&under, "folders", "name"), ["main"]);
    refused(
        &alice.send(
            "GET",
            &format!("{V2}?projectId=shop&environment=dev&lastSecretModified=2026-01-01T00:00:00Z"),
            None,
        ),
        422,
    );
    let id = main["id"].as_str().unwrap().to_owned();
    assert_eq!(alice.get(&format!("{V2}/{id}"))["folder"]["path"], json!("/db/main"));
    refused(&alice.send("GET", &format!("{V2}/none"), None), 404);
    for body in [json!({"name": "a/b"}), json!({"name": "x.y"}), json!({"name": ""}), json!({"path": "/x y"})] {
        let body = crate::harness::jwt::but(json!({"projectId": "shop", "environment": "dev", "name": "n"}), &body);
        refused(&alice.post(V2, &body), 422);
    }
    // Renaming renames everything in it, or changes nothing.
    create(&mut alice, "/db/main", "A", "1");
    create(&mut alice, "/db", "B", "2");
    alice.done(V2, &json!({"projectId": "shop", "environment": "dev", "name": "api", "path": "/db/main"}));
    let body = json!({"projectId": "shop", "environment": "dev", "name": "store", "path": "/"});
    let own = format!("{V2}/{}", made["id"].as_str().unwrap());
    assert!(refused(&wendy.send("PATCH", &own, Some(&body)), 403).contains("rename"));
    assert_eq!(listed(&mut alice, "recursive=true"), ["/db B=2", "/db/main A=1"]);
    assert_eq!(alice.done_with("PATCH", &own, &body)["folder"]["path"], json!("/store"));
    assert_eq!(listed(&mut alice, "recursive=true"), ["/store B=2", "/store/main A=1"]);
    assert_eq!(alice.get(&format!("{V2}/{id}"))["folder"]["path"], json!("/store/main"));
    // Removed if it is empty, or together with its contents.
    let gone = json!({"projectId": "shop", "environment": "dev", "path": "/"});
    assert!(refused(&alice.send("DELETE", &format!("{V2}/store"), Some(&gone)), 409).contains("forceDelete"));
    let force = crate::harness::jwt::but(gone, &json!({"forceDelete": true}));
    assert!(refused(&wendy.send("DELETE", &own, Some(&force)), 403).contains("delete"));
    assert_eq!(listed(&mut alice, "recursive=true").len(), 2);
    alice.done_with("DELETE", &format!("{V2}/store"), &force);
    assert_eq!(listed(&mut alice, "recursive=true"), [""; 0]);
    refused(&alice.send("GET", &format!("{V2}/{id}"), None), 404);
    sound(server);
}

#[test]
fn a_project_takes_its_places_along_when_it_ends() {
    let (server, mut root) = shop();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Caller::certificate(&server, name));
    let members = |name: &str| json!({"members": {name: "lead"}});
    crate::harness::conjur::define(&mut root, "projects", "brief", &members("alice"));
    let [environments, tags] = ["environments", "tags"].map(|what| format!("/api/v1/workspace/brief/{what}"));
    alice.done(&environments, &json!({"name": "Merger", "slug": "merger"}));
    alice.done(&tags, &json!({"slug": "acquisition", "color": ""}));
    let folder = json!({"projectId": "brief", "environment": "dev", "name": "takeover", "path": "/"});
    let made = alice.done(V2, &folder)["folder"]["id"].as_str().unwrap().to_owned();
    succeeded(&root.undefine("projects", "brief"), &json!("brief"));
    crate::harness::conjur::define(&mut root, "projects", "brief", &members("bob"));
    assert_eq!(names(&bob.get(&environments), "environments", "slug"), ["dev", "staging", "prod"]);
    assert_eq!(bob.get(&tags)["workspaceTags"], json!([]));
    assert_eq!(bob.get(&format!("{V2}?projectId=brief&environment=dev&recursive=true"))["folders"], json!([]));
    refused(&bob.send("GET", &format!("{V2}/{made}"), None), 404);
}

#[test]
fn an_empty_folder_is_removed_and_nothing_that_came_meanwhile() {
    let (server, _) = shop();
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| Caller::certificate(&server, name));
    let mut kept = 0;
    for round in 0..40 {
        let name = format!("f{round}");
        let folder = json!({"projectId": "shop", "environment": "dev", "name": name, "path": "/"});
        alice.done(V2, &folder);
        let secret = json!({
            "workspaceId": "shop", "environment": "dev", "secretPath": format!("/{name}"), "secretValue": "kept",
        });
        let (made, removed) = thread::scope(|scope| {
            let (server, secret) = (&server, &secret);
            let writer =
                scope.spawn(move || Caller::certificate(server, "alice").post(&format!("{RAW}/S"), secret).status);
            let removed = alice.send("DELETE", &format!("{V2}/{name}"), Some(&folder)).status;
            (writer.join().unwrap(), removed)
        });
        assert!(matches!(made, 200 | 404) && matches!(removed, 200 | 409), "{made} {removed}");
        let path = format!("{RAW}/S?workspaceId=shop&environment=dev&secretPath=%2F{name}");
        let status = rita.send("GET", &path, None).status;
        assert_eq!(status, if made == 200 { 200 } else { 404 }, "round {round}: made {made}, folder removed {removed}");
        kept += usize::from(made == 200);
    }
    eprintln!("{kept} of 40 secrets were made");
    sound(server);
}

#[test]
fn folders_have_bounds() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    let at = |path: &str, name: &str| json!({"projectId": "shop", "environment": "dev", "path": path, "name": name});
    // A new name of a parent that makes the path of an empty folder too long.
    let deep = "/abcdefghi".repeat(78);
    let made = alice.done(V2, &at(&deep, "end"))["folder"].clone();
    let above = format!("{V2}/abcdefghi");
    let told = refused(&alice.send("PATCH", &above, Some(&at("/", &"x".repeat(64)))), 422);
    assert!(told.contains("too long"), "{told}");
    let own = format!("{V2}/{}", made["id"].as_str().unwrap());
    assert_eq!(alice.get(&own)["folder"]["path"], made["path"], "nothing was changed");
    alice.done_with("PATCH", &above, &at("/", "b"));
    assert!(alice.get(&own)["folder"]["path"].as_str().unwrap().starts_with("/b/abcdefghi/"));
    // A variable of Conjur's clients with an empty part in its name prevents changes of its folder.
    let answer = alice.connection.try_request("POST", "/secrets/shop/variable/dev%2Fodd%2F%2Fx", &[], b"x").unwrap();
    assert_eq!(answer.status, 201);
    alice.done(V2, &at("/", "odd"));
    let force = crate::harness::jwt::but(at("/", "odd"), &json!({"forceDelete": true}));
    assert!(refused(&alice.send("DELETE", &format!("{V2}/odd"), Some(&force)), 409).contains("claviger secrets"));
    assert!(refused(&alice.send("PATCH", &format!("{V2}/odd"), Some(&at("/", "even"))), 409).contains("Conjur"));
    // The most folders of a project: each request also makes the parents.
    let many = "/a".repeat(390);
    let mut told = None;
    for number in 0..30 {
        let answer = alice.post(V2, &at(&format!("/n{number}{many}"), "z"));
        if answer.status != 200 {
            told = Some(refused(&answer, 400));
            break;
        }
    }
    assert!(told.unwrap().contains("at most 10000 folders"));
    let direct = names(&alice.get(&format!("{V2}?projectId=shop&environment=dev")), "folders", "name");
    assert_eq!(direct.len(), 27, "{direct:?}");
    let within = alice.get(&format!("{V2}?projectId=shop&environment=dev&path=%2Fn3&recursive=true"));
    let within = within["folders"].as_array().unwrap();
    assert_eq!(within.len(), 391);
    for (above, own) in within.iter().zip(within.iter().skip(1)) {
        assert_eq!(own["parentId"], above["id"]);
    }
}

#[test]
fn tags_narrow_lists() {
    let (server, mut root) = shop();
    let [mut alice, mut rita] = ["alice", "rita"].map(|name| Caller::certificate(&server, name));
    let tags = "/api/v1/workspace/shop/tags";
    let made = alice.done(tags, &json!({"slug": "db", "color": "#ff0000"}))["workspaceTag"].clone();
    refused(&alice.post(tags, &json!({"slug": "db", "color": ""})), 400);
    refused(&rita.post(tags, &json!({"slug": "x", "color": ""})), 403);
    alice.done(tags, &json!({"slug": "web", "name": "Web", "color": ""}));
    assert_eq!(names(&rita.get(tags), "workspaceTags", "slug"), ["db", "web"]);
    create(&mut alice, "/", "A", "1");
    let body = json!({"workspaceId": "shop", "environment": "dev", "secretValue": "2", "tagIds": [made["id"]]});
    let tagged = alice.done(&format!("{RAW}/B"), &body)["secret"].clone();
    assert_eq!((&tagged["tags"][0]["slug"], &tagged["tags"][0]["name"]), (&json!("db"), &json!("db")));
    assert_eq!(listed(&mut rita, "tagSlugs=db%2Cnone"), ["/ B=2"]);
    assert_eq!(listed(&mut rita, "tagSlugs=web"), [""; 0]);
    let own = format!("{tags}/{}", made["id"].as_str().unwrap());
    // The requests of Terraform, and the members that it reads.
    assert_eq!(rita.get(&own)["workspaceTag"], made);
    assert_eq!(rita.get(&format!("{tags}/slug/db"))["workspaceTag"], made);
    let change = json!({"name": "Databases", "slug": "data", "projectId": "shop", "tagId": made["id"]});
    refused(&rita.send("PATCH", &own, Some(&change)), 403);
    let changed = alice.done_with("PATCH", &own, &change)["workspaceTag"].clone();
    for (member, value) in
        [("id", &made["id"]), ("slug", &json!("data")), ("name", &json!("Databases")), ("color", &json!("#ff0000"))]
    {
        assert_eq!(&changed[member], value, "{changed}");
    }
    assert_eq!(rita.get(&own)["workspaceTag"], changed);
    // Secrets keep the tag, and the former slug is free.
    assert_eq!(listed(&mut rita, "tagSlugs=data"), ["/ B=2"]);
    assert_eq!(listed(&mut rita, "tagSlugs=db"), [""; 0]);
    refused(&rita.send("GET", &format!("{tags}/slug/db"), None), 404);
    let taken = refused(&alice.send("PATCH", &own, Some(&json!({"slug": "web", "name": "X"}))), 400);
    assert!(taken.contains("\"web\" exists already"), "{taken}");
    for (wrong, member) in
        [(json!({"slug": "a/b"}), "slug"), (json!({"slug": ""}), "slug"), (json!({"name": 5}), "name")]
    {
        assert!(refused(&alice.send("PATCH", &own, Some(&wrong)), 422).starts_with(member), "{wrong}");
    }
    let long = json!({"color": "x".repeat(256)});
    assert!(refused(&alice.send("PATCH", &own, Some(&long)), 422).starts_with("color"));
    assert_eq!(alice.done_with("PATCH", &own, &json!({"slug": "data"}))["workspaceTag"]["name"], json!("Databases"));
    let none = format!("{tags}/{}", made["id"].as_str().unwrap().replace('-', "_"));
    refused(&alice.send("GET", &none, None), 404);
    refused(&alice.send("PATCH", &none, Some(&json!({"name": "x"}))), 404);
    // It does not exist for another project, and for callers without rights in this one.
    crate::harness::conjur::define(&mut root, "projects", "other", &json!({"members": {"mallory": "lead"}}));
    let mut mallory = Caller::certificate(&server, "mallory");
    for path in [own.clone(), format!("{tags}/slug/data"), own.replace("/shop/", "/other/")] {
        refused(&mallory.send("GET", &path, None), 404);
        let body = json!({"name": "mine"});
        let status = if path.contains("/slug/") { 501 } else { 404 };
        refused(&mallory.send("PATCH", &path, Some(&body)), status);
    }
    assert_eq!(rita.get(&own)["workspaceTag"]["name"], json!("Databases"));
    succeeded(&alice.send("DELETE", &own, None), &json!(own));
    assert_eq!(listed(&mut rita, "tagSlugs=data"), [""; 0]);
    assert_eq!(rita.get(&format!("{RAW}/B?workspaceId=shop&environment=dev"))["secret"]["tags"], json!([]));
}

/// The number of secrets in the small project of the comparison.
const FEW: usize = 200;

#[test]
fn ten_thousand_secrets_of_a_project_are_listed_by_pages() {
    // All of them at once take more than the usual 30 s of a busy machine.
    let (server, _) = shop_at(Server::start_at(hanzo::place(), &hanzo::options(&["--request-timeout=300"])));
    fill(&server, "prod", FEW);
    fill(&server, "dev", MANY);
    let mut alice = Caller::certificate(&server, "alice");
    // CPU time of the server, so that other processes do not matter.
    let cost = |times: u32, run: &mut dyn FnMut()| {
        let before = server.cpu();
        (0..times).for_each(|_| run());
        (server.cpu() - before) / times
    };
    let mut page = |environment: &str, offset: usize, more: &str| {
        let path = format!("{RAW}?workspaceId=shop&environment={environment}&limit={PAGE}&offset={offset}{more}");
        let mut shown = Vec::new();
        let time = cost(10, &mut || shown = names(&alice.get(&path), "secrets", "secretKey"));
        assert_eq!(shown.len(), PAGE, "{path}");
        (time, shown)
    };
    let (few, _) = page("prod", 0, "");
    let (many, first) = page("dev", 0, "");
    assert_eq!((first[0].as_str(), first[99].as_str()), ("S000_00", "S000_99"));
    let (deep, last) = page("dev", MANY - PAGE, "");
    assert_eq!((last[0].as_str(), last[99].as_str()), ("S099_00", "S099_99"));
    let (names_only, _) = page("dev", 0, "&viewSecretValue=false");
    eprintln!(
        "a page of {PAGE}: {few:?} of {FEW}, {many:?} of {MANY}, {deep:?} at its end, {names_only:?} without values"
    );
    let slack = Duration::from_millis(5);
    assert!(many <= few.mul_f64(1.5) + slack, "{many:?} of many, {few:?} of few");
    assert!(deep <= few.mul_f64(1.5) + slack, "{deep:?} at the end, {few:?} of few");
    // The refusal of a caller without rights costs no more than without the project, and a grant shows the granted
    // secret.
    let [mut mallory, mut bob] = ["mallory", "bob"].map(|name| Caller::certificate(&server, name));
    let mut strange = |project: &str| {
        let path = format!("{RAW}?workspaceId={project}&environment=dev&recursive=true");
        cost(50, &mut || drop(refused(&mallory.send("GET", &path, None), 404)))
    };
    let (none, some) = (strange("nowhere"), strange("shop"));
    eprintln!("a refusal: {some:?} of {MANY}, {none:?} of none");
    assert!(some <= none.mul_f64(1.5) + slack, "{some:?} of many, {none:?} of none");
    let of_many = format!("{RAW}/S070_70?workspaceId=shop&environment=dev");
    let granted = alice.get(&of_many)["secret"]["id"].as_str().unwrap().to_owned();
    alice.grant(&granted, "bob", &["read_secret"]);
    let mut own = Vec::new();
    let time = cost(10, &mut || own = listed(&mut bob, "recursive=true"));
    assert_eq!(own, ["/ S070_70=value"]);
    assert!(time <= few + slack, "{time:?} for one that was granted, {few:?} for a page of few");
    assert_eq!(listed(&mut bob, "offset=1"), [""; 0]);
    // All of them at once, and more than one answer can hold.
    let all = format!("{RAW}?workspaceId=shop&environment=dev&viewSecretValue=false");
    let time = took(|| assert_eq!(names(&alice.get(&all), "secrets", "secretKey").len(), MANY));
    eprintln!("all {MANY}: {time:?}");
    create(&mut alice, "/", "ONE_MORE", "x");
    let told = refused(&alice.send("GET", &all, None), 422);
    assert!(told.contains("ask for less"), "{told}");
    let path = format!("{RAW}/S050_50?workspaceId=shop&environment=dev&expandSecretReferences=true");
    let each = cost(400, &mut || assert_eq!(alice.get(&path)["secret"]["secretValue"], json!("value")));
    eprintln!("a get: {each:?} of the server's CPU");
    assert!(each < Duration::from_millis(if cfg!(debug_assertions) { 10 } else { 2 }), "{each:?}");
}
