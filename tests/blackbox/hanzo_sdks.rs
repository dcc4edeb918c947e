//! The exact requests of `@infisical/sdk`, `infisicalsdk`, Infisical's Go SDK and its Terraform provider about keys,
//! projects, identities and memberships, and the members of answers that their constructors need.

use std::thread;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::hanzo::{identity, server};
use crate::harness::kmip;

const KEYS: &str = "/api/v1/kms/keys";
const PROJECTS: &str = "/api/v2/workspace";
const SEARCH: &str = "/api/v2/identities/search";

/// The members that an answer must have, and that must not be null: texts (`s`), numbers (`n`), truth values (`b`) and
/// lists (`l`).
#[track_caller]
fn has(value: &Value, members: &[(&str, char)]) {
    for (name, kind) in members {
        let member = &value[name];
        let fits = match kind {
            's' => member.is_string(),
            'n' => member.is_number(),
            'b' => member.is_boolean(),
            _ => member.is_array(),
        };
        assert!(fits, "{name}: {value}");
    }
}

/// The members that `infisicalsdk`'s `KmsKey` needs, and those that the other clients read.
const KEY: [(&str, char); 12] = [
    ("id", 's'),
    ("description", 's'),
    ("isDisabled", 'b'),
    ("orgId", 's'),
    ("name", 's'),
    ("createdAt", 's'),
    ("updatedAt", 's'),
    ("projectId", 's'),
    ("version", 'n'),
    ("encryptionAlgorithm", 's'),
    ("keyUsage", 's'),
    ("isReserved", 'b'),
];

#[track_caller]
fn key(caller: &mut Caller, body: &Value) -> Value {
    let key = caller.done(KEYS, body)["key"].clone();
    has(&key, &KEY);
    key
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[track_caller]
fn refused(caller: &mut Caller, method: &str, path: &str, body: &Value, status: u16) -> String {
    let answer = caller.send(method, path, Some(body));
    let told = answer.json();
    assert_eq!(answer.status, status, "{method} {path} {body} {told}");
    told["message"].as_str().unwrap().to_owned()
}

#[test]
fn every_answer_with_a_key_has_what_constructors_need() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    root.done(PROJECTS, &json!({"projectName": "shop"}));
    let mut alice = Caller::certificate(&server, "alice");
    // The Go SDK cannot leave a member out.
    let go = json!({"keyUsage": "", "description": "", "name": "go", "encryptionAlgorithm": "", "projectId": ""});
    let python =
        json!({"name": "python", "projectId": null, "encryptionAlgorithm": "aes-256-gcm", "description": null});
    let node = json!({"name": "node", "description": "by Node", "keyUsage": "sign-verify", "encryptionAlgorithm": "ECC_NIST_P256"});
    for body in [&go, &python, &node] {
        let made = key(&mut alice, body);
        let at = format!("{KEYS}/{}", id(&made));
        assert_eq!(alice.get(&at)["key"], made);
        assert_eq!(alice.get(&format!("{KEYS}/key-name/{}", made["name"].as_str().unwrap()))["key"], made);
        let changed = alice.done_with("PATCH", &at, &json!({"name": null, "isDisabled": null, "description": "d"}));
        has(&changed["key"], &KEY);
        has(&alice.done_with("DELETE", &at, &json!({}))["key"], &KEY);
    }
    key(&mut alice, &python);
    let list = alice.get(&format!("{KEYS}?projectId=&offset=0&limit=100&orderBy=name&orderDirection=asc"));
    has(&list, &[("keys", 'l'), ("totalCount", 'n')]);
    has(&list["keys"][0], &KEY);
}

