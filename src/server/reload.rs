//! Reloads the PKCS#12 or PEM files, authorities, revocation lists, and the authorities of the key sets' servers, on
//! SIGHUP and when one of the files changes. The policy file and the IAM file are reloaded on SIGHUP only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, os::unix::fs::MetadataExt as _};

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

use super::issuers::{self, Issuers};
use super::permission;
use super::service_manager::ServiceManager;
use super::shared::Shared;
use crate::auth::Trust;
use crate::client::http::Http;
use crate::config::{Config, IdentityFiles};
use crate::{kms, tls};

/// The state that reloading needs.
pub(super) struct Reload {
    pub(super) config: Arc<Config>,
    pub(super) shared: Arc<Shared>,
    pub(super) reloads: watch::Sender<u64>,
    pub(super) files: Files,
    pub(super) issuers: Option<Issuers>,
    pub(super) manager: Arc<ServiceManager>,
    /// What the service manager shows while nothing is wrong, in one line.
    pub(super) status: String,
}

/// The interval at which the files are checked for changes.
const LOOK: Duration = Duration::from_millis(500);

/// The files, with their state at the last check.
pub(super) struct Files {
    known: Known,
    /// Whether the last reload failed. It is tried again until it succeeds.
    pending: bool,
    /// The last failure that was logged.
    told: String,
    warned: Instant,
}

type Known = Vec<(PathBuf, Option<Stamp>)>;

/// The state of a file that changes when it is written, replaced, or made readable: inode, length, mtime and ctime.
type Stamp = (u64, u64, i64, i64, i64, i64);

/// The causes of a reload without a signal, for the log.
const CHANGED: &str = "a file changed";
const AGAIN: &str = "the last reload failed";

/// What the service manager shows after a failed reload.
const FAILED: &str = "the last reload failed: see the log";

/// The names of the reloaded parts in the log.
const KEY_SET_AUTHORITIES: &str = "authorities of the key sets' servers";
const AUTHORITIES: &str = "authorities and CRLs";
const CERTIFICATE: &str = "the server's certificate";

/// The interval at which the server warns of revocation lists that end soon.
const WARN: Duration = Duration::from_secs(3600);

impl Files {
    pub(super) fn new(config: &Config) -> Self {
        let mut paths = Vec::new();
        paths.extend(config.identity.iter().flat_map(IdentityFiles::paths));
        if let Some(clients) = &config.client_certificates {
            paths.extend(clients.authorities.iter().map(|authority| authority.file.clone()));
            paths.extend(clients.crl_files.iter().cloned());
        }
        paths.extend(config.jwks_ca_file.clone());
        let known = paths.into_iter().map(|path| (path.clone(), stamp(&path))).collect();
        Self { known, pending: false, told: String::new(), warned: Instant::now() }
    }

