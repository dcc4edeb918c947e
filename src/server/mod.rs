//! The server process: the start, the accept loop, signals, and the shutdown.

mod activity;
mod arrival;
mod audit;
mod backup;
mod check;
mod check_hsm;
mod check_store;
mod described;
mod ending;
mod erasing;
mod error;
mod figures;
mod handshake;
mod holding;
mod interval;
mod issuers;
mod kmip;
mod listening;
mod log;
mod moving;
mod outgoing;
mod parting;
mod permission;
mod probe;
mod proxy_header;
mod reload;
mod requests;
mod service_manager;
mod shared;
mod start;
mod waiting;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Level;

pub use backup::{BackupError, BackupReport, backup};
pub use check::check;
pub use check_hsm::{HsmReport, check_hsm};
pub use check_store::{StoreReport, check_store};
pub use error::StartError;
pub use log::{FilterError, init as init_log};
pub use moving::{MoveError, MoveReport, move_to};

pub use crate::custody::{Wiping, end, keep_little, overwrite_variable};

use crate::auth::{AccessTokenError, AccessTokens, Repeats};
use crate::config::{Config, Limits};
use crate::kms::Kms;
use crate::{custody, http, kms};
pub use ending::leave_no_core_dump;

use ending::{Ends, end_in_time};
use interval::turns;
use reload::{Files, Reload};
use service_manager::{ServiceManager, Watchdog};
use shared::{Shared, sets, unnamed};
use start::Started;

/// Returns the number of the runtime's threads. Requests do their blocking work on other threads.
#[must_use]
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).max(4)
}

/// The commit that the program was built from, if the build said so in the variable `CLAVIGER_COMMIT`.
const COMMIT: Option<&str> = option_env!("CLAVIGER_COMMIT");

/// The longest time that running requests may take once the server stops.
const DRAIN: Duration = Duration::from_secs(17);

/// The interval at which ended access tokens are removed, operations in several parts that took too long are ended, and
/// the days of last uses are written.
const SWEEP: Duration = Duration::from_secs(60);

/// The interval at which unused memory is returned to the system. It is short enough that memory is returned within a
/// minute of its last use, even on a busy machine.
const GIVING_BACK: Duration = Duration::from_secs(20);

/// The interval at which dates of objects are checked.
const FOLLOWING: Duration = Duration::from_secs(1);

/// The interval at which repeated events are checked for a summary.
const SUMMING_UP: Duration = Duration::from_secs(1);

/// Opens everything, serves until SIGTERM or SIGINT, and closes everything.
///
/// # Errors
/// The error that keeps the server from starting.
pub async fn run(config: Config) -> Result<(), StartError> {
    let config = Arc::new(config);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        commit = COMMIT.filter(|commit| !commit.is_empty()),
        pid = std::process::id(),
        "clavigerd starts"
    );
    raise_file_limit();
    let mut signals = Signals::new().map_err(StartError::Signals)?;
    tokio::spawn(end_in_time(Ends::new().map_err(StartError::Signals)?, config.limits.drain_delay));
    // The stamps are taken before the files are read: a file that changes meanwhile is then read again.
    let files = Files::new(&config);
    let mut started = start::start(&config).await?;
    let (stop, stopping) = watch::channel(false);
    let reloads = watch::Sender::new(0);
    let shared = Arc::new(shared(&config, &started, &reloads, stopping));
    let status = announce(&config, &started);
    let manager = Arc::new(ServiceManager::of_environment());
    manager.ready(&status);
    let mut watchdog = Watchdog::new(&manager, started.kms.pulse());
    let issuers = started.issuers.take();
    let (own, told) = (Arc::clone(&config), Arc::clone(&manager));
    let reload = Reload { config: own, shared: Arc::clone(&shared), reloads, files, issuers, manager: told, status };
    let summing = tokio::spawn(sum_up(Arc::clone(&started.repeats)));
    let sweeping = tokio::spawn(sweep_tokens(Arc::clone(started.kms.access_tokens())));
    let noting = tokio::spawn(write_last_uses(Arc::clone(&started.kms)));
    let following = tokio::spawn(follow_clock(Arc::clone(&started.kms)));
    let giving_back = tokio::spawn(give_back());
    // Reloading has its own task: files on a disk that does not answer must not keep clients from connecting.
    let reloading = tokio::spawn(reload.keep(signals.hangup));
    let (connections, is_urgent) = serve(&started, &shared, &config.limits, &mut signals.ends, &mut watchdog).await;
    manager.stopping();
    tokio::spawn(watchdog.feed_to_the_end());
    // From here on, open connections are asked to finish, and no new ones are accepted. With an open listener, new
    // clients would connect and never be served, and the next server could not bind the port.
    let _ = stop.send(true);
    drop(started.listener);
    drop(started.kmip);
    reloading.abort();
    sweeping.abort();
    noting.abort();
    following.abort();
    giving_back.abort();
    drain(connections, is_urgent, &mut signals.ends).await;
    summing.abort();
    started.repeats.log_all();
    let Started { kms, owner, eraser, app, .. } = started;
    // The owner's thread and the database's writer finish their pending work and end here.
    tokio::task::block_in_place(move || {
        drop(eraser);
        drop(owner);
        drop(app);
        // The log is closed before the database, which stores the log's last checkpoint.
        kms.close();
        drop(kms);
    });
    tracing::info!("stopped");
    Ok(())
}

