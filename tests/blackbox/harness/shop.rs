//! A project with secrets for Infisical's SDKs.

use std::thread;

use serde_json::{Value, json};

use super::caller::Caller;
use super::{Server, conjur, hanzo};

pub const RAW: &str = "/api/v3/secrets/raw";

/// The number of secrets of a large project, and of secrets on a page.
pub const MANY: usize = 10_000;
pub const PAGE: usize = 100;

/// Starts a server with the project `shop`: alice has the role `lead`, wendy may write, rita may read, tina may read
/// except tagged secrets, and mallory has no role.
pub fn shop() -> (Server, Caller) {
    shop_at(hanzo::server())
}

/// Defines this project at a running server.
pub fn shop_at(server: Server) -> (Server, Caller) {
    let mut root = Caller::certificate(&server, "root");
    let policy = |operations: &[&str]| json!({"policy_type": "allow", "operations": operations, "resources": ["*"]});
    conjur::define(&mut root, "policies", "write", &policy(&["write_secret"]));
    conjur::define(&mut root, "policies", "read", &policy(&["read_secret"]));
    for (role, policy) in [("lead", "all"), ("writer", "write"), ("reader", "read")] {
        conjur::define(&mut root, "roles", role, &json!({"capabilities": ["*"], "policies": [policy]}));
    }
    let members = json!({"alice": "lead", "wendy": "writer", "rita": "reader"});
    conjur::define(&mut root, "projects", "shop", &json!({ "members": members }));
    (server, root)
}

/// Adds `count` secrets to an environment of the project: `S000_00` to `S000_99`, `S001_00` and so on.
pub fn fill(server: &Server, environment: &str, count: usize) {
    let batches = count / PAGE;
    thread::scope(|scope| {
        for connection in 0..4 {
            scope.spawn(move || {
                let mut alice = Caller::certificate(server, "alice");
                for batch in (connection..batches).step_by(4) {
                    let entry = |number: usize| json!({"secretKey": format!("S{batch:03}_{number:02}"), "secretValue": "value"});
                    let secrets: Vec<Value> = (0..PAGE).map(entry).collect();
                    let body = json!({"workspaceId": "shop", "environment": environment, "secrets": secrets});
                    alice.done("/api/v3/secrets/batch/raw", &body);
                }
            });
        }
    });
}