#[test]
fn names_of_algorithms_are_read_without_case() {
    let server = server();
    let mut alice = Caller::certificate(&server, "alice");
    for (usage, algorithm, expected) in [
        ("ENCRYPT-DECRYPT", "AES-256-GCM", "aes-256-gcm"),
        ("encrypt_decrypt", "Aes_128_Gcm", "aes-128-gcm"),
        ("Sign-Verify", "ecc-nist-p256", "ECC_NIST_P256"),
    ] {
        let made = key(&mut alice, &json!({"name": "k", "keyUsage": usage, "encryptionAlgorithm": algorithm}));
        assert_eq!(made["encryptionAlgorithm"], expected);
        if expected == "ECC_NIST_P256" {
            let at = format!("{KEYS}/{}", id(&made));
            let signed = alice.done(&format!("{at}/sign"), &json!({"data": "AA", "signingAlgorithm": "ecdsa-sha-256"}));
            assert_eq!(signed["signingAlgorithm"], "ECDSA_SHA_256");
        }
    }
    let other = json!({"name": "k", "keyUsage": "sign", "encryptionAlgorithm": "RSA_4096"});
    assert!(refused(&mut alice, "POST", KEYS, &other, 422).starts_with("keyUsage: \"sign\""));
}

#[test]
fn bodies_may_repeat_the_key_of_the_path() {
    let server = server();
    let mut alice = Caller::certificate(&server, "alice");
    let aes = key(&mut alice, &json!({"name": "aes"}));
    let ecc = key(&mut alice, &json!({"name": "ecc", "encryptionAlgorithm": "ECC_NIST_P256"}));
    for name in ["keyId", "KeyId", "KEYID"] {
        let at = format!("{KEYS}/{}", id(&aes));
        let sealed = alice.done(&format!("{at}/encrypt"), &json!({name: id(&aes), "plaintext": "aGVsbG8="}));
        let opened = alice.done(&format!("{at}/decrypt"), &json!({name: id(&aes), "ciphertext": sealed["ciphertext"]}));
        assert_eq!(opened["plaintext"], "aGVsbG8=");
        let own = format!("{KEYS}/{}", id(&ecc));
        let mut body =
            json!({name: id(&ecc), "data": "aGVsbG8=", "signingAlgorithm": "ECDSA_SHA_256", "isDigest": false});
        body["signature"] = alice.done(&format!("{own}/sign"), &body)["signature"].clone();
        let verified = alice.done(&format!("{own}/verify"), &body);
        assert_eq!(verified, json!({"signatureValid": true, "keyId": id(&ecc), "signingAlgorithm": "ECDSA_SHA_256"}));
        for action in ["encrypt", "decrypt", "sign", "verify"] {
            let other = json!({name: id(&ecc), "plaintext": "", "ciphertext": "", "data": "", "signature": ""});
            let told = refused(&mut alice, "POST", &format!("{at}/{action}"), &other, 422);
            assert!(told.starts_with(&format!("{name}: \"{}\" is not", id(&ecc))), "{told}");
        }
    }
}

#[test]
fn keys_are_searched_and_put_in_order() {
    let server = server();
    let mut alice = Caller::certificate(&server, "alice");
    for name in ["delta", "alpha", "Data-2", "echo", "data-1", "alpha", "50% off_x"] {
        key(&mut alice, &json!({"name": name}));
    }
    let mut names = |query: &str| {
        let list = alice.get(&format!("{KEYS}?{query}"));
        let keys = list["keys"].as_array().unwrap().iter();
        let names: Vec<String> = keys.map(|key| key["name"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), list["totalCount"].as_i64().unwrap())
    };
    let all = "50% off_x Data-2 alpha alpha data-1 delta echo";
    for query in ["", "orderBy=name", "orderBy=name&orderDirection=asc", "orderBy=Name&orderDirection=ASC", "search="] {
        assert_eq!(names(query), (all.to_owned(), 7), "{query}");
    }
    assert_eq!(names("orderDirection=desc").0, "echo delta data-1 alpha alpha Data-2 50% off_x");
    assert_eq!(names("search=DATA"), ("Data-2 data-1".to_owned(), 2));
    // The number of matches, not of shown entries.
    assert_eq!(names("search=a&orderBy=name&orderDirection=desc&limit=2"), ("delta data-1".to_owned(), 5));
    assert_eq!(names("search=50%25+off_"), ("50% off_x".to_owned(), 1));
    assert_eq!(names("search=%25"), ("50% off_x".to_owned(), 1), "no pattern");
    assert_eq!(names("search=nothing"), (String::new(), 0));
    // The pages together have each key once, in either direction.
    for direction in ["asc", "desc"] {
        let whole = names(&format!("orderDirection={direction}")).0;
        let pages: Vec<String> =
            (0..4).map(|page| names(&format!("orderDirection={direction}&limit=2&offset={}", page * 2)).0).collect();
        assert_eq!(pages.join(" "), whole);
    }
    assert_eq!(names("offset=7").0, "");
    for (query, member) in [("orderBy=createdAt", "orderBy"), ("orderDirection=up", "orderDirection")] {
        let answer = alice.send("GET", &format!("{KEYS}?{query}"), None);
        assert_eq!(answer.status, 422);
        assert!(answer.json()["message"].as_str().unwrap().starts_with(&format!("{member}: ")), "{answer:?}");
    }
}

