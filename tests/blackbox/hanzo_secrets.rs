//! Secrets of projects, with the requests of Infisical's SDKs: they are the same objects as Conjur's variables.

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::kmip::named;
use crate::harness::shop::{RAW, shop};
use crate::harness::{Answer, Server, conjur, eventually};

/// The request of infisicalsdk 1.0.18 to make a secret.
fn python(path: &str, value: &str) -> Value {
    json!({
        "workspaceId": "shop", "environment": "dev", "secretPath": path, "secretValue": value,
        "skipMultilineEncoding": false, "type": "shared",
    })
}

#[track_caller]
pub fn create(caller: &mut Caller, path: &str, name: &str, value: &str) -> Value {
    caller.done(&format!("{RAW}/{name}"), &python(path, value))["secret"].clone()
}

/// The request of both SDKs to read a secret.
fn query(path: &str) -> String {
    format!(
        "workspaceId=shop&environment=dev&secretPath={}&viewSecretValue=true&expandSecretReferences=true&include_imports=True",
        conjur::encoded(path)
    )
}

fn ask(caller: &mut Caller, path: &str, name: &str) -> Answer {
    caller.send("GET", &format!("{RAW}/{name}?{}", query(path)), None)
}

#[track_caller]
fn value(caller: &mut Caller, path: &str, name: &str) -> String {
    let answer = ask(caller, path, name);
    assert_eq!(answer.status, 200, "{path} {name}: {}", answer.json());
    answer.json()["secret"]["secretValue"].as_str().unwrap().to_owned()
}

/// Returns the paths, names and values in a list.
#[track_caller]
pub fn listed(caller: &mut Caller, more: &str) -> Vec<String> {
    let answer = caller.get(&format!("{RAW}?workspaceId=shop&environment=dev&{more}"));
    assert_eq!(answer["imports"], json!([]));
    let text = |secret: &Value, member: &str| secret[member].as_str().unwrap().to_owned();
    let shown = |secret: &Value| {
        format!("{} {}={}", text(secret, "secretPath"), text(secret, "secretKey"), text(secret, "secretValue"))
    };
    answer["secrets"].as_array().unwrap().iter().map(shown).collect()
}

#[track_caller]
pub fn refused(answer: &Answer, status: u16) -> String {
    let told = answer.json();
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(told["statusCode"], json!(status));
    told["message"].as_str().unwrap().to_owned()
}

fn variable(id: &str) -> String {
    format!("/secrets/shop/variable/{}", conjur::encoded(id))
}

/// The index of names agrees with the bound rows.
#[track_caller]
pub fn sound(server: Server) {
    let options = server.options.clone();
    let (place, _) = server.stop();
    let (is_sound, said) = place.check_store(&options);
    assert!(is_sound, "{said}");
}

