//! Only the exact client secret is accepted, within its uses, its lifetime and its networks, and the server does not
//! store it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::credentials::{Over, almost, app, at, holding, log_in, log_in_at, secret};
use crate::harness::hanzo::{options, place, server, token, whoami};
use crate::harness::{Server, clock, eventually};

/// Without lockout, so that every failure is one of the secret.
fn open() -> Value {
    json!({"lockoutEnabled": false})
}

#[test]
fn what_is_almost_a_secret_is_none() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let [own, other] = [0; 2].map(|_| app(&mut root, &open()));
    let ((id, good), (_, another)) = (secret(&mut root, &own, &json!({})), secret(&mut root, &other, &json!({})));
    let status = |client_id: &str, secret: &str| log_in(&server, client_id, secret).status;
    assert_eq!(status(&own.client_id, &good), 200, "the control");
    for (fault, wrong) in almost(&good) {
        assert_eq!(status(&own.client_id, &wrong), 401, "{fault}");
    }
    assert_eq!(status(&own.client_id, &another), 401, "another identity's");
    assert_eq!(status(&other.client_id, &good), 401, "another identity's");
    for client in ["", "x", &own.client_id.to_uppercase(), &format!("{} ", own.client_id), &"x".repeat(1000)] {
        assert_eq!(status(client, &good), 401, "{client:?}");
    }
    assert_eq!(status(&own.client_id, &good), 200);
    let revoke = at(&own.identity, &format!("/client-secrets/{id}/revoke"));
    let mut alice = Caller::certificate(&server, "alice");
    assert_eq!(alice.post(&revoke, &json!({})).status, 403);
    assert_eq!(root.post(&at(&other.identity, &format!("/client-secrets/{id}/revoke")), &json!({})).status, 404);
    for _ in 0..2 {
        assert_eq!(root.done(&revoke, &json!({}))["clientSecretData"]["isClientSecretRevoked"], json!(true));
    }
    assert_eq!(status(&own.client_id, &good), 401, "revoked");
    assert_eq!(root.get(&at(&own.identity, "/client-secrets"))["clientSecretData"], json!([]));
    let server = server.restart();
    assert_eq!(log_in(&server, &own.client_id, &good).status, 401, "revoked before the server began");
}

#[test]
fn a_secret_is_good_in_its_time_and_from_its_networks() {
    let place = place();
    let options = clock::moved(&place, options(&[]));
    let server = Server::start_at(place, &options);
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &open());
    let (_, short) = secret(&mut root, &own, &json!({"ttl": 3600}));
    let (_, long) = secret(&mut root, &own, &json!({}));
    assert_eq!([&short, &long].map(|own_secret| log_in(&server, &own.client_id, own_secret).status), [200, 200]);
    clock::advance(&server.place, 3601);
    let expired = log_in(&server, &own.client_id, &short);
    assert_eq!(
        (expired.status, expired.json()["message"].clone()),
        (401, json!("Access denied due to expired client secret"))
    );
    assert_eq!(log_in(&server, &own.client_id, &long).status, 200);
    // The test comes from 127.0.0.1.
    let mut root = Caller::certificate(&server, "root");
    let mut change = |member: &str, network: &str| {
        root.done_with("PATCH", &at(&own.identity, ""), &json!({member: [{"ipAddress": network}]}));
    };
    change("clientSecretTrustedIps", "10.0.0.0/8");
    let elsewhere = log_in(&server, &own.client_id, &long);
    assert_eq!(elsewhere.status, 401);
    // From another network the answer is the same as for a wrong secret.
    assert_eq!(
        log_in(&server, &own.client_id, &short.replace('a', "b")).json()["message"],
        elsewhere.json()["message"]
    );
    change("clientSecretTrustedIps", "127.0.0.0/8");
    assert_eq!(log_in(&server, &own.client_id, &long).status, 200);
    change("accessTokenTrustedIps", "10.0.0.0/8");
    let given = log_in(&server, &own.client_id, &long);
    assert_eq!(given.status, 200);
    assert_eq!(whoami(&server, &token(&given.json())), Err(401), "the token is for another network");
}

/// Returns how many of a thousand simultaneous logins with a secret succeed. A login that is refused for lack of a
/// place is repeated.
fn logins(server: &Server, client_id: &str, secret: &str, count: usize) -> usize {
    let (succeeded, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let client = server.nobody();
                while refused.load(Ordering::SeqCst) + succeeded.load(Ordering::SeqCst) < count {
                    match log_in_at(&client, client_id, secret).status {
                        200 => succeeded.fetch_add(1, Ordering::SeqCst),
                        401 => refused.fetch_add(1, Ordering::SeqCst),
                        429 | 503 => 0,
                        other => panic!("{other}"),
                    };
                }
            });
        }
    });
    succeeded.into_inner()
}

