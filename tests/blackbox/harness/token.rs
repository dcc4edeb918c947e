//! A SoftHSM token of one test's own.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const PIN: &str = "pin-that-must-not-leak-4711";
pub const LABEL: &str = "claviger";

/// Objects that the root keys of one database are: four secret keys, and the two halves of each of two signing keys.
pub const ROOT_OBJECTS: usize = 8;

pub struct Token {
    pub configuration: PathBuf,
    pub tokens: PathBuf,
    pub pin_file: PathBuf,
}

impl Token {
    /// A new token in `directory`.
    pub fn new(directory: &Path) -> Self {
        let token = Self::empty(directory);
        token.add(LABEL);
        token
    }

    /// SoftHSM without any token.
    pub fn empty(directory: &Path) -> Self {
        let tokens = directory.join("tokens");
        fs::create_dir_all(&tokens).unwrap();
        let configuration = directory.join("softhsm2.conf");
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        fs::write(&configuration, text).unwrap();
        let pin_file = directory.join("pin");
        write_private(&pin_file, PIN.as_bytes());
        Self { configuration, tokens, pin_file }
    }

    /// Initialises another token.
    pub fn add(&self, label: &str) {
        let made = Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", &self.configuration)
            .args(["--init-token", "--free", "--label", label, "--so-pin", "so-pin-0815", "--pin", PIN])
            .output()
            .expect("softhsm2-util: scripts/test installs it");
        assert!(made.status.success(), "{made:?}");
    }

    /// How many objects the tokens hold.
    pub fn objects(&self) -> usize {
        self.object_files().len()
    }

    /// SoftHSM keeps one file for each object.
    pub fn object_files(&self) -> Vec<PathBuf> {
        let tokens = fs::read_dir(&self.tokens).unwrap().map(|entry| entry.unwrap().path());
        let files = tokens.flat_map(|token| fs::read_dir(token).unwrap().map(|entry| entry.unwrap().path()));
        let is_object = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "object");
        files.filter(|file| is_object(file) && file.file_stem().is_some_and(|name| name != "token")).collect()
    }
}

pub fn write_private(path: &Path, content: &[u8]) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}
