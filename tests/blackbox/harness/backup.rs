//! Backups, and the places where tests restore them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::server::Place;
use super::{Options, Token, directory};

/// Returns the command for a backup of this place.
pub fn backup(place: &Place, options: &Options, directory: &Path) -> Command {
    let mut command = place.command(options);
    command.arg("--backup").arg(directory);
    command
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(drop).unwrap()
        }
    }
}

/// Returns a place with the database and the audit log of a backup, and with the copied HSM token or, without `tokens`,
/// the live one.
pub fn restored(backup: &Path, live: &Place, tokens: bool) -> Place {
    let elsewhere = directory();
    let token = if tokens {
        let token = Token::empty(elsewhere.path());
        copy(&backup.join("token"), &token.tokens);
        token
    } else {
        live.token.clone()
    };
    for file in fs::read_dir(backup).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&file, elsewhere.path().join(file.file_name().unwrap())).unwrap();
    }
    let _ = fs::copy(live.path("audit.pem"), elsewhere.path().join("audit.pem"));
    Place::with_token(elsewhere, token)
}