/// Returns what all connections share.
fn shared(config: &Config, started: &Started, reloads: &watch::Sender<u64>, stop: watch::Receiver<bool>) -> Shared {
    let [silent, handshakes, strangers, known, closing] = sets(config.limits.connections);
    Shared {
        acceptor: ArcSwapOption::from(started.acceptor.clone()),
        kmip: ArcSwapOption::from(started.kmip.as_ref().map(|(.., acceptor)| Arc::clone(acceptor))),
        silent,
        handshakes,
        strangers,
        known,
        closing,
        unnamed: unnamed(config.limits.connections),
        proxies: config.proxies.clone(),
        allowed: config.limits.request_timeout,
        repeats: Arc::clone(&started.repeats),
        authenticator: Arc::clone(&started.authenticator),
        kms: Arc::clone(&started.kms),
        metrics: Arc::clone(&started.metrics),
        reloads: reloads.subscribe(),
        leaving: started.leaving.clone(),
        stop,
    }
}

/// Prints the only lines on standard output, which programs wait for: one for each listener. A program that reads only
/// the first line may close the pipe after it. Returns the same as one line.
fn announce(config: &Config, started: &Started) -> String {
    let scheme = if config.identity.is_some() { "https" } else { "http" };
    let https = started.addresses.iter().map(|address| (scheme, address));
    let kmip = started.kmip.as_ref().map(|(_, address, _)| ("kmip", address));
    let mut urls = Vec::new();
    for (scheme, address) in https.chain(kmip) {
        // In this order: a program that has read the line finds the same in the log.
        tracing::info!(%address, scheme, "listening");
        let _ = writeln!(io::stdout(), "listening on {scheme}://{address}");
        urls.push(format!("{scheme}://{address}"));
    }
    format!("listening on {}", urls.join(", "))
}

/// Accepts connections until the delay after a terminating signal has passed, or another signal comes. Returns the
/// connections that are still open, and whether another signal came.
async fn serve(
    started: &Started,
    shared: &Arc<Shared>,
    limits: &Limits,
    ends: &mut Ends,
    watchdog: &mut Watchdog,
) -> (JoinSet<()>, bool) {
    let (limit, delay) = (limits.connections, limits.drain_delay);
    let filter = http::filter(Arc::clone(&started.app));
    let places = Arc::new(Semaphore::new(limit));
    figures::connections(&shared.metrics, &places, limit);
    let mut connections = JoinSet::new();
    let mut over = pin!(ends.over(delay, || {
        shared.leaving.begin();
        if !delay.is_zero() {
            tracing::info!(seconds = delay.as_secs(), "about to stop: not ready, but serving until the delay ends");
        }
    }));
    let is_urgent = loop {
        let (accepted, is_kmip) = tokio::select! {
            accepted = started.listener.accept() => (accepted, false),
            accepted = accept_kmip(started) => (accepted, true),
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = watchdog.turn() => {
                watchdog.feed();
                continue;
            }
            is_urgent = over.as_mut() => break is_urgent,
        };
        let Some((tcp, address)) = listening::accepted(accepted, &shared.repeats).await else { continue };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            shared.metrics.handshake_refused("too-many");
            if shared.repeats.is_first(address.ip(), Level::WARN, "connection refused: too many") {
                tracing::warn!(peer = %address, limit, "connection refused: too many");
            }
            continue;
        };
        if is_kmip {
            let connection = kmip::serve(Arc::clone(shared), Arc::clone(&started.app), tcp, address);
            connections.spawn(holding(place, connection));
        } else {
            let connection = requests::serve(Arc::clone(shared), tcp, address, filter.clone());
            connections.spawn(holding(place, connection));
        }
    };
    tracing::info!(connections = connections.len(), "stopping");
    (connections, is_urgent)
}

