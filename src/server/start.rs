//! Opens everything that the configuration names. The order is chosen so that an error names the actual cause.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use openssl::ssl::SslAcceptor;
use tokio::net::TcpListener;

use super::erasing::Eraser;
use super::error::StartError;
use super::issuers::{Issuers, key_set_trust};
use super::listening::{Bound, check_apart};
use super::{audit, described, figures, permission, probe};
use crate::auth::{Authenticator, Exchange, Issuer, Repeats, Settings, Trust, TrustedIssuer};
use crate::config::{Config, NoSocket};
use crate::custody::{Custody, OpenError, Owner, RootError, SoftHsmFault, TokenError, is_softhsm, softhsm_fault};
use crate::desk::{Desk, Leaving};
use crate::http::App;
use crate::kms::{self, ApiTokenKey, Kms};
use crate::metrics::Metrics;
use crate::network::TrustedNetwork;
use crate::policy::Documents;
use crate::store::{Store, object, root_key};
use crate::text::shell_word;
use crate::{tls, x509};

/// The KMIP socket: its listener, its address and its acceptor of TLS connections.
pub(super) type KmipListener = (TcpListener, SocketAddr, Arc<SslAcceptor>);

/// The parts of a running server.
pub(super) struct Started {
    pub(super) listener: TcpListener,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) acceptor: Option<Arc<SslAcceptor>>,
    pub(super) kmip: Option<KmipListener>,
    pub(super) app: Arc<App>,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) repeats: Arc<Repeats>,
    pub(super) kms: Arc<Kms>,
    pub(super) owner: Owner,
    pub(super) eraser: Eraser,
    /// Issuers of JWTs; `None` if the configuration can never have any.
    pub(super) issuers: Option<Issuers>,
    pub(super) leaving: Leaving,
}

/// Opens everything.
pub(super) async fn start(config: &Arc<Config>) -> Result<Started, StartError> {
    check_apart(config)?;
    let mut setup = tls::setup(config, kms::now())?;
    let metrics = Metrics::new()?;
    let repeats = Arc::new(Repeats::default());
    let (documents, of_file) = tokio::task::block_in_place(|| permission::read(config))?;
    let named = names(config, &of_file);
    introduce(config, &documents, &of_file, setup.as_ref());
    let store = Arc::new(tokio::task::block_in_place(|| Store::open(&config.database, &metrics))?);
    // Everything that can fail comes before the root keys are made, because they remain in the HSM token. The addresses
    // are bound, but clients cannot connect yet.
    key_set_trust(config)?;
    let bound = Bound::new(&config.hostname, config.port)?;
    let kmip = bind_kmip(config)?;
    let probe = bind_probe(config)?;
    let (kms, owner) = tokio::task::block_in_place(|| open(config, store, documents, &metrics))?;
    if let Some(id) = &config.api_token_id {
        tokio::task::block_in_place(|| check_api_token(&kms, id))?;
    }
    let issuers = Issuers::start(config, of_file).await?;
    let trust = setup.as_mut().and_then(|setup| setup.trust.take());
    let authenticator =
        Arc::new(authenticator(config, trust, issuers.as_ref().map(Issuers::all).unwrap_or_default(), &kms));
    figures::trust(&metrics, &authenticator);
    if let Some(setup) = &setup {
        metrics.certificate_expires(setup.not_after);
    }
    let (listener, address) = bound.listen()?;
    let leaving = Leaving::default();
    let state = probe::State { kms: Arc::clone(&kms), metrics: Arc::clone(&metrics), leaving: leaving.clone() };
    listen_probe(probe, state, &repeats)?;
    let kmip = listen_kmip(config, kmip, setup.as_mut().and_then(|setup| setup.kmip.take()))?;
    let eraser = Eraser::start(&kms).map_err(StartError::Eraser)?;
    warn(config, address, setup.as_ref(), named);
    let app = Arc::new(App::new(
        Arc::clone(&authenticator),
        address.ip().is_loopback(),
        Arc::clone(&kms),
        Desk::new(config.limits.request_timeout, config.limits.memory, &metrics),
        Arc::clone(&metrics),
        Arc::clone(&repeats),
        leaving.clone(),
    ));
    tokio::task::block_in_place(|| app.log_logins());
    Ok(Started {
        listener,
        addresses: vec![address],
        acceptor: setup.map(|setup| Arc::new(setup.acceptor)),
        kmip,
        app,
        authenticator,
        metrics,
        repeats,
        kms,
        owner,
        eraser,
        issuers,
        leaving,
    })
}

