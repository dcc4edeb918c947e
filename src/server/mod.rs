//! The process: what is opened at start, the accept loop, signals, and the orderly end.

mod activity;
mod audit;
mod backup;
mod check;
mod check_hsm;
mod check_store;
mod ending;
mod erasing;
mod error;
mod figures;
mod handshake;
mod holding;
mod issuers;
mod listening;
mod log;
mod outgoing;
mod parting;
mod permission;
mod probe;
mod reload;
mod requests;
mod shared;
mod start;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Level;

pub use backup::{BackupError, BackupReport, backup};
pub use check::check;
pub use check_hsm::{HsmReport, check_hsm};
pub use check_store::{StoreReport, check_store};
pub use error::StartError;
pub use log::{FilterError, init as init_log};

pub use crate::custody::{Wiping, end, keep_little, overwrite_variable};

use crate::auth::{AccessTokenError, AccessTokens, Repeats};
use crate::config::Config;
use crate::kms::Kms;
use crate::{custody, http, kms};
pub use ending::leave_no_core_dump;

use ending::{Ends, end_in_time};
use reload::{Files, Reload};
use shared::Shared;
use start::Started;
use waiting::Waiting;

/// Threads of the runtime, on which nothing blocks: requests work on others.
#[must_use]
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).max(4)
}

/// How long requests under way may take once the server stops.
const DRAIN: Duration = Duration::from_secs(17);

/// How often access tokens that ended are removed, and the days of last uses written.
const SWEEP: Duration = Duration::from_secs(60);

/// The parts of all connections, in sixteenths: those that have sent nothing yet, those whose handshake has begun, those whose
/// caller is not yet authenticated, those of known callers, and those that are being closed. One is left for connections on
/// their way from one set to the next.
const PARTS: [usize; 5] = [4, 2, 2, 6, 1];

/// What one address, or one known caller, may have of a set: one part in so many. Behind one address there may be many good
/// clients that begin at one time, such as all of them after a restart.
const EACH: [usize; 5] = [4, 4, 4, 8, 4];

/// How often memory is given back that nothing uses: within a minute of its last use, whatever keeps the machine busy.
const GIVING_BACK: Duration = Duration::from_secs(20);

/// How often it is looked whether there is something to sum up.
const SUMMING_UP: Duration = Duration::from_secs(1);

/// Opens everything, serves until SIGTERM or SIGINT, and closes everything.
///
/// # Errors
/// What keeps the server from starting.
pub async fn run(config: Config) -> Result<(), StartError> {
    let config = Arc::new(config);
    raise_file_limit();
    let signals = Signals::new().map_err(StartError::Signals)?;
    tokio::spawn(end_in_time(Ends::new().map_err(StartError::Signals)?));
    // Before they are read: what changes meanwhile is then read again.
    let files = Files::new(&config);
    let mut started = start::start(&config).await?;
    let (stop, stopping) = watch::channel(false);
    let reloads = watch::Sender::new(0);
    let [silent, handshakes, strangers, known, closing] = sets(config.limits.connections);
    let shared = Arc::new(Shared {
        acceptor: ArcSwapOption::from(started.acceptor.clone()),
        silent,
        handshakes,
        strangers,
        known,
        closing,
        allowed: config.limits.request_timeout,
        repeats: Arc::clone(&started.repeats),
        authenticator: Arc::clone(&started.authenticator),
        kms: Arc::clone(&started.kms),
        metrics: Arc::clone(&started.metrics),
        reloads: reloads.subscribe(),
        stop: stopping,
    });
    announce(&config, &started);
    let issuers = started.issuers.take();
    let reload = Reload { config: Arc::clone(&config), shared: Arc::clone(&shared), reloads, files, issuers };
    let summing = tokio::spawn(sum_up(Arc::clone(&started.repeats)));
    let sweeping = tokio::spawn(sweep_tokens(Arc::clone(started.kms.access_tokens())));
    let noting = tokio::spawn(write_last_uses(Arc::clone(&started.kms)));
    let giving_back = tokio::spawn(give_back());
    // In a task of its own: files on a disk that does not answer must not keep anybody from connecting.
    let reloading = tokio::spawn(reload.keep(signals.hangup));
    let connections = serve(&started, &shared, config.limits.connections, signals.ends).await;
    // From here on those who are in are asked to finish, and nobody new gets in. An open listener would let new
    // clients connect and wait for nothing, and keep the next server from the port.
    let _ = stop.send(true);
    drop(started.listener);
    reloading.abort();
    sweeping.abort();
    noting.abort();
    giving_back.abort();
    drain(connections).await;
    summing.abort();
    started.repeats.tell_all();
    let Started { kms, owner, eraser, app, .. } = started;
    // The owner's thread and the database's writer end here, with what they still had to do.
    tokio::task::block_in_place(move || {
        drop(eraser);
        drop(owner);
        drop(app);
        // Before the database, which takes the log's last checkpoint.
        kms.close();
        drop(kms);
    });
    tracing::info!("stopped");
    Ok(())
}