#[test]
fn the_sdks_make_read_change_and_remove_secrets() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    let made = create(&mut alice, "/", "DB_URL", "postgres://one");
    // The members that infisicalsdk needs.
    for member in [
        "id",
        "_id",
        "workspace",
        "environment",
        "version",
        "type",
        "secretKey",
        "secretValue",
        "secretComment",
        "createdAt",
        "updatedAt",
        "secretPath",
        "tags",
        "secretMetadata",
        "secretValueHidden",
    ] {
        assert!(!made[member].is_null(), "{member}: {made}");
    }
    assert_eq!((&made["version"], &made["secretValueHidden"]), (&json!(1), &json!(false)));
    // The request of @infisical/sdk 5.0.2 to change a secret: undefined members are absent, and others may be null.
    let change = json!({
        "workspaceId": "shop", "environment": "dev", "secretPath": "/", "secretValue": "postgres://two",
        "secretComment": "of the shop", "secretReminderNote": null, "tagIds": [], "type": null, "metadata": {"a": 1},
    });
    let changed = alice.done_with("PATCH", &format!("{RAW}/DB_URL"), &change)["secret"].clone();
    assert_eq!((&changed["version"], &changed["secretComment"]), (&json!(2), &json!("of the shop")));
    assert_eq!((changed["id"].clone(), changed["secretValue"].clone()), (made["id"].clone(), json!("postgres://two")));
    assert_eq!(value(&mut alice, "/", "DB_URL"), "postgres://two");
    // Former versions, by the number.
    let first = alice.get(&format!("{RAW}/DB_URL?{}&version=1", query("/")));
    assert_eq!((&first["secret"]["secretValue"], &first["secret"]["version"]), (&json!("postgres://one"), &json!(1)));
    assert_eq!(alice.send("GET", &format!("{RAW}/DB_URL?{}&version=3", query("/")), None).status, 404);
    // Without its value.
    let path = format!("{RAW}/DB_URL?workspaceSlug=shop&environment=dev&viewSecretValue=False");
    let hidden = alice.get(&path)["secret"].clone();
    assert_eq!((&hidden["secretValueHidden"], &hidden["secretValue"]), (&json!(true), &json!("<hidden-by-infisical>")));
    // A change of the comment does not change the value, and the answer does not show it.
    let comment = json!({"projectSlug": "shop", "environment": "dev", "secretComment": "", "secretMetadata": [{"key": "a", "value": "b"}]});
    let changed = alice.done_with("PATCH", &format!("{RAW}/DB_URL"), &comment)["secret"].clone();
    assert_eq!((&changed["version"], &changed["secretValueHidden"]), (&json!(2), &json!(true)));
    assert_eq!((&changed["secretComment"], &changed["secretMetadata"][0]["value"]), (&json!(""), &json!("b")));
    // Values of any text, also an empty one.
    for text in ["", " leading\nand trailing \n", "ä\u{1F600}\0", "${", "${}", "$${A b}"] {
        let change = json!({"workspaceId": "shop", "environment": "dev", "secretValue": text});
        alice.done_with("PATCH", &format!("{RAW}/DB_URL"), &change);
        assert_eq!(value(&mut alice, "/", "DB_URL"), text);
    }
    // It exists already; with a new name it is the same object.
    let told = refused(&alice.post(&format!("{RAW}/DB_URL"), &python("/", "x")), 400);
    assert!(told.contains("exists already"), "{told}");
    let rename = json!({"workspaceId": "shop", "environment": "dev", "newSecretName": "DATABASE_URL"});
    let renamed = alice.done_with("PATCH", &format!("{RAW}/DB_URL"), &rename)["secret"].clone();
    assert_eq!((&renamed["secretKey"], &renamed["id"]), (&json!("DATABASE_URL"), &made["id"]));
    refused(&ask(&mut alice, "/", "DB_URL"), 404);
    assert_eq!(value(&mut alice, "/", "DATABASE_URL"), "$${A b}");
    create(&mut alice, "/", "OTHER", "x");
    let taken = json!({"workspaceId": "shop", "environment": "dev", "newSecretName": "DATABASE_URL"});
    refused(&alice.send("PATCH", &format!("{RAW}/OTHER"), Some(&taken)), 400);
    // Removed with a body, and by the alias.
    let gone = json!({"workspaceId": "shop", "environment": "dev", "secretPath": "/", "type": "shared"});
    let removed = alice.done_with("DELETE", &format!("{RAW}/DATABASE_URL"), &gone)["secret"].clone();
    assert_eq!((&removed["id"], &removed["secretValueHidden"]), (&made["id"], &json!(true)));
    refused(&alice.send("DELETE", &format!("{RAW}/DATABASE_URL"), Some(&gone)), 404);
    let gone = json!({"projectId": "shop", "environment": "dev"});
    alice.done_with("DELETE", "/api/v4/secrets/OTHER", &gone);
    assert_eq!(listed(&mut alice, ""), [""; 0]);
    sound(server);
}

#[test]
fn what_one_dialect_writes_the_other_reads() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    alice.done("/api/v1/folders", &json!({"workspaceId": "shop", "environment": "dev", "name": "main", "path": "/db"}));
    create(&mut alice, "/db/main", "PASSWORD", "one");
    assert_eq!(alice.send("GET", &variable("dev/db/main/PASSWORD"), None).body, b"one");
    let put = |caller: &mut Caller, id: &str, value: &[u8]| {
        let answer = caller.connection.try_request("POST", &variable(id), &[], value).unwrap();
        assert_eq!(answer.status, 201, "{id}");
    };
    put(&mut alice, "dev/db/main/PASSWORD", b"two");
    put(&mut alice, "dev/db/main/api/KEY", b"three");
    put(&mut alice, "dev/db", b"four");
    // A variable in no environment is not a secret for these clients.
    put(&mut alice, "password", b"five");
    put(&mut alice, "dev//odd", b"six");
    put(&mut alice, "dev/BINARY", &[0xff, 0xfe]);
    assert_eq!(value(&mut alice, "/db/main", "PASSWORD"), "two");
    assert_eq!(
        listed(&mut alice, "recursive=True"),
        ["/ BINARY=<hidden-by-infisical>", "/ db=four", "/db/main PASSWORD=two", "/db/main/api KEY=three"]
    );
    assert_eq!(listed(&mut alice, "secretPath=%2Fdb%2Fmain&recursive=false"), ["/db/main PASSWORD=two"]);
    let told = refused(&ask(&mut alice, "/", "BINARY"), 422);
    assert!(told.contains("is not text"), "{told}");
    // A folder that only Conjur's clients wrote into takes secrets.
    create(&mut alice, "/db/main/api", "OTHER", "x");
    // A secret that is removed here is also removed there.
    let gone = json!({"workspaceId": "shop", "environment": "dev", "secretPath": "/db/main/"});
    alice.done_with("DELETE", &format!("{RAW}/PASSWORD"), &gone);
    assert_eq!(alice.send("GET", &variable("dev/db/main/PASSWORD"), None).status, 404);
    sound(server);
}

