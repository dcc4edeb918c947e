//! The HSM tokens of the tests: those of SoftHSM, or of Kryoptic with TEST_TOKEN=kryoptic. The tests of the server use
//! this file, too.
#![allow(clippy::expect_used, unreachable_pub, reason = "the file is part of two test programs")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const SO_PIN: &str = "so-pin-0815";

/// The software that makes the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hsm {
    SoftHsm,
    Kryoptic,
}

impl Hsm {
    /// Returns the choice of TEST_TOKEN.
    pub fn chosen() -> Self {
        match env::var("TEST_TOKEN").as_deref() {
            Err(env::VarError::NotPresent) | Ok("softhsm") => Self::SoftHsm,
            Ok("kryoptic") => Self::Kryoptic,
            other => panic!("TEST_TOKEN is {other:?}: give softhsm or kryoptic"),
        }
    }

    /// Returns the module. Builds it first if necessary.
    pub fn module(self) -> PathBuf {
        static SOFTHSM: LazyLock<PathBuf> = LazyLock::new(|| {
            let places = [
                "/usr/lib/softhsm/libsofthsm2.so",
                "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                "/usr/lib64/pkcs11/libsofthsm2.so",
                "/usr/lib64/softhsm/libsofthsm2.so",
            ];
            let mut places = places.into_iter().map(PathBuf::from);
            places.find(|place| place.exists()).expect("SoftHSM: scripts/test installs it")
        });
        static KRYOPTIC: LazyLock<PathBuf> = LazyLock::new(|| {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            let script =
                here.ancestors().map(|above| above.join("scripts/kryoptic")).find(|path| path.exists()).unwrap();
            let built = Command::new(script).arg("--build").output().unwrap();
            assert!(built.status.success(), "{built:?}");
            PathBuf::from(String::from_utf8(built.stdout).unwrap().trim())
        });
        match self {
            Self::SoftHsm => SOFTHSM.clone(),
            Self::Kryoptic => KRYOPTIC.clone(),
        }
    }

    /// Returns the environment variable that names the module's configuration.
    pub fn variable(self) -> &'static str {
        match self {
            Self::SoftHsm => "SOFTHSM2_CONF",
            Self::Kryoptic => "KRYOPTIC_CONF",
        }
    }

    /// Writes the configuration of the tokens in `directory`/tokens, and returns its path.
    pub fn configure(self, directory: &Path) -> PathBuf {
        let tokens = directory.join("tokens");
        fs::create_dir_all(&tokens).unwrap();
        let (name, text) = match self {
            Self::SoftHsm => (
                "softhsm2.conf",
                format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display()),
            ),
            Self::Kryoptic => ("kryoptic.conf", kryoptic(&tokens)),
        };
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes the first token in `directory`/tokens: a copy of one that was initialised once, with its serial number.
    pub fn begin(self, directory: &Path, label: &str, pin: &str) {
        match self {
            Self::SoftHsm => {
                let tokens = directory.join("tokens");
                for token in fs::read_dir(self.ready(label, pin)).unwrap() {
                    let token = token.unwrap();
                    let copy = tokens.join(token.file_name());
                    fs::create_dir(&copy).unwrap();
                    fs::set_permissions(&copy, token.metadata().unwrap().permissions()).unwrap();
                    for file in fs::read_dir(token.path()).unwrap() {
                        let file = file.unwrap();
                        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
                    }
                }
            }
            Self::Kryoptic => self.add(directory, label, pin),
        }
    }

    /// Makes another token in `directory`/tokens.
    pub fn add(self, directory: &Path, label: &str, pin: &str) {
        match self {
            Self::SoftHsm => self.initialize(directory, label, pin),
            Self::Kryoptic => {
                let tokens = directory.join("tokens");
                fs::copy(self.ready(label, pin), database(&tokens, free_slot(&tokens))).unwrap();
                self.configure(directory);
            }
        }
    }

    fn initialize(self, directory: &Path, label: &str, pin: &str) {
        let configuration = self.configure(directory);
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.arg("--module").arg(self.module()).env(self.variable(), &configuration).args(arguments);
            command.env("TEST_SO_PIN", SO_PIN).env("TEST_PIN", pin);
            let made = command.output().unwrap_or_else(|error| panic!("{program}: {error}: scripts/test installs it"));
            assert!(made.status.success(), "{made:?}");
        };
        match self {
            Self::SoftHsm => {
                run("softhsm2-util", &["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", pin]);
            }
            Self::Kryoptic => {
                let so = ["--slot", "1", "--so-pin", "env:TEST_SO_PIN"];
                run("pkcs11-tool", &[so.as_slice(), &["--init-token", "--label", label]].concat());
                let login = ["--login", "--login-type", "so", "--init-pin", "--new-pin", "env:TEST_PIN"];
                run("pkcs11-tool", &[so.as_slice(), &login].concat());
            }
        }
    }

    /// A token that was initialised once, to be copied: Kryoptic's file, or the directory in which SoftHSM has its own.
    fn ready(self, label: &str, pin: &str) -> PathBuf {
        let module = self.module();
        let build = module.parent().unwrap().file_name().unwrap().to_string_lossy();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{build}-{label}-{pin}"));
        if !path.exists() {
            let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            self.initialize(directory.path(), label, pin);
            let tokens = directory.path().join("tokens");
            let made = if self == Self::Kryoptic { database(&tokens, 1) } else { tokens };
            // It does not matter which process is first: all files are valid.
            let renamed = fs::rename(made, &path);
            assert!(renamed.is_ok() || path.exists(), "{renamed:?}");
        }
        path
    }
}

/// Returns Kryoptic's file of the token in the slot with that number.
fn database(tokens: &Path, number: usize) -> PathBuf {
    tokens.join(format!("{number}.sql"))
}

/// Returns the number of the slot that Kryoptic has for the next token.
pub fn free_slot(tokens: &Path) -> usize {
    let is_there = |number: &usize| fs::metadata(database(tokens, *number)).is_ok_and(|file| file.len() > 0);
    (1..).take_while(is_there).count() + 1
}

/// Writes a configuration with a slot for each existing token, and for the next one.
fn kryoptic(tokens: &Path) -> String {
    use std::fmt::Write as _;
    let mut text = "[ec_point_encoding]\nencoding = \"Der\"\n".to_owned();
    for number in 1..=free_slot(tokens) {
        let file = database(tokens, number);
        write!(text, "\n[[slots]]\nslot = {number}\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n", file.display()).unwrap();
    }
    text
}