#[test]
fn names_are_unique_within_a_project() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    for project in ["shop", "farm"] {
        root.done(PROJECTS, &json!({"projectName": project}));
    }
    let member = json!({"members": {"alice": "developer"}});
    for project in ["shop", "farm"] {
        assert_eq!(root.define("projects", project, &member).status, 200);
    }
    let mut alice = Caller::certificate(&server, "alice");
    let body = |name: &str, project: &str| json!({"name": name, "projectId": project});
    let made = key(&mut alice, &body("data", "shop"));
    key(&mut alice, &body("data", "farm"));
    let signer = json!({"name": "data", "projectId": "shop", "encryptionAlgorithm": "ECC_NIST_P256"});
    let count = |alice: &mut Caller| alice.located(&[]).0.len();
    let before = count(&mut alice);
    for taken in [&body("data", "shop"), &signer] {
        let told = refused(&mut alice, "POST", KEYS, taken, 422);
        assert!(told.contains("\"data\"") && told.contains("\"shop\""), "{told}");
    }
    // Names need not be unique over KMIP, but existing keys count, also private keys; destroyed keys do not.
    alice.key("by-kmip", &[kmip::name("kmip"), crate::harness::caller::project("shop")]);
    alice.key("twin", &[kmip::name("kmip"), crate::harness::caller::project("shop")]);
    refused(&mut alice, "POST", KEYS, &body("kmip", "shop"), 422);
    let pair = key(&mut alice, &json!({"name": "s", "projectId": "shop", "encryptionAlgorithm": "ECC_NIST_P256"}));
    refused(&mut alice, "POST", KEYS, &body("s", "shop"), 422);
    assert_eq!(count(&mut alice), before + 4);
    // Renaming needs a free name too.
    let at = format!("{KEYS}/{}", id(&made));
    let told = refused(&mut alice, "PATCH", &at, &json!({"name": "s", "description": "x", "isDisabled": true}), 422);
    assert!(told.contains("\"s\""), "{told}");
    let kept = alice.get(&at)["key"].clone();
    assert_eq!((&kept["name"], &kept["description"], &kept["isDisabled"]), (&json!("data"), &json!(""), &json!(false)));
    alice.done_with("PATCH", &at, &json!({"name": "data", "description": "its own name"}));
    alice.done_with("DELETE", &format!("{KEYS}/{}", id(&pair)), &json!({}));
    alice.done_with("PATCH", &at, &json!({"name": "s"}));
    key(&mut alice, &body("data", "shop"));
}