#[test]
fn rights_are_those_of_the_variables() {
    let (server, mut root) = shop();
    let names = ["alice", "wendy", "rita", "mallory", "bob"];
    let [mut alice, mut wendy, mut rita, mut mallory, mut bob] = names.map(|name| Caller::certificate(&server, name));
    let id = create(&mut alice, "/", "A", "secret-a")["id"].as_str().unwrap().to_owned();
    create(&mut alice, "/", "B", "${A}-b");
    let body = python("/", "x");
    // Readers can only read.
    assert_eq!(value(&mut rita, "/", "B"), "secret-a-b");
    refused(&rita.post(&format!("{RAW}/C"), &body), 403);
    refused(&rita.send("PATCH", &format!("{RAW}/A"), Some(&body)), 403);
    refused(&rita.send("DELETE", &format!("{RAW}/A"), Some(&body)), 403);
    // Writers can write, and see only what they sent. A new name needs the right to remove the former one.
    let changed = wendy.done_with("PATCH", &format!("{RAW}/A"), &python("/", "secret-a"))["secret"].clone();
    assert_eq!(changed["secretValue"], json!("secret-a"));
    create(&mut wendy, "/", "C", "of wendy");
    refused(&ask(&mut wendy, "/", "C"), 403);
    let rename = json!({"workspaceId": "shop", "environment": "dev", "newSecretName": "Z"});
    let before = refused(&wendy.send("PATCH", &format!("{RAW}/A"), Some(&rename)), 403);
    assert!(before.contains("destroy"), "{before}");
    assert_eq!(listed(&mut wendy, ""), [""; 0]);
    // This also applies to the metadata of the secret, here and over KMIP.
    let said = json!({
        "workspaceId": "shop", "environment": "dev", "secretComment": "the vault is behind the painting",
        "secretMetadata": [{"key": "k", "value": "the code is 1234"}], "secretReminderNote": "tell nobody",
    });
    alice.done_with("PATCH", &format!("{RAW}/A"), &said);
    let own = json!({"workspaceId": "shop", "environment": "dev", "secretReminderNote": "of wendy"});
    let changed = wendy.done_with("PATCH", &format!("{RAW}/A"), &own)["secret"].clone();
    assert_eq!((&changed["secretComment"], &changed["secretMetadata"]), (&json!(""), &json!([])), "{changed}");
    assert_eq!(changed["secretReminderNote"], json!("of wendy"));
    let read = alice.get(&format!("{RAW}/A?{}", query("/")))["secret"].clone();
    assert_eq!(read["secretComment"], said["secretComment"], "it stays");
    let shown = alice.ok(&named("GetAttributes", &id)).to_string();
    assert!(!shown.contains("painting") && shown.contains("secret_version"), "{shown}");
    let gone = create(&mut alice, "/", "GONE", "x")["id"].as_str().unwrap().to_owned();
    alice.done_with("PATCH", &format!("{RAW}/GONE"), &said);
    alice.grant(&gone, "bob", &["destroy"]);
    let removed = bob.done_with("DELETE", &format!("{RAW}/GONE"), &python("/", ""))["secret"].clone();
    assert_eq!((&removed["secretComment"], &removed["secretMetadata"]), (&json!(""), &json!([])), "{removed}");
    // Tags are resolved only for writers.
    let tagged = crate::harness::jwt::but(python("/", "x"), &json!({"tagIds": ["none"]}));
    for name in ["A", "NONE"] {
        refused(&mallory.send("PATCH", &format!("{RAW}/{name}"), Some(&tagged)), 404);
    }
    assert!(refused(&alice.send("PATCH", &format!("{RAW}/A"), Some(&tagged)), 422).contains("tagIds"));
    // Callers without rights learn nothing about secrets or the project.
    for path in ["/A", "/NONE", "?workspaceId=shop&environment=dev"] {
        let path = if path.starts_with('?') { format!("{RAW}{path}") } else { format!("{RAW}{path}?{}", query("/")) };
        let told = refused(&mallory.send("GET", &path, None), 404);
        let other = refused(&mallory.send("GET", &path.replace("shop", "nowhere"), None), 404);
        assert_eq!(told.replace("shop", "nowhere"), other);
    }
    for (method, name) in [("POST", "A"), ("POST", "NEW"), ("PATCH", "A"), ("PATCH", "NEW"), ("DELETE", "A")] {
        refused(&mallory.send(method, &format!("{RAW}/{name}"), Some(&body)), 404);
    }
    refused(&mallory.send("GET", "/api/v1/folders?workspaceId=shop&environment=dev", None), 404);
    refused(&mallory.send("GET", "/api/v1/workspace/shop/environments", None), 404);
    // A grant on one secret shows only this secret. A referenced secret needs its own right.
    refused(&ask(&mut bob, "/", "B"), 404);
    let b = alice.get(&format!("{RAW}/B?{}", query("/")))["secret"]["id"].as_str().unwrap().to_owned();
    alice.grant(&b, "bob", &["read_secret"]);
    assert_eq!(value(&mut bob, "/", "B"), "${A}-b", "stays as it is written");
    assert_eq!(listed(&mut bob, "expandSecretReferences=true"), ["/ B=${A}-b"]);
    alice.grant(&id, "bob", &["read_secret"]);
    assert_eq!(value(&mut bob, "/", "B"), "secret-a-b");
    // A host reaches its own account only.
    conjur::define(&mut root, "projects", "other", &json!({"members": {"alice": "lead"}}));
    let answer = alice.post(
        &format!("{RAW}/X"),
        &json!({"workspaceId": "shop", "projectId": "other", "environment": "dev", "secretValue": ""}),
    );
    assert!(refused(&answer, 422).contains("different projects"));
}

