//! Runs every test in a process of its own, because C_Initialize is per process, and modules take their configuration
//! from the environment, which a process with threads cannot change safely.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use claviger_pkcs11::{
    Config, Device, KeyId, Pin, PinSource, SecretKeyKind, SecretKeySpec, Token, UnwrapTemplate, Uses, WrapMechanisms,
};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use tempfile::TempDir;

use crate::hsm::Hsm;

/// The environment variable of the child, which names the directory with the tokens.
const HOME: &str = "CLAVIGER_TEST_TOKENS";

/// Label of the token of every test.
pub(crate) const LABEL: &str = "test token";

/// Its user PIN.
pub(crate) const PIN: &str = "user-pin-8421";

/// The directory with the tokens of one test.
pub(crate) struct Home(PathBuf);

impl Home {
    /// Runs `body` in a child process that runs only this test. `module` is `module_path!()`, `test` is the name of the
    /// function.
    pub(crate) fn test(module: &str, test: &str, body: impl FnOnce(&Home)) {
        if let Some(home) = env::var_os(HOME) {
            return body(&Home(home.into()));
        }
        let directory = memory_directory();
        let home = Home(directory.path().to_owned());
        let hsm = Hsm::chosen();
        let settings = hsm.configure(&home.0);
        hsm.begin(&home.0, LABEL, PIN);
        let (_, module) = module.split_once("::").unwrap();
        let name = format!("{module}::{test}");
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture", "--test-threads=1"])
            .env(HOME, &home.0)
            .env(hsm.variable(), settings)
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        print!("{out}{err}");
        assert!(child.status.success(), "{name} failed in its process");
        assert!(out.contains("1 passed"), "{name} is not the test's name");
    }

    /// The same for a test that only one of the modules can pass. With SoftHSM's files a token or a key can disappear
    /// while it is in use; Kryoptic keeps its database open and does not notice. Kryoptic can be configured how to
    /// encode points.
    pub(crate) fn test_of(hsm: Hsm, module: &str, test: &str, body: impl FnOnce(&Home)) {
        if Hsm::chosen() == hsm {
            Self::test(module, test, body);
        }
    }

    /// Returns the directory of the tokens.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// Initialises another token.
    pub(crate) fn add_token(&self, label: &str) {
        Hsm::chosen().add(&self.0, label, PIN);
    }

    /// Opens the test token without a check.
    pub(crate) fn open(&self) -> Token {
        Token::open(config(), |_| Ok::<_, claviger_pkcs11::Error>(())).unwrap().0
    }
}

/// Opens a session of the module without the crate. The login belongs to the process, so this session has it too.
pub(crate) fn raw() -> Session {
    let context = Pkcs11::new(module()).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    context.open_rw_session(slot).unwrap()
}

/// Checks that the object cannot be changed, copied or destroyed: neither in the attributes that all root keys have nor
/// in those of `more`, and that it cannot be copied with or without such a change.
pub(crate) fn assert_fixed(session: &Session, object: ObjectHandle, more: &[Attribute]) {
    let common = [
        Attribute::Decrypt(true),
        Attribute::Encrypt(true),
        Attribute::Derive(true),
        Attribute::Extractable(true),
        Attribute::Sensitive(false),
        Attribute::Modifiable(true),
        Attribute::Copyable(true),
        Attribute::Destroyable(true),
        Attribute::Id(vec![1; 20]),
    ];
    for change in common.chunks(1).chain(more.chunks(1)) {
        session.update_attributes(object, change).unwrap_err();
        session.copy_object(object, change).unwrap_err();
    }
    session.copy_object(object, &[Attribute::Token(false)]).unwrap_err();
    session.destroy_object(object).unwrap_err();
}

/// Returns the module under test.
pub(crate) fn module() -> PathBuf {
    Hsm::chosen().module()
}

/// Returns a source that always has this PIN.
pub(crate) fn pin(text: &'static str) -> PinSource {
    PinSource::new(move || Ok(Some(Pin::new(text.into()))))
}

/// Returns the right configuration for the test token.
pub(crate) fn config() -> Config {
    Config {
        module: module(),
        label: LABEL.to_owned(),
        pin: pin(PIN),
        max_sessions: 8,
        wrap: WrapMechanisms::default(),
        session_deadline: Duration::from_secs(5),
        call_timeout: Duration::from_secs(10),
    }
}

/// Returns the specification of an extractable, not sensitive AES key that encrypts and decrypts.
pub(crate) fn aes(bytes: usize) -> SecretKeySpec {
    SecretKeySpec {
        kind: SecretKeyKind::Aes { bytes },
        sensitive: false,
        extractable: true,
        uses: Uses { encrypt: true, decrypt: true, sign: true, verify: true, ..Uses::default() },
    }
}

/// Returns the specification of an extractable, not sensitive secret key that signs.
pub(crate) fn secret(bytes: usize) -> SecretKeySpec {
    SecretKeySpec {
        kind: SecretKeyKind::Generic { bytes },
        sensitive: false,
        extractable: true,
        uses: Uses { sign: true, verify: true, ..Uses::default() },
    }
}

/// Returns `spec` with the protection of the class of `unwrap`.
pub(crate) fn classed(spec: SecretKeySpec, unwrap: UnwrapTemplate) -> SecretKeySpec {
    SecretKeySpec { sensitive: unwrap.sensitive(), extractable: unwrap.extractable(), ..spec }
}

/// Returns a new random CKA_ID.
pub(crate) fn new_id(device: &Device) -> KeyId {
    let bytes: [u8; 20] = device.random(20).unwrap().as_ref().try_into().unwrap();
    KeyId::from(bytes)
}

/// Makes a directory in memory, because SoftHSM rewrites an object's file for each attribute, and Kryoptic syncs its
/// database.
fn memory_directory() -> TempDir {
    if Path::new("/dev/shm").is_dir() {
        tempfile::tempdir_in("/dev/shm").unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}
