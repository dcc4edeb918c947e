//! Reading PKCS#12 file, authorities and revocation lists anew: on SIGHUP, and when one of the files changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
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
pub(super) struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// What changes when a file is written or replaced.
type Stamp = (u64, u64, SystemTime);

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
        Self(paths.into_iter().map(|path| (path.clone(), stamp(&path))).collect())
    }

    /// Whether one of them changed since it was last asked.
    fn changed(&mut self) -> bool {
        let mut changed = false;
        for (path, known) in &mut self.0 {
            let present = stamp(path);
            changed |= present != *known;
            *known = present;
        }
        changed
    }
}

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.len(), metadata.modified().ok()?))
}

impl Reload<'_> {
    /// A file that is written in place may be seen half-written: that fails, and its next change is seen again.
    pub(super) async fn run_if_changed(&mut self) {
        if self.files.changed() {
            self.run("a file changed").await;
        }
    }

    /// Builds the complete new state, then swaps it; what was there stays if anything is wrong with the new.
    pub(super) async fn run(&mut self, cause: &'static str) {
        let config = Arc::clone(self.config);
        let setup = tokio::task::spawn_blocking(move || tls::setup(&config, kms::now())).await;
        let setup = match setup {
            Ok(Ok(Some(setup))) => setup,
            Ok(Ok(None)) => return tracing::info!(cause, "nothing to reload: no --https-p12-file"),
            Ok(Err(error)) => return tracing::error!(cause, %error, "reload failed, what was there stays"),
            Err(error) => return tracing::error!(cause, %error, "reload failed, what was there stays"),
        };
        // First whom to believe, then how to let them in: nobody gets in by the old rules once the new ones hold.
        self.shared.authenticator.trust.store(setup.trust.map(Arc::new));
        self.shared.acceptor.store(Some(Arc::new(setup.acceptor)));
        tracing::info!(cause, certificate = setup.subject, not_after = setup.not_after, "reloaded");
        self.reloads.send_modify(|count| *count += 1);
    }
}
