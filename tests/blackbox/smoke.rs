//! The main case: a caller with a certificate makes a key, uses it, and exports it.

use crate::harness::Server;

#[test]
fn a_key_is_made_used_and_exported() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.get("/whoami").json(), serde_json::json!({"username": "alice", "method": "certificate"}));
    let id = alice.aes();
    let sealed = alice.seal(&id, b"attack at dawn");
    assert_eq!(alice.open(&sealed), b"attack at dawn");
    assert_eq!(alice.export(&id).len(), 32);
    let server = server.restart();
    assert_eq!(server.alice().connect().unwrap().open(&sealed), b"attack at dawn");
}