/// Waits for a connection to the KMIP socket. Without a socket, this never returns.
async fn accept_kmip(started: &Started) -> io::Result<(TcpStream, SocketAddr)> {
    match &started.kmip {
        Some((listener, ..)) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Serves a connection, which has one of the limited places.
async fn holding(place: OwnedSemaphorePermit, connection: impl Future<Output = ()>) {
    connection.await;
    drop(place);
}

/// Removes rows of ended access tokens, as long as the server runs.
async fn sweep_tokens(tokens: Arc<AccessTokens>) {
    let mut turns = turns(SWEEP);
    loop {
        turns.tick().await;
        let tokens = Arc::clone(&tokens);
        let swept = tokio::task::spawn_blocking(move || {
            tokens.forget_ended(kms::now());
            while tokens.sweep(kms::now())? {}
            Ok::<(), AccessTokenError>(())
        });
        if let Ok(Err(error)) = swept.await {
            tracing::warn!(%error, "ended access tokens could not be removed; the server tries again in a minute");
        }
    }
}

/// Logs repeated events in one summary line, as long as the server runs.
async fn sum_up(repeats: Arc<Repeats>) {
    let mut turns = turns(SUMMING_UP);
    loop {
        turns.tick().await;
        repeats.log();
    }
}

/// Writes the days of the keys' last uses periodically, and ends operations in several parts that took too long, as long
/// as the server runs.
async fn write_last_uses(kms: Arc<Kms>) {
    let mut turns = turns(SWEEP);
    loop {
        turns.tick().await;
        let kms = Arc::clone(&kms);
        kms.end_streams();
        let _ = tokio::task::spawn_blocking(move || kms.write_last_uses()).await;
    }
}

/// Activates, deactivates and replaces objects when their time has come, as long as the server runs.
async fn follow_clock(kms: Arc<Kms>) {
    let mut turns = turns(FOLLOWING);
    let mut told = false;
    loop {
        turns.tick().await;
        let kms = Arc::clone(&kms);
        let followed = tokio::task::spawn_blocking(move || {
            kms.follow_dates(kms::now())?;
            kms.rotate_keys(kms::now())
        });
        match followed.await {
            Ok(Err(error)) if !told => {
                told = true;
                tracing::warn!(%error, detail = error.detail(), "the clock cannot change objects; the server tries again each second");
            }
            Ok(Err(_)) | Err(_) => {}
            Ok(Ok(())) => told = false,
        }
    }
}

/// Returns unused memory to the system, as long as the server runs.
async fn give_back() {
    let mut turns = turns(GIVING_BACK);
    loop {
        turns.tick().await;
        let _ = tokio::task::spawn_blocking(|| {
            let began = Instant::now();
            custody::give_back();
            tracing::trace!(seconds = began.elapsed().as_secs_f32(), "gave memory back");
        })
        .await;
    }
}

/// Waits until the requests under way have ended, for at most [`DRAIN`], and until a further signal.
async fn drain(mut connections: JoinSet<()>, is_urgent: bool, ends: &mut Ends) {
    let all = async { while connections.join_next().await.is_some() {} };
    let have_ended = tokio::select! {
        biased;
        () = ends.come(), if !is_urgent => false,
        ended = timeout(if is_urgent { Duration::ZERO } else { DRAIN }, all) => ended.is_ok(),
    };
    if !have_ended {
        tracing::warn!(connections = connections.len(), "connections were closed before their requests ended");
        connections.shutdown().await;
    }
}

struct Signals {
    hangup: Signal,
    ends: Ends,
    /// SIGXFSZ. While it is handled, a write beyond the limit of a file's size (setrlimit(2)) is an error, and does not
    /// end the process.
    _file_size: Signal,
}

impl Signals {
    /// Installs the handlers. This must come first: a signal during the start must not kill the process in the middle
    /// of a change.
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            ends: Ends::new()?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }
}

/// Raises the soft limit of open files to the hard limit. Each connection is an open file, and the usual soft limit of
/// 1,024 is below `--max-connections`.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files cannot be raised");
    }
}
