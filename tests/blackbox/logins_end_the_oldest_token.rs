//! An identity has at most 10,000 live access tokens. Each login beyond that ends the oldest one, and costs as much as
//! the first login.

use std::thread;

use serde_json::{Value, json};

use crate::harness::caller::{Caller, succeeded};
use crate::harness::costs::SLACK;
use crate::harness::hanzo::{LOGIN, jwt, known, login, options, place, token, whoami};
use crate::harness::{Connection, Server, SigningKey};

const LIVE: usize = 10_000;
const CONNECTIONS: usize = 16;

/// The number of times that tokens are ended, and the number of tokens each time, while others log in.
const TIMES: usize = 8;
const ROOM: usize = 8;

/// The logins whose cost is compared, of each identity.
const COMPARED: usize = 31;

/// Logs in over a kept-alive connection.
fn log_in(client: &mut Connection, identity: &str, jwt: &str) -> String {
    token(&succeeded(&client.post(LOGIN, &json!({"identityId": identity, "jwt": jwt})), &json!(identity)))
}

fn many(server: &Server, identity: &str, jwt: &str, count: usize) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut client = server.nobody().connect().unwrap();
                for _ in (connection..count).step_by(CONNECTIONS) {
                    log_in(&mut client, identity, jwt);
                }
            });
        }
    });
}

/// Returns the identifiers of the identity's live tokens.
fn live(server: &Server, identity: &str) -> usize {
    let mut root = Caller::certificate(server, "root");
    let (mut count, mut after) = (0, String::new());
    loop {
        let page = root.get(&format!("/access/tokens?subject=identity:{identity}&after={after}"));
        let page = page.as_array().unwrap();
        count += page.iter().filter(|own| own["revoked"] == false).count();
        match page.last() {
            Some(last) => after = last["id"].as_str().unwrap().to_owned(),
            None => return count,
        }
    }
}

#[test]
fn in_place_of_being_refused() {
    let mut options = options(&[]);
    options.environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
    let server = Server::start_at(place(), &options);
    let key = SigningKey::rsa("one");
    let [id, other] = [0, 1].map(|_| known(&server, &key, &json!({})));
    let proof = jwt(&key, &json!({}));
    let [first, second, third] = [0, 1, 2].map(|_| login(&server, &id, &proof));
    many(&server, &id, &proof, 7_990);
    assert!(!server.log().contains("live access tokens"), "a warning too early");
    many(&server, &id, &proof, 10);
    assert!(server.log().contains("live access tokens"), "no warning");
    many(&server, &id, &proof, LIVE - 3 - 8_000);
    assert!([&first, &second, &third].into_iter().all(|token| whoami(&server, token).is_ok()));
    assert_eq!(live(&server, &id), LIVE);

    // One more login ends the first token; after a restart the next login ends the second one.
    let newest = login(&server, &id, &proof);
    assert_eq!(whoami(&server, &first), Err(401));
    assert!(whoami(&server, &second).is_ok() && whoami(&server, &newest).is_ok());
    let server = server.restart();
    login(&server, &id, &proof);
    assert_eq!(whoami(&server, &second), Err(401));
    assert!(whoami(&server, &third).is_ok());
    // Many logins at once: each gets its token, and there are not more tokens than before.
    many(&server, &id, &proof, 64);
    assert_eq!(whoami(&server, &third), Err(401));
    assert!(whoami(&server, &newest).is_ok());
    // Also if there is room for some of them: the first logins use it, and each other login ends one token.
    let mut root = Caller::certificate(&server, "root");
    for _ in 0..TIMES {
        let page = root.get(&format!("/access/tokens?subject=identity:{id}"));
        let live = page.as_array().unwrap().iter().filter(|own| own["revoked"] == false);
        let ids: Vec<&str> = live.map(|own| own["id"].as_str().unwrap()).take(ROOM).collect();
        for id in &ids {
            assert_eq!(root.send("DELETE", &format!("/access/tokens/{id}"), None).status, 200);
        }
        assert_eq!(ids.len(), ROOM);
        many(&server, &id, &proof, 64);
    }
    assert_eq!(live(&server, &id), LIVE);

    // It does not cost the server more than at an identity with few tokens.
    let mut costs = [Vec::new(), Vec::new()];
    let mut client = server.nobody().connect().unwrap();
    let meter = server.meter();
    for _ in 0..COMPARED {
        for (identity, costs) in [&other, &id].into_iter().zip(&mut costs) {
            costs.push(meter.spent(|| drop(log_in(&mut client, identity, &proof))));
        }
    }
    // What the server does of its own accord is not in all samples.
    let [few, many] = costs.map(|costs| costs.into_iter().min().unwrap());
    assert!(many <= few * 2 + SLACK, "{many:?} of CPU with many tokens, {few:?} with few");

    // The audit log has a line for each ended token, with the user.
    let lines = std::fs::read_to_string(server.place.audit_file()).unwrap();
    let ended: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["operation"] == "RevokeAccessToken" && line["user"] != "root")
        .collect();
    assert_eq!(ended.len(), 2 + 64 + TIMES * (64 - ROOM) + COMPARED);
    for line in &ended {
        assert_eq!(line["user"], format!("identity:{id}"), "{line}");
        assert_eq!(line["version"], 2, "{line}");
        assert!(line["detail"].as_str().unwrap().contains("the oldest"), "{line}");
    }
}