/// The sets of connections, whose bounds add up to less than `limit`.
fn sets(limit: usize) -> [Arc<Waiting>; 5] {
    let mut each = EACH.into_iter();
    PARTS.map(|part| {
        let total = (limit / 16 * part).max(1);
        Waiting::new((total / each.next().unwrap_or(1)).max(1), total)
    })
}

/// The one line on standard output: programs wait for it.
#[allow(clippy::print_stdout, reason = "where the server listens is this program's output")]
fn announce(config: &Config, started: &Started) {
    let scheme = if config.p12.is_some() { "https" } else { "http" };
    for address in &started.addresses {
        println!("listening on {scheme}://{address}");
        tracing::info!(%address, scheme, "listening");
    }
}

/// Accepts until a signal says stop; hands back what is still open.
async fn serve(started: &Started, shared: &Arc<Shared>, limit: usize, mut ends: Ends) -> JoinSet<()> {
    let filter = http::filter(Arc::clone(&started.app));
    let places = Arc::new(Semaphore::new(limit));
    figures::connections(&shared.metrics, &places, limit);
    let mut connections = JoinSet::new();
    loop {
        let (tcp, address) = tokio::select! {
            accepted = started.listener.accept() => match listening::accepted(accepted, &shared.repeats).await {
                Some(accepted) => accepted,
                None => continue,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = ends.come() => break,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            shared.metrics.handshake_refused("too-many");
            if shared.repeats.is_first(address.ip(), Level::WARN, "connection refused: too many") {
                tracing::warn!(peer = %address, limit, "connection refused: too many");
            }
            continue;
        };
        let connection = requests::serve(Arc::clone(shared), tcp, address, filter.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
    tracing::info!(connections = connections.len(), "stopping");
    connections
}

/// The moments at which something is done again and again; late ones put the later ones off.
fn turns(every: Duration) -> tokio::time::Interval {
    let mut turns = tokio::time::interval(every);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    turns
}

/// Removes rows of access tokens that ended, for as long as the server runs.
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
            tracing::warn!(%error, "access tokens that ended are not removed yet");
        }
    }
}

/// Tells in one line what happened again and again, for as long as the server runs.
async fn sum_up(repeats: Arc<Repeats>) {
    let mut turns = turns(SUMMING_UP);
    loop {
        turns.tick().await;
        repeats.tell();
    }
}

/// Writes when keys were last used, now and then, for as long as the server runs.
async fn write_last_uses(kms: Arc<Kms>) {
    let mut turns = turns(SWEEP);
    loop {
        turns.tick().await;
        let kms = Arc::clone(&kms);
        let _ = tokio::task::spawn_blocking(move || kms.write_last_uses()).await;
    }
}

/// Gives memory back that nothing uses, for as long as the server runs.
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

async fn drain(mut connections: JoinSet<()>) {
    let ended = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(connections = connections.len(), "closed before they had ended");
        connections.shutdown().await;
    }
}

struct Signals {
    hangup: Signal,
    ends: Ends,
    /// A write beyond the limit of a file's size (setrlimit(2)) is then an error that is answered, not the end.
    _file_size: Signal,
}

impl Signals {
    /// Before anything else: a signal during start must not kill with something half made.
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            ends: Ends::new()?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }
}

/// Each connection is an open file; the usual soft limit of 1,024 is below our own bounds.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays");
    }
}