#[test]
fn requests_are_read_as_clients_write_them() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    create(&mut alice, "/", "A", "x");
    let mut told = |method: &str, path: &str, body: Option<Value>, status: u16| {
        refused(&alice.send(method, &format!("{RAW}{path}"), body.as_ref()), status)
    };
    for (path, status, word) in [
        ("/A?environment=dev", 422, "workspaceId"),
        ("/A?workspaceId=shop", 422, "environment"),
        ("/A?workspaceId=shop&environment=dev&type=personal", 501, "personal"),
        ("/A?workspaceId=shop&environment=dev&viewSecretValue=maybe", 422, "viewSecretValue"),
        ("/A?workspaceId=shop&environment=dev&version=x", 422, "version"),
        ("/A?workspaceId=shop&environment=dev&secretPath=%2Fa%2F%2Fb", 422, "secretPath"),
        ("/A?workspaceId=shop&environment=a%2Fb", 422, "environment"),
        ("/a%2Fb?workspaceId=shop&environment=dev", 422, "secretName"),
        ("?workspaceId=shop&environment=dev&limit=0", 422, "limit"),
        ("?workspaceId=shop&environment=dev&metadataFilter=key%3Da", 422, "metadataFilter"),
    ] {
        let said = told("GET", path, None, status);
        assert!(said.contains(word), "{path}: {said}");
    }
    let body = python("/", "x");
    let with = |more: Value| Some(crate::harness::jwt::but(body.clone(), &more));
    for (name, body, status, word) in [
        ("B", with(json!({"type": "personal"})), 501, "personal"),
        ("B", with(json!({"secretValue": null})), 422, "secretValue"),
        ("B", with(json!({"secretValue": 5})), 422, "secretValue"),
        ("B", with(json!({"environment": "nowhere"})), 404, "dev"),
        ("B", with(json!({"secretPath": "/nowhere"})), 404, "/nowhere"),
        ("B", with(json!({"tagIds": ["x"]})), 422, "tagIds"),
        ("B", with(json!({"secretMetadata": [{"key": "k", "value": "v", "isEncrypted": true}]})), 422, "isEncrypted"),
        ("B", with(json!({"secretReminderRepeatDays": 1.5})), 422, "secretReminderRepeatDays"),
        ("B%20C", with(json!({})), 422, "secretName"),
        ("B%3AC", with(json!({})), 422, "secretName"),
        ("B", with(json!({"secretValue": "x".repeat(65_537)})), 413, "65536"),
        ("B", with(json!({"secretComment": "x".repeat(5_000)})), 422, "secretComment"),
    ] {
        let said = told("POST", &format!("/{name}"), body.clone(), status);
        assert!(said.contains(word), "{name} {word}: {said}");
    }
    let plain = json!({"secretMetadata": [{"key": "k", "value": "v", "isEncrypted": false}], "secretValue": "x"});
    assert_eq!(alice.send("PATCH", &format!("{RAW}/A"), with(plain).as_ref()).status, 200);
    let mut told = |method: &str, path: &str, body: Option<Value>, status: u16| {
        refused(&alice.send(method, &format!("{RAW}{path}"), body.as_ref()), status)
    };
    // A wrong value is not quoted.
    let said = told("POST", "/B", Some(json!({"workspaceId": "shop", "secretValue": ["hunter2"]})), 422);
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(listed(&mut alice, ""), ["/ A=x"], "nothing was made");
}