/// Binds the address of the KMIP socket. Without a socket, logs the reason.
fn bind_kmip(config: &Config) -> Result<Option<Bound>, StartError> {
    let socket = match &config.kmip {
        Ok(socket) => socket,
        Err(NoSocket::Off) => return Ok(None),
        Err(why @ NoSocket::WithoutCertificates { is_chosen }) => {
            if *is_chosen {
                tracing::warn!("the KMIP socket is {why}")
            } else {
                tracing::info!("the KMIP socket is {why}")
            }
            return Ok(None);
        }
    };
    unless_taken(socket.is_chosen, Bound::new(&socket.hostname, socket.port))
}

/// Binds the address of the probe listener, if there is one.
fn bind_probe(config: &Config) -> Result<Option<Bound>, StartError> {
    config.probe_address.map(|address| Bound::new(&address.ip().to_string(), address.port())).transpose()
}

/// Starts to listen on the address of the probe listener, if there is one, and serves there.
fn listen_probe(bound: Option<Bound>, state: probe::State, repeats: &Arc<Repeats>) -> Result<(), StartError> {
    let Some(bound) = bound else { return Ok(()) };
    let (listener, address) = bound.listen()?;
    probe::start(listener, state, Arc::clone(repeats));
    tracing::info!(%address, "probe listening: /livez, /readyz, /metrics");
    Ok(())
}

/// Starts to listen on the address of the KMIP socket.
fn listen_kmip(
    config: &Config,
    bound: Option<Bound>,
    acceptor: Option<SslAcceptor>,
) -> Result<Option<KmipListener>, StartError> {
    let (Some(bound), Some(acceptor)) = (bound, acceptor) else { return Ok(None) };
    let is_chosen = config.kmip.as_ref().is_ok_and(|socket| socket.is_chosen);
    let listening = unless_taken(is_chosen, bound.listen())?;
    Ok(listening.map(|(listener, address)| (listener, address, Arc::new(acceptor))))
}

/// Returns `None`, and logs why, if another program listens on the default port: binding it or listening on it fails.
/// A port that was configured is an error then.
fn unless_taken<T>(is_chosen: bool, listening: Result<T, StartError>) -> Result<Option<T>, StartError> {
    match listening {
        Err(StartError::Listen { address, source }) if !is_chosen => {
            tracing::warn!(%address, error = %source, "the KMIP socket is off: give a free port by --kmip-port, or --kmip-port off");
            Ok(None)
        }
        listening => listening.map(Some),
    }
}

/// Warns if the API token is refused because of its key's state.
fn check_api_token(kms: &Kms, id: &str) -> Result<(), StartError> {
    match kms.check_api_token(id).map_err(|source| StartError::ApiToken { id: id.to_owned(), source })? {
        ApiTokenKey::Active => {}
        ApiTokenKey::Disabled => tracing::warn!(
            id,
            "the API token is refused: its key is disabled; enable it by isDisabled false to PATCH /api/v1/kms/keys/{id}"
        ),
        // This is not an error: callers with a certificate or a JWT can still authenticate.
        ApiTokenKey::Ended(state) => tracing::warn!(
            id,
            %state,
            "the API token is refused: its key has ended; create another key and give its identifier by --api-token-id"
        ),
    }
    Ok(())
}