#[test]
fn of_many_who_give_one_name_at_once_one_does() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    root.done(PROJECTS, &json!({"projectName": "shop"}));
    assert_eq!(root.define("projects", "shop", &json!({"members": {"alice": "developer"}})).status, 200);
    let mut renamed: Vec<String> = Vec::new();
    let mut alice = Caller::certificate(&server, "alice");
    for number in 0..5 {
        let made = key(&mut alice, &json!({"name": format!("old-{number}"), "projectId": "shop"}));
        renamed.push(id(&made).to_owned());
    }
    let statuses: Vec<u16> = thread::scope(|scope| {
        let creating = (0..15).map(|_| {
            scope.spawn(|| {
                let body = json!({"name": "new", "projectId": "shop"});
                Caller::certificate(&server, "alice").post(KEYS, &body).status
            })
        });
        let renaming = renamed.iter().map(|id| {
            let server = &server;
            scope.spawn(move || {
                let at = format!("{KEYS}/{id}");
                Caller::certificate(server, "alice").send("PATCH", &at, Some(&json!({"name": "new"}))).status
            })
        });
        let all: Vec<_> = creating.chain(renaming).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 422].contains(status)), "{statuses:?}");
    assert_eq!(alice.get(&format!("{KEYS}?search=new"))["totalCount"], json!(1));
    assert_eq!(alice.located(&[]).0.len(), 5 + usize::from(statuses[..15].contains(&200)));
}

#[test]
fn a_call_that_fails_leaves_no_key() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    // A role that may make keys but not read their attributes: the answer still describes the new key.
    let role = json!({"capabilities": ["create"], "policies": ["all"]});
    assert_eq!(root.define("roles", "maker", &role).status, 200);
    root.done(PROJECTS, &json!({"projectName": "shop"}));
    let id = identity(&mut root, "no-access");
    let signing = crate::harness::SigningKey::rsa("one");
    root.done(&crate::harness::hanzo::path(&id), &crate::harness::hanzo::trusting(&signing, &json!({})));
    root.done(&format!("{PROJECTS}/shop/identity-memberships/{id}"), &json!({"role": "maker"}));
    let jwt = crate::harness::hanzo::jwt(&signing, &json!({}));
    let mut maker = Caller::bearer(&server, &crate::harness::hanzo::login(&server, &id, &jwt));
    let made = key(&mut maker, &json!({"name": "data", "projectId": "shop"}));
    assert_eq!((&made["name"], &made["projectId"]), (&json!("data"), &json!("shop")));
    let mut count = || root.get("/objects")["objects"].as_array().unwrap().len();
    assert_eq!(count(), 1);
    for (body, status) in [
        (json!({"name": "x", "projectId": "none"}), 403),
        (json!({"name": "data", "projectId": "shop"}), 422),
        (json!({"name": "x", "projectId": "shop", "description": "x".repeat(1025)}), 422),
        (json!({"name": "x", "projectId": "shop", "encryptionAlgorithm": "aes-192-gcm"}), 422),
        (json!({"name": "x", "projectId": "shop", "isDisabled": true}), 422),
        (json!({"name": "x", "projectId": "shop", "expiresAt": "2030-01-01"}), 422),
    ] {
        refused(&mut maker, "POST", KEYS, &body, status);
        assert_eq!(count(), 1, "{body}");
    }
}

/// What Terraform's provider reads of a project.
const PROJECT: [(&str, char); 12] = [
    ("id", 's'),
    ("name", 's'),
    ("slug", 's'),
    ("description", 's'),
    ("type", 's'),
    ("orgId", 's'),
    ("createdAt", 's'),
    ("updatedAt", 's'),
    ("version", 'n'),
    ("autoCapitalization", 'b'),
    ("hasDeleteProtection", 'b'),
    ("environments", 'l'),
];

