//! The issuers of JWTs. Those of the command line never change; those of the IAM file change when it is reloaded.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinSet;

use super::error::StartError;
use crate::auth::issuer::MAX_KEY_SET;
use crate::auth::{Expected, Issuer, KeySource, TrustedIssuer};
use crate::client;
use crate::client::http::{Http, Limits, Trust as ServerTrust};
use crate::config::Config;

/// The longest time that the start waits for the issuers' keys.
const FIRST_FETCH: Duration = Duration::from_secs(3);

/// The issuers, and the tasks that fetch their keys.
pub(super) struct Issuers {
    /// The client that fetches keys.
    pub(super) http: Arc<ArcSwap<Http>>,
    lasting: Vec<Arc<Issuer>>,
    of_file: Vec<Arc<Issuer>>,
    /// The tasks that fetch keys for the issuers of the file. They end when this is dropped.
    fetching: JoinSet<()>,
}

impl Issuers {
    /// Starts to fetch keys, and waits at most [`FIRST_FETCH`] for the first answers, because an unavailable issuer
    /// must not keep the server from starting. Returns `None` if the configuration can never have an issuer.
    pub(super) async fn start(config: &Config, of_file: Vec<TrustedIssuer>) -> Result<Option<Self>, StartError> {
        if config.jwt_issuers.is_empty() && config.iam_file.is_none() {
            return Ok(None);
        }
        let http = Arc::new(ArcSwap::from_pointee(key_set_http(config)?));
        let lasting = config.jwt_issuers.iter().cloned().map(|own| Issuer::new(own.into())).collect();
        let mut issuers = Self { http, lasting, of_file: Vec::new(), fetching: JoinSet::new() };
        for issuer in &issuers.lasting {
            log_trusted_issuer(&issuer.config);
            tokio::spawn(Arc::clone(issuer).keep_fresh(Arc::clone(&issuers.http)));
        }
        let all = issuers.replace(of_file);
        let first = async {
            for issuer in &all {
                issuer.first_fetch().await;
            }
        };
        let _ = tokio::time::timeout(FIRST_FETCH, first).await;
        Ok(Some(issuers))
    }

    /// Returns all trusted issuers.
    pub(super) fn all(&self) -> Vec<Arc<Issuer>> {
        self.lasting.iter().chain(&self.of_file).cloned().collect()
    }

    /// Replaces the issuers of the file, and returns all trusted issuers.
    pub(super) fn replace(&mut self, of_file: Vec<TrustedIssuer>) -> Vec<Arc<Issuer>> {
        let next: Vec<_> = of_file.into_iter().map(|own| Issuer::after(own, &self.of_file)).collect();
        self.fetching = JoinSet::new();
        for issuer in &next {
            log_trusted_issuer(&issuer.config);
            if !matches!(issuer.config.keys, KeySource::Inline(_)) {
                self.fetching.spawn(Arc::clone(issuer).keep_fresh(Arc::clone(&self.http)));
            }
        }
        self.of_file = next;
        self.all()
    }
}

fn log_trusted_issuer(config: &TrustedIssuer) {
    let audience = config.audiences.first().map_or("any", Expected::as_str);
    let keys = match &config.keys {
        KeySource::Uri(uri) | KeySource::Discovery(uri) => uri.to_string(),
        KeySource::Inline(set) => format!("{} configured", set.len()),
    };
    tracing::info!(
        issuer = config.issuer,
        %keys,
        audience,
        claim = config.username_claim,
        prefix = config.username_prefix,
        idps = config.table.as_deref(),
        "JWTs are trusted"
    );
    if let KeySource::Inline(set) = &config.keys {
        set.log_findings(&config.issuer);
    }
    if let Some((table, why)) = config.admits_nobody() {
        tracing::warn!(
            "{why}: idps.{table} accepts no caller; define roles in the IAM file, such as [roles.VaultAdminRole] \
             (docs/piiano.md)"
        );
    }
    if config.audiences.is_empty() {
        tracing::warn!(issuer = config.issuer, "no --jwt-audience: tokens meant for other services are accepted");
    }
}

/// Returns the client that fetches key sets.
pub(super) fn key_set_http(config: &Config) -> Result<Http, StartError> {
    let limits = Limits { connect: Duration::from_secs(5), answer: Duration::from_secs(10), bytes: MAX_KEY_SET };
    Http::new(key_set_trust(config)?, None, limits).map_err(client::Error::from).map_err(StartError::Jwks)
}

/// Returns the authorities that must have issued the certificates of the key sets' servers.
pub(super) fn key_set_trust(config: &Config) -> Result<ServerTrust, StartError> {
    let Some(path) = &config.jwks_ca_file else { return Ok(ServerTrust::System) };
    client::authorities(path).map_err(StartError::Jwks)
}