fn open(
    config: &Config,
    store: Arc<Store>,
    documents: Documents,
    metrics: &Arc<Metrics>,
) -> Result<(Arc<Kms>, Owner), StartError> {
    let is_new = root_key::all(&store)?.is_empty();
    if is_new && store.first_used_table()?.is_none() {
        before_root_keys(config)?;
    }
    let custody = Custody::open(&config.hsm, config.placement, &store, &config.remake, kms::now(), metrics)
        .map_err(|error| token_error(config, error))?;
    let known: HashSet<Vec<u8>> = object::token_objects(&store)?.into_iter().collect();
    let unknown = custody.unknown(&known);
    if unknown > 0 {
        tracing::warn!(objects = unknown, "the HSM token holds keys of this server that no row of this database names");
    }
    let missing = custody.missing(&object::live_token_objects(&store)?);
    if missing > 0 {
        tracing::error!(
            keys = missing,
            "rows name keys that the HSM token does not hold: is the HSM token an older copy?"
        );
    }
    let custody = Arc::new(custody);
    figures::token(metrics, &custody);
    let owner = Owner::start(&custody, &store).map_err(StartError::Owner)?;
    let audit = audit::open(config, &store, &custody)?;
    if let Some(audit) = &audit {
        figures::audit(metrics, audit);
    }
    let default_mode = !config.authenticates();
    let (gcm_limit, api_token_id) = (config.gcm_limit, config.api_token_id.clone());
    let (cache_size, interop) = (config.limits.cache, config.kmip_interop);
    let legacy = config.legacy_algorithms;
    if legacy {
        tracing::warn!("--allow-legacy-algorithms is on: keys for 3DES and HMAC-MD5 are made and used");
    }
    let settings = kms::Settings { default_mode, gcm_limit, cache_size, api_token_id, interop, legacy };
    let kms = Arc::new(Kms::open(store, custody, documents, settings, audit)?);
    kms.follow()?;
    kms.has_started();
    figures::database(metrics, &kms);
    figures::objects(metrics, &kms);
    figures::erasing(metrics, &kms);
    Ok((kms, owner))
}

/// Checks what a new database needs before its root keys are made. The database itself and the capabilities of the HSM
/// token are checked when the keys are made.
fn before_root_keys(config: &Config) -> Result<(), StartError> {
    if let Some(id) = &config.api_token_id {
        let checked = kms::check_api_token_row(id, None).map(drop);
        checked.map_err(|source| StartError::ApiToken { id: id.clone(), source })?;
    }
    if let Some(settings) = &config.audit {
        crate::audit::inspect(settings)?;
    }
    Ok(())
}

fn authenticator(config: &Config, trust: Option<Trust>, issuers: Vec<Arc<Issuer>>, kms: &Kms) -> Authenticator {
    let settings = Settings {
        authenticates: config.authenticates(),
        default_username: config.default_username.clone(),
        force_default_username: config.force_default_username,
        jwt_leeway: i64::from(config.jwt_leeway),
        api_token_id: config.api_token_id.clone(),
        failure_limit: config.auth_failure_limit,
    };
    let exchange = Exchange::new(config.jwks_ca_file.clone(), config.jwks_allow_http);
    Authenticator::new(trust, issuers, Arc::clone(kms.access_tokens()), exchange, settings)
}

pub(super) fn token_error(config: &Config, error: OpenError<RootError>) -> StartError {
    let label = config.hsm.token_label.clone();
    match error {
        OpenError::Token(source @ (TokenError::Device(_) | TokenError::Binding(_))) => {
            match softhsm_fault(&config.hsm.module) {
                Some(fault) => StartError::SoftHsm { label, fault },
                None => StartError::Token(source),
            }
        }
        OpenError::Token(TokenError::TokenNotFound { present, .. }) => no_token(config, label, &present),
        OpenError::Token(
            source @ (TokenError::PinIncorrect(_)
            | TokenError::PinLocked(_)
            | TokenError::PinInvalid(_)
            | TokenError::PinNotSet(_)),
        ) => StartError::Pin { label, source },
        OpenError::Token(source @ TokenError::PinWithheld(_)) => StartError::PinWithheld { label, source },
        OpenError::Token(TokenError::PinMissing) => StartError::PinMissing { label },
        OpenError::Token(source) => StartError::Token(source),
        OpenError::Verify(source) => StartError::Roots(source),
    }
}