#[test]
fn projects_are_made_read_changed_and_removed() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let terraform = json!({
        "projectName": "GCP Project", "projectDescription": "This is a GCP project", "slug": "gcp-project",
        "organizationSlug": "", "shouldCreateDefaultEnvs": false, "hasDeleteProtection": false,
    });
    let made = root.done(PROJECTS, &terraform)["project"].clone();
    has(&made, &PROJECT);
    for (member, value) in [
        ("id", "gcp-project"),
        ("slug", "gcp-project"),
        ("name", "GCP Project"),
        ("description", "This is a GCP project"),
        ("type", "secret-manager"),
    ] {
        assert_eq!(made[member], value);
    }
    assert_eq!(root.get("/api/v1/workspace/gcp-project")["workspace"], made);
    assert_eq!(root.get("/api/v2/workspace/gcp-project"), made);
    let node = json!({
        "projectName": "Node's own", "type": "kms", "template": "default", "kmsKeyId": null, "slug": null,
        "shouldCreateDefaultEnvs": true,
    });
    let second = root.done(PROJECTS, &node)["project"].clone();
    assert_eq!((&second["slug"], &second["type"]), (&json!("node-s-own"), &json!("kms")));
    let list = root.get("/api/v1/workspace");
    assert_eq!((&list["workspaces"], &list["totalCount"]), (&json!([made, second]), &json!(2)));
    // Terraform repeats the slug, and reads answers without an outer member.
    let change = json!({
        "slug": "gcp-project", "name": "Other", "description": "", "hasDeleteProtection": false,
    });
    let changed = root.done_with("PATCH", "/api/v2/workspace/gcp-project", &change);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Other"), &json!("")));
    assert_eq!(changed["createdAt"], made["createdAt"]);
    let body = json!({"name": "Third"});
    assert_eq!(root.done_with("PATCH", "/api/v1/workspace/gcp-project", &body)["workspace"]["name"], "Third");
    for (body, member) in [
        (json!({"projectName": "x", "hasDeleteProtection": true}), "hasDeleteProtection"),
        (json!({"projectName": "x", "template": "mine"}), "template"),
        (json!({"projectName": "x", "kmsKeyId": "k"}), "kmsKeyId"),
        (json!({"projectName": ""}), "projectName"),
        (json!({"projectName": "x", "slug": "a b"}), "slug"),
        (json!({}), "projectName"),
    ] {
        assert!(refused(&mut root, "POST", PROJECTS, &body, 422).starts_with(member), "{body}");
    }
    let told = refused(&mut root, "PATCH", "/api/v2/workspace/gcp-project", &json!({"slug": "x"}), 422);
    assert!(told.starts_with("slug: "), "{told}");
    refused(&mut root, "POST", PROJECTS, &json!({"projectName": "gcp-project"}), 409);
    let mut alice = Caller::certificate(&server, "alice");
    for (method, path) in [
        ("GET", "/api/v1/workspace"),
        ("GET", "/api/v1/workspace/gcp-project"),
        ("GET", "/api/v2/workspace/gcp-project"),
        ("PATCH", "/api/v1/workspace/gcp-project"),
        ("DELETE", "/api/v2/workspace/gcp-project"),
    ] {
        let body = (method == "PATCH").then(|| json!({}));
        assert_eq!(alice.send(method, path, body.as_ref()).status, 403, "{method} {path}");
    }
    assert_eq!(root.send("DELETE", "/api/v2/workspace/gcp-project", None).json()["slug"], "gcp-project");
    assert_eq!(root.send("DELETE", "/api/v1/workspace/node-s-own", None).json()["workspace"]["slug"], "node-s-own");
    assert_eq!(root.send("GET", "/api/v2/workspace/gcp-project", None).status, 404);
    // A project that is not empty is not removed.
    root.done(PROJECTS, &json!({"projectName": "shop"}));
    assert_eq!(root.define("projects", "shop", &json!({"members": {"alice": "developer"}})).status, 200);
    key(&mut alice, &json!({"name": "data", "projectId": "shop"}));
    assert_eq!(root.send("DELETE", "/api/v2/workspace/shop", None).status, 409);
    // People as members of a project are not served.
    let invite = json!({"projectId": "shop", "emails": ["alice@example.com"], "roleSlugs": ["member"]});
    refused(&mut root, "POST", "/api/v2/workspace/shop/memberships", &invite, 501);
}

/// The slugs of the environments that a project shows.
fn slugs(project: &Value) -> Vec<&str> {
    project["environments"].as_array().unwrap().iter().map(|own| own["slug"].as_str().unwrap()).collect()
}