#[test]
fn a_secret_is_used_as_often_as_it_may_be_and_not_once_more() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &open());
    let (id, good) = secret(&mut root, &own, &json!({"numUsesLimit": 100}));
    // Some logins, and a kill of the server in between.
    let before = logins(&server, &own.client_id, &good, 30);
    assert!((30..=94).contains(&before), "{before}");
    let options = server.options.clone();
    let server = Server::start_at(server.kill(), &options);
    let after = logins(&server, &own.client_id, &good, 1_000);
    assert_eq!(before + after, 100);
    let spent = log_in(&server, &own.client_id, &good);
    let told = json!("Access denied due to client secret usage limit reached");
    assert_eq!((spent.status, &spent.json()["message"]), (401, &told));
    let mut root = Caller::certificate(&server, "root");
    let shown = root.get(&at(&own.identity, &format!("/client-secrets/{id}")))["clientSecretData"].clone();
    assert_eq!((&shown["clientSecretNumUses"], &shown["clientSecretNumUsesLimit"]), (&json!(100), &json!(100)));
    let server = server.restart();
    assert_eq!(log_in(&server, &own.client_id, &good).status, 401);
}

#[test]
fn a_secret_that_is_in_use_is_revoked() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &open());
    for _ in 0..4 {
        let (id, stolen) = secret(&mut root, &own, &json!({}));
        let (count, is_revoked, is_over) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
        let use_it = || {
            let client = server.nobody();
            while !is_over.load(Ordering::SeqCst) {
                let was_revoked = is_revoked.load(Ordering::SeqCst);
                match log_in_at(&client, &own.client_id, &stolen).status {
                    200 if was_revoked => return Err("it let somebody in after it was revoked"),
                    200 => drop(count.fetch_add(1, Ordering::SeqCst)),
                    401 => return Ok(()),
                    429 | 503 => {}
                    other => panic!("{other}"),
                }
            }
            Err("it was not revoked")
        };
        let revoked = thread::scope(|scope| {
            let users: Vec<_> = (0..16).map(|_| scope.spawn(use_it)).collect();
            let _over = Over(&is_over);
            eventually("it is in use", || (count.load(Ordering::SeqCst) >= 32).then_some(()));
            let revoked = root.post(&at(&own.identity, &format!("/client-secrets/{id}/revoke")), &json!({}));
            is_revoked.store(true, Ordering::SeqCst);
            is_over.store(revoked.status != 200, Ordering::SeqCst);
            let users: Vec<_> = users.into_iter().map(|user| user.join().unwrap()).collect();
            assert_eq!((revoked.status, users), (200, vec![Ok(()); 16]));
            revoked
        });
        assert_eq!(revoked.json()["clientSecretData"]["isClientSecretRevoked"], json!(true));
        let uses = revoked.json()["clientSecretData"]["clientSecretNumUses"].as_u64().unwrap();
        assert!(uses >= 32, "{uses}: those before are counted");
        assert_eq!(log_in(&server, &own.client_id, &stolen).status, 401);
    }
}

fn edited(server: Server, statements: &[String]) -> Server {
    let options = server.options.clone();
    let (place, _) = server.stop();
    let database = Database::open(place.database()).unwrap();
    for statement in statements {
        assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
    }
    drop(database);
    Server::start_at(place, &options)
}

