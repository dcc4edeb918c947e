//! Opens the HSM token without the server, as a person with the PIN could. This is done in its own process, because
//! modules read their configuration from the environment, which a process with threads cannot change safely.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use claviger_pkcs11::{Config, Pin, PinSource, WrapMechanisms};

use super::server::run;
use super::token::{Hsm, LABEL, PIN, Token};

/// The variable with the directory of the test; it is set only in the child.
const DIRECTORY: &str = "CLAVIGER_TEST_DIRECTORY";

/// Returns the directory of the test in the child; `None` in the parent.
pub fn child() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Runs only this test again, in a process whose environment names `token`. `module` is its `module_path!()`, `test`
/// its name.
pub fn again(module: &str, test: &str, token: &Token, directory: &Path) {
    let (status, out, err) = run(&mut command(module, test, token, directory));
    assert!(status.success(), "{test} failed in its process\n{out}{err}");
    assert!(out.contains("1 passed"), "{test} is not the test's name\n{out}{err}");
}

/// Returns the command of [`again`].
pub fn command(module: &str, test: &str, token: &Token, directory: &Path) -> Command {
    let (_, module) = module.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory).env(Hsm::chosen().variable(), &token.configuration);
    command
}

/// Opens the token as the server does.
pub fn open() -> claviger_pkcs11::Token {
    open_by(module())
}

/// Opens the HSM token as the server does, by another module.
pub fn open_by(module: PathBuf) -> claviger_pkcs11::Token {
    let config = Config {
        module,
        label: LABEL.to_owned(),
        pin: PinSource::new(|| Ok(Some(Pin::new(PIN.into())))),
        max_sessions: 4,
        wrap: WrapMechanisms::default(),
        session_deadline: Duration::from_secs(5),
        call_timeout: Duration::from_secs(10),
    };
    claviger_pkcs11::Token::open(config, |_| Ok::<_, claviger_pkcs11::Error>(())).unwrap().0
}

/// Returns the path of the PKCS#11 module that the tests use.
pub fn module() -> PathBuf {
    Hsm::chosen().module()
}