#[test]
fn a_project_begins_with_the_environments_that_were_asked_for() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let new = |slug: &str, wanted: Value| json!({"projectName": slug, "slug": slug, "organizationSlug": "", "shouldCreateDefaultEnvs": wanted});
    let usual = ["dev", "staging", "prod"];
    assert_eq!(root.define("roles", "lead", &json!({"capabilities": ["*"], "policies": ["all"]})).status, 200);
    for body in [new("said", json!(true)), new("null", json!(null)), json!({"projectName": "unsaid"})] {
        assert_eq!(slugs(&root.done(PROJECTS, &body)["project"]), usual, "{body}");
    }
    let told = refused(&mut root, "POST", PROJECTS, &new("x", json!("no")), 422);
    assert!(told.starts_with("shouldCreateDefaultEnvs: "), "{told}");
    let made = root.done(PROJECTS, &new("bare", json!(false)))["project"].clone();
    assert_eq!(slugs(&made), [""; 0]);
    let at = "/api/v1/workspace/bare/environments";
    let secret = json!({"workspaceId": "bare", "environment": "dev", "secretPath": "/", "secretValue": "x"});
    let members = json!({"members": {"root": "lead"}, "default_environments": false});
    assert_eq!(root.define("projects", "bare", &members).status, 200);
    let told = refused(&mut root, "POST", "/api/v3/secrets/raw/A", &secret, 404);
    assert!(told.contains("it has none: make one first"), "{told}");
    let folder = json!({"workspaceId": "bare", "environment": "dev", "path": "/", "name": "f"});
    refused(&mut root, "POST", "/api/v1/folders", &folder, 404);
    // Only the environments that Terraform made exist, also after a change of the project and a restart.
    let prod = json!({"name": "Production", "slug": "prod", "position": 4, "workspaceId": "bare"});
    let made = root.done(at, &prod)["environment"].clone();
    assert_eq!((&made["position"], &made["name"]), (&json!(4), &json!("Production")));
    assert!(refused(&mut root, "POST", at, &prod, 400).contains("\"prod\" exists already"));
    root.done_with("PATCH", "/api/v2/workspace/bare", &json!({"slug": "bare", "name": "Bare"}));
    let server = server.restart();
    let mut root = Caller::certificate(&server, "root");
    assert_eq!(slugs(&root.get("/api/v2/workspace/bare")), ["prod"]);
    refused(&mut root, "POST", "/api/v3/secrets/raw/A", &secret, 404);
    // The last one can be removed, as `terraform destroy` does, and no environment comes back.
    let own = format!("{at}/{}", id(&made));
    assert_eq!(root.send("DELETE", &own, None).status, 200);
    assert_eq!(slugs(&root.get("/api/v1/workspace/bare")["workspace"]), [""; 0]);
    assert_eq!(root.get(at)["environments"], json!([]));
    // The member is a part of the definition: without it, the project has the usual environments.
    assert_eq!(root.define("projects", "bare", &json!({"members": {"root": "lead"}})).status, 200);
    assert_eq!(slugs(&root.get("/api/v2/workspace/bare")), usual);
    assert_eq!(root.define("projects", "bare", &json!({"default_environments": "x"})).status, 422);
    // The environments that a project has from the beginning exist, and cannot be made again.
    let at = "/api/v1/workspace/said/environments";
    for slug in usual {
        let told = refused(&mut root, "POST", at, &json!({"name": "Mine", "slug": slug}), 400);
        assert!(told.contains(&format!("{slug:?} exists already")), "{told}");
    }
    root.done(at, &json!({"name": "Test", "slug": "test"}));
    assert_eq!(slugs(&root.get("/api/v2/workspace/said")), ["dev", "staging", "prod", "test"]);
    refused(&mut root, "POST", at, &json!({"name": "Mine", "slug": "dev"}), 400);
}

