//! If log lines cannot be written, only these lines are lost.

use std::process::Command;
use std::sync::Arc;

use crate::harness::kmip::encrypt;
use crate::harness::server::Place;
use crate::harness::{Options, Server};

#[test]
fn costs_no_request() {
    let place = Arc::new(Place::new());
    let own = place.command(&Options::default());
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full"]).arg(own.get_program()).args(own.get_args());
    command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").current_dir(place.directory.path());
    let server = Server::spawn(place, command, &Options::default()).unwrap();
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    alice.ok(&encrypt(&id, b"x"));
    assert_eq!(alice.get("/no/such/path").status, 404);
    assert!(server.nobody().try_request("GET", "/whoami", &[], b"").is_err());
    assert_eq!(server.alice().get("/health").status, 200);
    let (_, status) = server.stop();
    assert_eq!(status.code(), Some(0), "{status}");
}
