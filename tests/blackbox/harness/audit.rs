//! An audit log without a server: the library's own log, signed by a key of the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger::audit::{Audit, Decision, Found, Head, OpenError, Outcome, Record, SignedHead, Signer};
use claviger::config::{AUDIT_INTERVAL, AuditSettings};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use openssl::sign;
use serde_json::Value;

use super::eventually;
use super::server::run;

pub struct Trail {
    pub directory: Arc<tempfile::TempDir>,
    pub settings: AuditSettings,
    key: PKey<Private>,
    /// The checkpoints that the log has published.
    pub published: Arc<Mutex<Vec<SignedHead>>>,
}

impl Trail {
    pub fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let directory = Arc::new(super::directory());
        fs::write(directory.path().join("key.pem"), key.public_key_to_pem().unwrap()).unwrap();
        let settings = AuditSettings {
            file: directory.path().join("audit.jsonl"),
            former: None,
            rotate_size: 0,
            rotate_age: Duration::ZERO,
            interval: AUDIT_INTERVAL,
            server: String::new(),
            others: Vec::new(),
            accept_loss: false,
        };
        Self { directory, settings, key, published: Arc::default() }
    }

    /// A log without lines that depend on time, so that its lines can be counted even on a slow machine.
    pub fn still() -> Self {
        let mut trail = Self::new();
        trail.settings.interval = Duration::from_secs(3_600);
        trail
    }

    /// The log of a server of this name over the same database: in the same directory, and signed by the same key.
    pub fn of_server(&self, server: &str) -> Self {
        let file = self.path(&format!("{server}.jsonl"));
        let settings = AuditSettings { file, server: server.to_owned(), ..self.settings.clone() };
        Self { directory: Arc::clone(&self.directory), settings, key: self.key.clone(), published: Arc::default() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn log(&self) -> &Path {
        &self.settings.file
    }

    pub fn text(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    /// The lines of the log, each a JSON object.
    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn events(&self) -> Vec<String> {
        self.lines().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the head that a database records with the last line.
    pub fn head(&self) -> Head {
        head_of(self.text().lines().last().unwrap())
    }

    pub fn signer(&self) -> Signer {
        let key = self.key.clone();
        let sign = move |bytes: &[u8]| {
            let mut signer = sign::Signer::new(MessageDigest::sha256(), &key)?;
            Ok(signer.sign_oneshot_to_vec(bytes)?)
        };
        Signer { key: sha256(&self.key.public_key_to_der().unwrap()), sign: Box::new(sign) }
    }

    /// Opens the log as soon as it is not in use: a child of another test that was just forked holds the lock of the log that was
    /// closed, until it runs its own program.
    pub fn try_open(&self, head: Option<Head>) -> Result<(Audit, Found), OpenError> {
        eventually("the lock is free", || match self.open_at_once(head) {
            Err(OpenError::InUse(_)) => None,
            opened => Some(opened),
        })
    }

    pub fn open_at_once(&self, head: Option<Head>) -> Result<(Audit, Found), OpenError> {
        let published = Arc::clone(&self.published);
        let publish = move |signed| published.lock().unwrap().push(signed);
        Audit::open(&self.settings, head, false, self.signer(), Box::new(publish))
    }

    pub fn open(&self, head: Option<Head>) -> (Audit, Found) {
        self.try_open(head).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs `claviger audit verify` on these files, and returns its exit status and its output.
    pub fn verify<P: AsRef<Path>>(&self, head: Option<&Path>, files: &[P]) -> (i32, String) {
        let mut command = claviger();
        command.args(["audit", "verify", "--public-key"]).arg(self.path("key.pem"));
        if let Some(head) = head {
            command.arg("--head").arg(head);
        }
        let (status, out, error) = run(command.args(files.iter().map(AsRef::as_ref)));
        (status.code().unwrap(), out + &error)
    }

    /// Verifies the only file.
    #[track_caller]
    pub fn is_intact(&self) {
        let (status, said) = self.verify(None, &[self.log()]);
        assert_eq!(status, 0, "{said}");
    }
}

pub fn head_of(line: &str) -> Head {
    let value: Value = serde_json::from_str(line).unwrap();
    Head { seq: value["seq"].as_u64().unwrap(), hash: sha256(line.as_bytes()) }
}

/// Returns the command `claviger` with an environment without a server.
pub fn claviger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    command.env_clear().env("HOME", "/nonexistent");
    command
}

pub fn use_of(object: &str) -> Record {
    Record::decision(&decision(object))
}

/// Returns the record of a change of an object, with the new version of its row.
pub fn change_of(object: &str, version: i64) -> Record {
    Record::decision(&Decision { operation: "Revoke", version: Some(version), ..decision(object) })
}

fn decision(object: &str) -> Decision<'_> {
    Decision {
        request_id: "0193-7f3c",
        user: "alice",
        method: "certificate",
        proof: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        peer: Some("192.0.2.7".parse().unwrap()),
        is_socket: false,
        kmip_version: None,
        operation: "Encrypt",
        object: Some(object),
        version: None,
        outcome: Outcome::Success,
        rule: Some("owner"),
        reason: None,
        detail: None,
        concerns_caller: false,
    }
}