#[test]
fn references_are_expanded_within_bounds() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    for path in ["/db", "/db/main"] {
        let (above, name) = path.rsplit_once('/').unwrap();
        alice.done("/api/v2/folders", &json!({"projectId": "shop", "environment": "dev", "path": above, "name": name}));
    }
    create(&mut alice, "/db/main", "HOST", "db.example");
    create(&mut alice, "/db/main", "URL", "https://${HOST}:${PORT}");
    create(&mut alice, "/db/main", "PORT", "5432");
    create(&mut alice, "/", "ALL", "${dev.db.main.URL}/${dev.ROOT} ${NONE} ${dev.NONE} ${ODD NAME} ${");
    create(&mut alice, "/", "ROOT", "r");
    let url = "https://db.example:5432/r ${NONE} ${dev.NONE} ${ODD NAME} ${";
    assert_eq!(value(&mut alice, "/", "ALL"), url);
    // Only on request.
    let plain = alice.get(&format!("{RAW}/URL?workspaceId=shop&environment=dev&secretPath=/db/main"));
    assert_eq!(plain["secret"]["secretValue"], json!("https://${HOST}:${PORT}"));
    assert!(listed(&mut alice, "recursive=1&expandSecretReferences=1").contains(&format!("/ ALL={url}")));
    // Circular references and long chains are not expanded.
    create(&mut alice, "/", "ONE", "1${TWO}");
    create(&mut alice, "/", "TWO", "2${ONE}");
    create(&mut alice, "/", "SELF", "s${SELF}");
    assert_eq!(value(&mut alice, "/", "ONE"), "12${ONE}");
    assert_eq!(value(&mut alice, "/", "SELF"), "s${SELF}");
    for number in 0..15 {
        create(&mut alice, "/", &format!("C{number}"), &format!("${{C{}}}", number + 1));
    }
    create(&mut alice, "/", "C15", "end");
    assert_eq!(value(&mut alice, "/", "C5"), "end");
    assert_eq!(value(&mut alice, "/", "C0"), "${C11}");
    // A short text with a long expansion, and many references without effect.
    create(&mut alice, "/", "B0", &"x".repeat(60_000));
    create(&mut alice, "/", "B1", &"${B0}".repeat(1_000));
    create(&mut alice, "/", "E0", "");
    for number in 1..8 {
        create(&mut alice, "/", &format!("E{number}"), &format!("${{E{}}}", number - 1).repeat(1_000));
    }
    for name in ["B1", "E7"] {
        let told = refused(&ask(&mut alice, "/", name), 422);
        assert!(told.contains("expandSecretReferences=false") && told.contains(name), "{told}");
    }
    // Each secret that is read has its line in the audit log.
    let answer = ask(&mut alice, "/", "ALL");
    let lines = eventually("the reads are recorded", || {
        let lines: Vec<Value> = server.audited(&answer);
        let done = lines.iter().filter(|line| line["outcome"] == "success").count();
        (done >= 5).then_some(lines)
    });
    let of =
        |name: &str| lines.iter().filter(|line| line["detail"].as_str().unwrap_or_default().ends_with(name)).count();
    assert_eq!(["dev/ALL", "main/URL", "main/HOST", "main/PORT", "dev/ROOT"].map(of), [1; 5], "{lines:?}");
    let text = server.place.audit_lines().iter().map(Value::to_string).collect::<String>() + &server.log();
    for value in ["db.example", "5432/r", "https://${HOST}"] {
        assert!(!text.contains(value), "{value}");
    }
}