#[test]
fn identities_are_members_as_terraform_says() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    root.done(PROJECTS, &json!({"projectName": "shop"}));
    let body = json!({
        "name": "ci", "organizationId": "180870b7-f464-4740-8ffe-9d11c9245ea7", "role": "no-access",
        "hasDeleteProtection": false, "metadata": [{"key": "team", "value": "red"}],
    });
    let made = root.done("/api/v1/identities", &body)["identity"].clone();
    has(&made, &[("id", 's'), ("name", 's'), ("orgId", 's'), ("authMethods", 'l'), ("hasDeleteProtection", 'b')]);
    has(&made["identity"], &[("id", 's'), ("name", 's'), ("authMethods", 'l'), ("hasDeleteProtection", 'b')]);
    assert_eq!(made["orgId"], body["organizationId"]);
    let identity = id(&made).to_owned();
    assert_eq!(root.get(&format!("/api/v1/identities/{identity}"))["identity"], made);
    let change = json!({"name": "ci2", "hasDeleteProtection": false, "metadata": []});
    root.done_with("PATCH", &format!("/api/v1/identities/{identity}"), &change);
    let told = refused(&mut root, "POST", "/api/v1/identities", &json!({"name": "x", "role": "owner"}), 422);
    assert!(["role", "admin", "member", "no-access"].iter().all(|word| told.contains(word)), "{told}");
    let protected = json!({"name": "x", "hasDeleteProtection": true});
    assert!(refused(&mut root, "POST", "/api/v1/identities", &protected, 422).contains("hasDeleteProtection"));

    let at = format!("{PROJECTS}/shop/identity-memberships/{identity}");
    assert_eq!(root.send("GET", &at, None).status, 404);
    // The provider says since when, whether or not a role is temporary.
    let role = |role: &str, is_temporary: bool| {
        json!({
            "role": role, "isTemporary": is_temporary, "temporaryMode": "", "temporaryRange": "",
            "temporaryAccessStartTime": "2026-11-29T17:00:00Z",
        })
    };
    let roles = json!({"projectId": "shop", "identityId": identity, "roles": [role("developer", false)]});
    let given = root.done(&at, &roles);
    let membership = &given["identityMembership"];
    has(membership, &[("id", 's'), ("identityId", 's'), ("projectId", 's'), ("roles", 'l')]);
    has(&membership["roles"][0], &[("id", 's'), ("role", 's'), ("isTemporary", 'b'), ("projectMembershipId", 's')]);
    assert_eq!(
        (&membership["roles"][0]["role"], &membership["identity"]["name"]),
        (&json!("developer"), &json!("ci2"))
    );
    assert_eq!(&root.get(&at)["identityMembership"], membership);
    // `terraform import` uses the membership's own identifier.
    let imported = format!("{PROJECTS}/identity-memberships/{}", id(membership));
    assert_eq!(&root.get(&imported)["identityMembership"], membership);
    for none in ["x", "x:y", "shop:x", &format!("x:{identity}")] {
        assert_eq!(root.send("GET", &format!("{PROJECTS}/identity-memberships/{none}"), None).status, 404, "{none}");
    }
    let mut alice = Caller::certificate(&server, "alice");
    for own in [&imported, &format!("{PROJECTS}/identity-memberships/x")] {
        assert_eq!(alice.send("GET", own, None).status, 403, "{own}");
    }
    // Every caller may read the organization.
    let details = alice.get("/api/v1/identities/details")["identityDetails"]["organization"].clone();
    has(&details, &[("id", 's'), ("name", 's'), ("slug", 's')]);
    assert_eq!(details["id"], root.get("/api/v1/workspace/shop")["workspace"]["orgId"]);
    assert_eq!(root.done_with("PATCH", &at, &roles)["roles"], membership["roles"]);
    let one = root.done_with("PATCH", &at, &json!({"role": "developer"}));
    assert_eq!(&one["identityMembership"], membership);
    let list = root.get(&format!("{PROJECTS}/shop/identity-memberships"));
    assert_eq!(list["identityMemberships"], json!([membership]));
    for (body, words) in [
        (json!({"roles": [role("developer", true)]}), "roles: isTemporary"),
        (json!({"roles": [role("developer", false), role("developer", false)]}), "roles: an identity has one role"),
        (json!({"role": "developer", "roles": [role("developer", false)]}), "roles: an identity has one role"),
        (json!({"roles": []}), "roles is missing"),
        (json!({}), "roles is missing"),
        (json!({"role": "owner"}), "role: there is no role \"owner\" for a project; there are developer"),
        (json!({"role": "developer", "expiresAt": "2030"}), "expiresAt"),
        (json!({"roles": [{"role": "developer", "permissions": ["x"]}]}), "permissions"),
    ] {
        let told = refused(&mut root, "PATCH", &at, &body, 422);
        assert!(told.starts_with(words), "{told}");
    }
    let body = json!({"projectId": "shop", "identityId": identity});
    let gone = root.done_with("DELETE", &at, &body);
    assert_eq!(gone["identityMembership"]["identityId"], json!(identity));
    assert_eq!(root.send("GET", &at, None).status, 404);
}

