//! The audit log of a server, as its operator and auditors read it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::audit::claviger;
use super::cli::UNSIGNED;
use super::server::{Place, run};
use super::{Answer, Options, Server, eventually};

/// The file with the public key, in the directory of the log.
const KEY: &str = "audit.pem";

impl Place {
    pub fn audit_file(&self) -> PathBuf {
        self.path("claviger.audit.jsonl")
    }

    /// The names of the files of the log; a rotation adds one.
    fn audit_names(&self) -> BTreeSet<PathBuf> {
        let names = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_ours = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("claviger.audit.jsonl");
        names.filter(is_ours).collect()
    }

    /// What was read of all files, the oldest first, with no rotation during it.
    fn between_rotations<T>(&self, read: impl Fn(&[PathBuf]) -> T) -> T {
        eventually("the log is read between two rotations", || {
            let names = self.audit_names();
            let firsts = names.iter().map(|path| Some((first_seq(path)?, path.clone())));
            let mut files = firsts.collect::<Option<Vec<_>>>()?;
            files.sort();
            let files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
            let found = read(&files);
            (self.audit_names() == names).then_some(found)
        })
    }

    /// The files of the log, the oldest first.
    pub fn audit_files(&self) -> Vec<PathBuf> {
        self.between_rotations(<[PathBuf]>::to_vec)
    }

    /// Every whole line.
    pub fn audit_lines(&self) -> Vec<Value> {
        let lines = |path: &PathBuf| Some(lines_of(&fs::read_to_string(path).ok()?));
        let all = |files: &[PathBuf]| files.iter().map(lines).collect::<Option<Vec<_>>>();
        eventually("the log is there", || self.between_rotations(all)).concat()
    }

    /// Runs `claviger audit verify`, and returns its exit status and its output.
    pub fn verify(&self, head: Option<&Path>, files: &[PathBuf]) -> (i32, String) {
        let mut command = claviger();
        command.args(["audit", "verify", "--public-key"]).arg(self.path(KEY));
        if let Some(head) = head {
            command.arg("--head").arg(head);
        }
        let (status, out, error) = run(command.args(files));
        (status.code().unwrap(), out + &error)
    }

    /// Waits until the whole log is signed to its end.
    pub fn signed(&self) {
        eventually("the log is signed", || {
            let (status, said) = self.between_rotations(|files| self.verify(None, files));
            assert!([0, UNSIGNED].contains(&status), "{said}");
            (status == 0).then_some(())
        });
    }

    /// Runs `clavigerd --check-store`, and returns whether it succeeded, and its output.
    pub fn check_store(&self, options: &Options) -> (bool, String) {
        let (status, out, error) = run(self.command(options).arg("--check-store"));
        (status.success(), out + &error)
    }
}

impl Server {
    /// Stops the server, and checks that its audit log is signed to the end and agrees with its database.
    pub fn stop_sound(self) -> Arc<Place> {
        self.keep_audit_key();
        let (place, status) = self.stop();
        assert!(status.success());
        place.signed();
        let (is_clean, said) = place.check_store(&Options::default());
        assert!(is_clean, "{said}");
        place
    }

    /// Writes the public key into the file for [`Place::verify`].
    pub fn keep_audit_key(&self) {
        let answer = self.alice().get("/audit/public-key");
        assert_eq!(answer.status, 200);
        fs::write(self.place.path(KEY), answer.body).unwrap();
    }

    /// The lines of the request that got this answer, as they are now.
    pub fn audited(&self, answer: &Answer) -> Vec<Value> {
        let id = answer.header("x-request-id").unwrap();
        self.place.audit_lines().into_iter().filter(|line| line["request_id"] == id).collect()
    }
}

pub fn seq(line: &Value) -> u64 {
    line["seq"].as_u64().unwrap_or_else(|| panic!("{line}"))
}

/// The number of a file's first line; an empty file is the newest. `None` if the file was just renamed.
fn first_seq(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    Some(lines_of(&text).first().map_or(u64::MAX, seq))
}

/// The complete lines of a text; the last line may be incomplete.
fn lines_of(text: &str) -> Vec<Value> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