/// Returns the error for a missing HSM token. It does not advise to make a token if one may exist that cannot be read.
fn no_token(config: &Config, label: String, present: &[String]) -> StartError {
    // SoftHSM was initialized, so the only relevant fault is tokens that this user may not read.
    if let Some(fault @ SoftHsmFault::Tokens { .. }) = softhsm_fault(&config.hsm.module) {
        return StartError::SoftHsm { label, fault };
    }
    let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
    let (word, module) = (shell_word(&label), shell_word(&config.hsm.module.to_string_lossy()));
    let advice = if is_softhsm(&config.hsm.module) {
        format!("make one with `softhsm2-util --module {module} --init-token --free --label {word}`")
    } else {
        // The operator must choose the slot number: initializing a token erases the slot.
        format!(
            "make one with the tools of its HSM, or with `pkcs11-tool --module {module} --slot NUMBER --init-token --label {word}`"
        )
    };
    StartError::NoToken { label, present, advice }
}

/// Returns how many sources of user names have no prefix, and so share one name space.
fn names(config: &Config, of_file: &[TrustedIssuer]) -> usize {
    let authorities = config.client_certificates.as_ref().map_or(&[][..], |clients| &clients.authorities);
    let plain = authorities.iter().filter(|authority| authority.username_prefix.is_empty()).count();
    let issuers = config.jwt_issuers.iter().filter(|issuer| issuer.username_prefix.is_empty());
    let issuers = issuers.map(|issuer| &issuer.issuer).chain(of_file.iter().map(|issuer| &issuer.issuer));
    let distinct: HashSet<&String> = issuers.collect();
    plain + distinct.len()
}

/// Logs who may connect and how, and who has which duty, with warnings about certificates that end.
fn introduce(config: &Config, documents: &Documents, of_file: &[TrustedIssuer], setup: Option<&tls::Setup>) {
    let api_token = config.api_token_id.as_ref().map(|id| format!("the API token of key {id}"));
    tracing::info!(by = described::callers(config, of_file, api_token), "callers");
    if let Some(networks) = described::proxies(config) {
        tracing::info!(networks, "connections from these networks must begin with a PROXY header");
    }
    let duties = described::duties(config, documents);
    let duties = duties.iter().map(|(duty, who)| format!("{duty}: {who}")).collect::<Vec<_>>().join("; ");
    tracing::info!(duties, "administration");
    if let Some(setup) = setup {
        let until = x509::date(setup.not_after);
        tracing::info!(subject = setup.subject, until, "the server's certificate");
        described::doubts(setup, kms::now()).iter().for_each(|warning| tracing::warn!("{warning}"));
    }
}

/// Logs the warnings about the configuration.
fn warn(config: &Config, address: SocketAddr, setup: Option<&tls::Setup>, unprefixed: usize) {
    if setup.is_none() {
        tracing::warn!(
            "plain HTTP: keys and requests can be read on the network; give --https-p12-file, or --https-cert-file and --https-key-file"
        );
    }
    if config.proxies.iter().any(TrustedNetwork::is_everywhere) {
        tracing::warn!(
            "--proxy-protocol-from has every address of a family: every client can connect with an address of its choice"
        );
    }
    if unprefixed > 1 {
        tracing::warn!(
            "several authorities or issuers have no prefix: the same name under two of them is one user \
             (--username-prefix, --jwt-username-prefix)"
        );
    }
    if !config.authenticates() {
        tracing::warn!(user = %config.default_username, "no authentication: every request runs as the default user");
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "no authentication: every client that can reach this address can use every key");
        }
    } else if config.force_default_username {
        tracing::warn!(user = %config.default_username, "every authenticated caller runs as the default user");
        let named =
            config.permission.administrators.iter().flatten().any(|own| own == config.default_username.as_str());
        if named {
            tracing::warn!(
                "every caller with a client certificate is an administrator: --administrators names the default user"
            );
        }
    }
}