    /// Returns whether one of the files changed since the last call.
    async fn changed(&mut self) -> bool {
        let mut known = self.known.clone();
        let looked = spawn_blocking(move || {
            for (path, known) in &mut known {
                *known = stamp(path);
            }
            known
        });
        let Ok(present) = looked.await else { return false };
        let changed = present != self.known;
        self.known = present;
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

impl Reload {
    /// Reloads on SIGHUP and when a file changes. Reloads never overlap: a file that changes during a reload is read
    /// again by the next one.
    pub(super) async fn keep(mut self, mut hangup: Signal) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                Some(()) = hangup.recv() => {
                    self.manager.reloading();
                    // The reload below reads the current files, so earlier changes need no further reload.
                    let _ = self.files.changed().await;
                    self.shared.kms.reopen_audit();
                    let is_applied = self.read_permission().await;
                    self.run("SIGHUP").await;
                    let is_whole = is_applied && !self.files.pending;
                    self.manager.ready(if is_whole { &self.status } else { FAILED });
                }
                _ = look.tick() => {
                    self.run_if_changed().await;
                    self.warn_in_time();
                }
            }
        }
    }

    /// Applies the current policy file and IAM file. If one of them is invalid, neither is applied. Returns whether
    /// they are in force.
    async fn read_permission(&mut self) -> bool {
        if self.config.permission.file.is_none() && self.config.iam_file.is_none() {
            return true;
        }
        let config = Arc::clone(&self.config);
        let read = spawn_blocking(move || permission::read(&config).map_err(|error| error.to_string())).await;
        let (documents, of_file) = match read.map_err(|error| error.to_string()) {
            Ok(Ok(read)) => read,
            Ok(Err(error)) | Err(error) => {
                tracing::error!(%error, "the policy was not changed");
                return false;
            }
        };
        let kms = Arc::clone(&self.shared.kms);
        let configured =
            spawn_blocking(move || kms.configure_policy(documents).map_err(|error| error.to_string())).await;
        if let Err(error) = configured.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::error!(%error, "the policy was not changed");
            return false;
        }
        if let Some(issuers) = &mut self.issuers {
            self.shared.authenticator.trust_issuers(issuers.replace(of_file));
        }
        if self.config.permission.file.is_some() {
            tracing::info!("the policy file was reloaded");
        }
        if self.config.iam_file.is_some() {
            tracing::info!("the IAM file was reloaded");
        }
        true
    }

    /// Reloads if a file changed, or if the last reload failed. A file that is being written in place may be read
    /// half-written: that reload fails, and is tried again.
    async fn run_if_changed(&mut self) {
        if self.files.changed().await {
            self.run(CHANGED).await;
        } else if self.files.pending {
            self.run(AGAIN).await;
        }
    }

    /// Logs, at most once per [`WARN`], which revocation lists end soon or have ended.
    fn warn_in_time(&mut self) {
        if self.files.warned.elapsed() >= WARN {
            self.files.warned = Instant::now();
            if let Some(trust) = self.shared.authenticator.trust.load().as_ref() {
                trust.warn(kms::now());
            }
        }
    }

    /// Builds the new state of each part, then swaps it in. A part whose new state is invalid keeps its old state. The
    /// other parts are still replaced: a revocation must not wait until an invalid certificate is fixed.
    async fn run(&mut self, cause: &'static str) {
        let (config, former) = (Arc::clone(&self.config), self.shared.authenticator.trust.load_full());
        let Read { trust, setup, http } = match spawn_blocking(move || read(&config, former.as_deref())).await {
            Ok(read) => read,
            Err(error) => return self.failed(cause, error.to_string(), "all files", "nothing"),
        };
        if self.config.jwks_ca_file.is_some() {
            self.shared.authenticator.exchange().fetch_anew();
        }
        let (mut faults, mut kept, mut renewed) = (Vec::new(), Vec::new(), Vec::new());
        let fetches = matches!(http, Ok(Some(_)));
        match (http, &self.issuers) {
            (Ok(Some(http)), Some(issuers)) => {
                issuers.http.store(http);
                self.shared.authenticator.fetch_keys();
                renewed.push(KEY_SET_AUTHORITIES);
            }
            (Ok(_), _) => {}
            (Err(error), _) => {
                faults.push(error);
                kept.push(KEY_SET_AUTHORITIES);
            }
        }
        // The trust is swapped before the acceptor, so that no new connection is judged by the old rules.
        match trust {
            Ok(trust) => {
                renewed.extend(trust.is_some().then_some(AUTHORITIES));
                self.shared.authenticator.trust.store(trust.map(Arc::new));
                self.reloads.send_modify(|count| *count += 1);
            }
            Err(error) => {
                faults.push(error);
                kept.push(AUTHORITIES);
            }
        }
        match setup {
            Ok(Some(setup)) if faults.is_empty() => {
                self.shared.accept_with(setup.acceptor, setup.kmip);
                self.shared.metrics.certificate_expires(setup.not_after);
                tracing::info!(cause, certificate = setup.subject, not_after = setup.not_after, "reloaded");
            }
            Ok(None) if faults.is_empty() && fetches => tracing::info!(cause, "reloaded"),
            Ok(None) if faults.is_empty() => tracing::info!(cause, "nothing to reload: no TLS"),
            Ok(None) => {}
            Ok(Some(_)) => kept.push(CERTIFICATE),
            Err(error) => {
                faults.push(error);
                kept.push(CERTIFICATE);
            }
        }
        // An unreadable authority file fails both parts with the same error.
        faults.dedup();
        if !faults.is_empty() {
            let error = faults.join("; ");
            return self.failed(cause, error, &parts(&kept), &parts(&renewed));
        }
        self.succeeded();
    }

    /// Notes a reload in which every part was applied.
    fn succeeded(&mut self) {
        self.shared.metrics.reloaded(true);
        if std::mem::take(&mut self.files.pending) {
            self.manager.status(&self.status);
        }
        self.files.told.clear();
    }

    /// Logs a failed reload. `kept` names the parts that were not applied and are tried again; `renewed` names those
    /// that were applied.
    fn failed(&mut self, cause: &'static str, error: String, kept: &str, renewed: &str) {
        self.shared.metrics.reloaded(false);
        self.files.pending = true;
        // A repeated failure with the same error is logged once.
        if cause != AGAIN || self.files.told != error {
            tracing::error!(cause, %error, "reload failed: not applied: {kept}; applied: {renewed}; it is tried again");
            self.files.told = error;
            self.manager.status(FAILED);
        }
    }
}

fn parts(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Returns whether keys of issuers may have to be fetched.
fn fetches(config: &Config) -> bool {
    !config.jwt_issuers.is_empty() || config.iam_file.is_some()
}

/// The new state, as read from the files.
struct Read {
    trust: Result<Option<Trust>, String>,
    setup: Result<Option<tls::Setup>, String>,
    http: Result<Option<Arc<Http>>, String>,
}

/// Reads the files. `former` is the trust in use.
fn read(config: &Config, former: Option<&Trust>) -> Read {
    let is_used = config.jwks_ca_file.is_some() && fetches(config);
    let http = is_used.then(|| issuers::key_set_http(config).map(Arc::new)).transpose();
    let (trust, setup) = match tls::setup(config, kms::now()) {
        Ok(Some(mut setup)) => (Ok(setup.trust.take()), Ok(Some(setup))),
        Ok(None) => (Ok(None), Ok(None)),
        Err(error) => (tls::trust(config, kms::now()), Err(error)),
    };
    let trust = trust.and_then(|trust| newer(trust, former));
    Read {
        trust: trust.map_err(|error| error.to_string()),
        setup: setup.map_err(|error| error.to_string()),
        http: http.map_err(|error| error.to_string()),
    }
}

/// Keeps the CRLs in use that are newer than those of the files.
fn newer(mut trust: Option<Trust>, former: Option<&Trust>) -> Result<Option<Trust>, tls::SetupError> {
    if let (Some(trust), Some(former)) = (&mut trust, former) {
        trust.keep_newer(former)?;
    }
    Ok(trust)
}