#[test]
fn one_secret_does_not_end_the_lists_of_the_others() {
    let (server, _) = shop();
    let [mut alice, mut wendy, mut rita] = ["alice", "wendy", "rita"].map(|name| Caller::certificate(&server, name));
    let many = |first: usize, prefix: &str| {
        (first..first + 300).map(|number| format!("${{{prefix}{number}}}")).collect::<String>()
    };
    // More names than one value may refer to, and more missing ones.
    create(&mut wendy, "/", "A_NONE", &many(0, "N"));
    let batch = |names: std::ops::Range<usize>| {
        let secrets: Vec<Value> =
            names.map(|number| json!({"secretKey": format!("T{number:03}"), "secretValue": "t"})).collect();
        json!({"workspaceId": "shop", "environment": "dev", "secrets": secrets})
    };
    alice.done("/api/v3/secrets/batch/raw", &batch(100..400));
    create(&mut wendy, "/", "A_MANY", &many(100, "T"));
    // Valid values, with more different names in total than a request for one secret reads.
    for number in 100..400 {
        if number % 10 == 0 {
            let refers: String = (number..number + 10).map(|own| format!("${{T{own}}}")).collect();
            create(&mut alice, "/", &format!("Z{number}"), &refers);
        }
    }
    let all = listed(&mut rita, "expandSecretReferences=true");
    assert!(all.contains(&format!("/ A_NONE={}", many(0, "N"))));
    assert!(all.contains(&format!("/ A_MANY={}", many(100, "T"))), "it stays as it is written");
    for number in (100..400).step_by(10) {
        assert!(all.contains(&format!("/ Z{number}={}", "t".repeat(10))), "{number}");
    }
    for name in ["A_NONE", "A_MANY"] {
        refused(&ask(&mut rita, "/", name), 422);
    }
}

#[test]
fn batches_are_done_as_a_whole() {
    let (server, _) = shop();
    let mut alice = Caller::certificate(&server, "alice");
    let batch =
        |secrets: Value| json!({"workspaceId": "shop", "environment": "dev", "secretPath": "/", "secrets": secrets});
    let path = "/api/v3/secrets/batch/raw";
    let entry = |name: &str, value: &str| json!({"secretKey": name, "secretValue": value});
    let made = alice.done(path, &batch(json!([entry("A", "1"), entry("B", "2"), entry("C", "3")])));
    assert_eq!(made["secrets"].as_array().unwrap().len(), 3);
    // One name exists, so none of the others is made.
    refused(&alice.post(path, &batch(json!([entry("D", "4"), entry("B", "x"), entry("E", "5")]))), 400);
    assert_eq!(listed(&mut alice, ""), ["/ A=1", "/ B=2", "/ C=3"]);
    let told = refused(&alice.post(path, &batch(json!([entry("D", "4"), entry("D", "5")]))), 400);
    assert!(told.contains("\"D\""), "{told}");
    // A name that does not exist.
    refused(&alice.send("PATCH", path, Some(&batch(json!([entry("A", "x"), entry("NONE", "x")])))), 404);
    refused(&alice.send("DELETE", path, Some(&batch(json!([{"secretKey": "A"}, {"secretKey": "NONE"}])))), 404);
    assert_eq!(listed(&mut alice, ""), ["/ A=1", "/ B=2", "/ C=3"]);
    let changes = json!([entry("A", "one"), {"secretKey": "B", "newSecretName": "BB"}]);
    alice.done_with("PATCH", path, &batch(changes));
    assert_eq!(listed(&mut alice, ""), ["/ A=one", "/ BB=2", "/ C=3"]);
    let gone = json!({"projectId": "shop", "environment": "dev", "secrets": [{"secretKey": "A"}, {"secretKey": "C"}]});
    alice.done_with("DELETE", "/api/v4/secrets/batch", &gone);
    assert_eq!(listed(&mut alice, ""), ["/ BB=2"]);
    // If the caller may not change one secret, none is changed.
    let mut bob = Caller::certificate(&server, "bob");
    create(&mut alice, "/", "X", "x");
    let id = create(&mut alice, "/", "Y", "y")["id"].as_str().unwrap().to_owned();
    alice.grant(&id, "bob", &["read_secret", "destroy"]);
    refused(&bob.send("DELETE", path, Some(&batch(json!([{"secretKey": "Y"}, {"secretKey": "X"}])))), 404);
    assert_eq!(value(&mut bob, "/", "Y"), "y");
    sound(server);
}