#[test]
fn a_row_that_was_changed_in_the_database_is_refused_loudly() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let [own, other] = [0; 2].map(|_| app(&mut root, &open()));
    let edits = [
        "uses = 0",
        "uses_limit = 0",
        "revoked = 0",
        "ttl = 0",
        "created = created + 100000",
        "description = 'x'",
        "binding = zeroblob(32)",
        "version = version + 1",
    ];
    let secrets: Vec<(String, String)> = edits
        .iter()
        .map(|_| {
            let (id, good) = secret(&mut root, &own, &json!({"numUsesLimit": 1, "ttl": 3600}));
            assert_eq!(log_in(&server, &own.client_id, &good).status, 200);
            (id, good)
        })
        .collect();
    root.done(&at(&own.identity, &format!("/client-secrets/{}/revoke", secrets[2].0)), &json!({}));
    let (kept, untouched) = secret(&mut root, &own, &json!({}));
    let (_, foreign) = secret(&mut root, &other, &json!({}));
    let (moved, _) = secret(&mut root, &own, &json!({}));
    let mut statements: Vec<String> = edits
        .iter()
        .zip(&secrets)
        .map(|(edit, (id, _))| format!("UPDATE client_secret SET {edit} WHERE id = '{id}'"))
        .collect();
    // The MAC of a secret that the intruder knows, in the row of another secret.
    statements.push(format!(
        "UPDATE client_secret SET mac = (SELECT mac FROM client_secret WHERE identity = '{}') WHERE id = '{moved}'",
        other.identity
    ));
    let server = edited(server, &statements);
    for ((id, good), edit) in secrets.iter().zip(edits) {
        assert_eq!(log_in(&server, &own.client_id, good).status, 401, "{edit}");
        let is_told = |line: &str| line.contains("ROW REFUSED") && line.contains(id.as_str());
        assert!(server.log().lines().any(is_told), "{edit}");
    }
    assert_eq!(log_in(&server, &own.client_id, &foreign).status, 401);
    // With two rows of one MAC, the server cannot know which one belongs to the secret.
    assert_eq!(log_in(&server, &other.client_id, &foreign).status, 401);
    assert_eq!(log_in(&server, &own.client_id, &untouched).status, 200);
    let mut root = Caller::certificate(&server, "root");
    let listed = root.get(&at(&own.identity, "/client-secrets"))["clientSecretData"].clone();
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|own| own["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [kept.as_str()], "what cannot be believed is not listed");
}

#[test]
fn an_older_row_of_a_revoked_secret_is_found_by_the_check() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &open());
    let (id, good) = secret(&mut root, &own, &json!({"numUsesLimit": 5}));
    assert_eq!(log_in(&server, &own.client_id, &good).status, 200, "a use is no change");
    let options = server.options.clone();
    let place = server.stop().0;
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
    fs::copy(place.database(), place.path("older.db")).unwrap();
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut root = Caller::certificate(&server, "root");
    root.done(&at(&own.identity, &format!("/client-secrets/{id}/revoke")), &json!({}));
    server.stop();
    let database = Database::open(place.database()).unwrap();
    database.execute("ATTACH ?1 AS older", [place.path("older.db").to_str().unwrap()]).unwrap();
    database.execute_batch("REPLACE INTO client_secret SELECT * FROM older.client_secret").unwrap();
    drop(database);
    let (is_clean, said) = place.check_store(&options);
    assert!(
        !is_clean && said.contains(&format!("client-secret/{id}: version 1, but the audit log knows version 2")),
        "{said}"
    );
}

#[test]
fn nothing_of_a_secret_is_kept_or_told() {
    let place = place();
    let mut options = options(&[]);
    options.environment.push(("KMS_LOG".to_owned(), "trace".to_owned()));
    let server = Server::start_at(place, &options);
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &open());
    let (id, good) = secret(&mut root, &own, &json!({"description": "where is it"}));
    assert_eq!(log_in(&server, &own.client_id, &good).status, 200);
    // Also sent in a wrong place.
    assert_eq!(log_in(&server, &own.client_id, &format!("{good}x")).status, 401);
    assert_eq!(
        server
            .nobody()
            .post(crate::harness::credentials::LOGIN, &json!({"clientId": own.client_id, "clientSecret": [good]}))
            .status,
        422
    );
    root.done(&at(&own.identity, &format!("/client-secrets/{id}/revoke")), &json!({}));
    assert_eq!(log_in(&server, &own.client_id, &good).status, 401);
    eventually("failures are summed up", || {
        fs::read_to_string(server.place.audit_file()).unwrap().contains("revoked").then_some(())
    });
    // Sixteen digits of it anywhere, or their bytes.
    let digits = &good.as_bytes()[4..];
    let bytes = data_encoding::HEXLOWER.decode(digits).unwrap();
    let needles: Vec<Vec<u8>> = digits.chunks(16).chain(bytes.chunks(8)).map(<[u8]>::to_vec).collect();
    assert_eq!(
        holding(&server.place, &[b"where is it".to_vec()]).len().min(1),
        1,
        "what is looked through has the row"
    );
    assert_eq!(holding(&server.place, &needles), Vec::<String>::new());
    assert!(!server.log().contains(&good[4..20]));
    let (place, _) = server.stop();
    assert_eq!(holding(&place, &needles), Vec::<String>::new());
}
