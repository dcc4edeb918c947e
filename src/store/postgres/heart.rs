//! The heartbeat: asks the database four times a second whether it is still there and still this server's.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address::Address;
use super::contact::{Contact, Ended};
use super::lease::{self, Purpose};
use super::link::Link;
use crate::store::error::Error;

/// The pause between two heartbeats.
const PAUSE: Duration = Duration::from_millis(250);

/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// The thread. Dropping it ends it.
pub(super) struct Heart {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    pub(super) fn start(address: Arc<Address>, contact: Arc<Contact>) -> Result<Self, Error> {
        let (stop, stopped) = sync_channel(0);
        let beats = move || beat(&address, &contact, &stopped);
        let thread = thread::Builder::new().name("store-heart".to_owned()).spawn(beats).map_err(Error::Driver)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn beat(address: &Address, contact: &Contact, stopped: &Receiver<()>) {
    let (mut link, mut is_silent) = (None, false);
    while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        match ask(address, contact, &mut link) {
            Ok(()) if is_silent => tracing::info!("the database answers again"),
            Ok(()) => {}
            Err(Error::TakenOver | Error::CommitsLost) => return,
            Err(error) if is_silent => tracing::debug!(%error, "the database still does not answer"),
            Err(error) => tracing::error!(%error, "the database does not answer"),
        }
        is_silent = link.is_none();
    }
}

/// Asks once. A connection that failed is dropped.
fn ask(address: &Address, contact: &Contact, link: &mut Option<Link>) -> Result<(), Error> {
    let present = match link.take().filter(|link| !link.is_lost()) {
        Some(link) => link,
        None => lease::connect(address, Purpose::Read)?.within(LIMIT),
    };
    let (asked, committed) = (Instant::now(), contact.committed());
    if lease::present(&present, contact)? < committed {
        return Err(contact.end(Ended::CommitsLost));
    }
    contact.hear(asked);
    *link = Some(present);
    Ok(())
}
