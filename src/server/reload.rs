//! Reading PKCS#12 file, authorities and revocation lists anew: on SIGHUP, and when one of the files changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, os::unix::fs::MetadataExt as _};

use tokio::sync::watch;

use super::connection::Shared;
use crate::config::{Config, P12Password};
use crate::{kms, tls};

/// What reloading needs.
pub(super) struct Reload<'a> {
    pub(super) config: &'a Arc<Config>,
    pub(super) shared: &'a Shared,
    pub(super) reloads: &'a watch::Sender<u64>,
    pub(super) files: &'a mut Files,
}

/// The files of TLS, as they were when they were last looked at.
pub(super) struct Files {
    known: Vec<(PathBuf, Option<Stamp>)>,
    /// A change that could not be read in; it is tried again until it can.
    pending: bool,
    /// The last failure that was told.
    told: String,
    warned: Instant,
}

/// What changes when a file is written, replaced, or made readable: inode, length, and the times of both changes.
type Stamp = (u64, u64, i64, i64, i64, i64);

/// Why files are read anew without a signal.
const CHANGED: &str = "a file changed";
const AGAIN: &str = "the last reload failed";

/// How often ends that come near are warned about.
const WARN: Duration = Duration::from_secs(3600);

impl Files {
    pub(super) fn new(config: &Config) -> Self {
        let mut paths = Vec::new();
        if let Some(p12) = &config.p12 {
            paths.push(p12.file.clone());
            if let P12Password::File(path) = &p12.password {
                paths.push(path.clone());
            }
        }
        if let Some(clients) = &config.client_certificates {
            paths.extend(clients.authorities.iter().map(|authority| authority.file.clone()));
            paths.extend(clients.crl_files.iter().cloned());
        }
        let known = paths.into_iter().map(|path| (path.clone(), stamp(&path))).collect();
        Self { known, pending: false, told: String::new(), warned: Instant::now() }
    }

    /// Whether one of them changed since it was last asked.
    fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, known) in &mut self.known {
            let present = stamp(path);
            changed |= present != *known;
            *known = present;
        }
        changed
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

impl Reload<'_> {
    /// A file that is written in place may be seen half-written: that fails, and its next change is seen again.
    pub(super) async fn run_if_changed(&mut self) {
        if self.files.changed() {
            self.run(CHANGED).await;
        } else if self.files.pending {
            self.run(AGAIN).await;
        }
    }

    /// Says, now and then, which revocation lists end soon or have ended.
    pub(super) fn warn_in_time(&mut self) {
        if self.files.warned.elapsed() >= WARN {
            self.files.warned = Instant::now();
            if let Some(trust) = self.shared.authenticator.trust.load().as_ref() {
                trust.warn(kms::now());
            }
        }
    }

    /// Builds the complete new state, then swaps it; what was there stays if anything is wrong with the new, and a
    /// revocation that could not be read in is not forgotten.
    pub(super) async fn run(&mut self, cause: &'static str) {
        let config = Arc::clone(self.config);
        let setup = tokio::task::spawn_blocking(move || tls::setup(&config, kms::now())).await;
        let setup = match setup.map_err(|error| error.to_string()) {
            Ok(Ok(Some(setup))) => setup,
            Ok(Ok(None)) => return tracing::info!(cause, "nothing to reload: no --https-p12-file"),
            Ok(Err(error)) => return self.failed(cause, error.to_string()),
            Err(error) => return self.failed(cause, error),
        };
        // First whom to believe, then how to let them in: nobody gets in by the old rules once the new ones hold.
        self.shared.authenticator.trust.store(setup.trust.map(Arc::new));
        self.shared.acceptor.store(Some(Arc::new(setup.acceptor)));
        tracing::info!(cause, certificate = setup.subject, not_after = setup.not_after, "reloaded");
        self.files.pending = false;
        self.files.told.clear();
        self.reloads.send_modify(|count| *count += 1);
    }

    fn failed(&mut self, cause: &'static str, error: String) {
        self.files.pending = true;
        // What fails again as it did is told once.
        if cause != AGAIN || self.files.told != error {
            tracing::error!(cause, %error, "reload failed, what was there stays; it is tried again");
            self.files.told = error;
        }
    }
}