#[test]
fn identities_are_found_by_their_names() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    for name in ["web one", "ci", "web two", "web one"] {
        root.done("/api/v1/identities", &json!({"name": name, "role": "member"}));
    }
    // What the Terraform provider sends.
    let asked = |how: &str, text: &str, offset: usize| {
        json!({
            "scope": ["organization", "project"], "orderBy": "name", "orderDirection": "asc", "limit": 2, "offset": offset,
            "search": {"name": {how: text}},
        })
    };
    let mut found = |body: &Value| -> (Vec<String>, Value) {
        let answer = root.done(SEARCH, body);
        let names = answer["identities"].as_array().unwrap().iter().map(|own| {
            has(
                own,
                &[("id", 's'), ("identityId", 's'), ("orgId", 's'), ("scope", 's'), ("roles", 'l'), ("createdAt", 's')],
            );
            has(&own["identity"], &[("id", 's'), ("name", 's'), ("authMethods", 'l'), ("hasDeleteProtection", 'b')]);
            has(&own["roles"][0], &[("id", 's'), ("role", 's'), ("isTemporary", 'b')]);
            own["identity"]["name"].as_str().unwrap().to_owned()
        });
        (names.collect(), answer["totalCount"].clone())
    };
    let expected =
        |names: &[&str], total: u32| (names.iter().map(|&own| own.to_owned()).collect::<Vec<_>>(), json!(total));
    assert_eq!(found(&asked("$contains", "web", 0)), expected(&["web one", "web one"], 3));
    assert_eq!(found(&asked("$contains", "web", 2)), expected(&["web two"], 3));
    assert_eq!(found(&asked("$contains", "WEB T", 0)), expected(&["web two"], 1));
    assert_eq!(found(&asked("$eq", "web", 0)), expected(&[], 0));
    assert_eq!(found(&asked("$eq", "CI", 0)), expected(&[], 0));
    assert_eq!(found(&json!({"search": {"name": "ci"}})), expected(&["ci"], 1));
    assert_eq!(found(&asked("$eq", "ci", 0)), expected(&["ci"], 1));
    assert_eq!(found(&json!({})), expected(&["ci", "web one", "web one", "web two"], 4));
    assert_eq!(found(&json!({"scope": ["project"]})), expected(&[], 0));
    for (body, member) in [
        (json!({"search": {"role": {"$in": ["admin"]}}}), "search.role"),
        (json!({"search": {"$or": []}}), "search.$or"),
        (json!({"search": {"name": 5}}), "search.name"),
        (json!({"search": {"name": {"$contains": "a", "$eq": "b"}}}), "search.name"),
        (json!({"search": {"name": {"$in": ["ci"]}}}), "search.name"),
        (json!({"orderBy": "role"}), "orderBy"),
        (json!({"orderDirection": "desc"}), "orderDirection"),
        (json!({"limit": 1_000_000}), "offset is at most"),
        (json!({"limit": -1}), "limit"),
        (json!({"authMethodsOnly": ["jwt"]}), "authMethodsOnly"),
    ] {
        let told = refused(&mut root, "POST", SEARCH, &body, 422);
        assert!(told.starts_with(member), "{body}: {told}");
    }
    let mut alice = Caller::certificate(&server, "alice");
    refused(&mut alice, "POST", SEARCH, &json!({}), 403);
}
