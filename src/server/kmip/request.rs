//! One message of a connection: the same steps as for a request by HTTP. A place at the front desk and memory are taken
//! before the message is read; the caller is authenticated by the certificate, and again if the message takes long.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_openssl::SslStream;

use super::super::parting::Parting;
use super::ahead::Ahead;
use super::refusal::Stop;
use crate::auth::{Authorization, DECISION_STANDS, Known, Peer, Presented, network};
use crate::desk::{self, Admission, Full, Refused, Room, Ticket, Who};
use crate::http::App;
use crate::kmip::Tag;
use crate::kmip::ttlv::binary::{HEAD, message_length};
use crate::kmip::versions::Version;
use crate::kms::{self, Context, Way};
use crate::metrics::{self, Outcome};
use crate::wire::{self, Answered, Asked, Encoding, MAX_MESSAGE};

/// The memory that is allocated for a message at first, in bytes. The announced length may be larger.
const FIRST: usize = 64 << 10;

/// The interval at which a long request checks whether its client is still connected.
const LOOK: Duration = Duration::from_millis(250);

/// The connection.
pub(super) type Stream = Ahead<Parting<SslStream<TcpStream>>>;

/// A message that is being read or performed.
pub(super) struct Request {
    app: Arc<App>,
    peer: Arc<Peer>,
    ticket: Arc<Ticket>,
    pub(super) measured: Arc<metrics::Request>,
}

/// An answer, and the memory that is reserved until it is sent.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) version: Version,
    pub(super) outcome: Outcome,
    /// Whether the connection can be used for further messages.
    pub(super) goes_on: bool,
    _room: Option<Room>,
}

/// A message that was read, and the memory that is reserved for it: twice its size, for the data made from it.
struct Read {
    bytes: Vec<u8>,
    _room: Room,
}

impl Answer {
    /// An answer after which the connection ends.
    pub(super) fn of(bytes: Vec<u8>, version: Version, outcome: Outcome) -> Self {
        Self { bytes, version, outcome, goes_on: false, _room: None }
    }
}

impl Request {
    pub(super) fn new(app: &Arc<App>, peer: &Arc<Peer>, ticket: &Arc<Ticket>) -> Self {
        let measured = app.metrics.request();
        measured.way("kmip-socket");
        let measured = Arc::new(measured);
        Self { app: Arc::clone(app), peer: Arc::clone(peer), ticket: Arc::clone(ticket), measured }
    }

    /// Reads the message that begins with this head, and performs it.
    pub(super) async fn perform(&self, stream: &mut Stream, head: [u8; HEAD], usual: Version) -> Result<Answer, Stop> {
        let length = length(head)?;
        let began = Instant::now();
        let expected = self.app.authenticator.expected(&self.presented(), kms::now());
        let claimant = || Who::Claimant(network(self.peer.address.ip()));
        let mut admission = self.admit(expected.map_or_else(claimant, Who::Caller))?;
        let known = self.known(true).await?;
        let who = kms::who(&known, &self.presented());
        if who != *admission.who() {
            admission = self.admit(who)?;
        }
        let message = self.message(stream, head, length, &admission).await?;
        let turn = admission.turn(&self.ticket).await;
        let turn = turn.map_err(|full| self.full(Refused::Turn, full, &admission))?;
        let known = if began.elapsed() > DECISION_STANDS { self.known(false).await? } else { known };
        self.measured.method(&known.caller.method);
        let work = self.work(admission, known, message, usual);
        let performed = desk::perform(&self.ticket, turn, work);
        tokio::select! {
            answer = performed => answer.unwrap_or_else(|ended| {
                if matches!(ended, desk::Ended::Deadline) && let Some(who) = self.ticket.who() {
                    self.app.desk.refused(Refused::Deadline, &who);
                }
                Err(ended.into())
            }),
            () = is_left(stream) => Err(Stop::Gone),
        }
    }

    /// The work of the message, for a thread that it may block.
    fn work(
        &self,
        admission: Admission,
        known: Known,
        message: Read,
        usual: Version,
    ) -> impl FnOnce() -> Result<Answer, Stop> + Send + 'static {
        let (app, peer, ticket) = (Arc::clone(&self.app), self.peer.address, Arc::clone(&self.ticket));
        let measured = Arc::clone(&self.measured);
        move || {
            ticket.work_in(admission.room());
            let request = ticket.name().map_or("", |name| &name.id);
            let way = Way { is_socket: true, version: None };
            let context = Context { caller: &known.caller, request, peer, ticket: &ticket, way };
            let asked = Asked { context, proved: &known.name, measured: &measured };
            let answered = wire::answer(&app.kms, Encoding::Ttlv, &asked, &message.bytes, usual);
            drop(ticket.release());
            drop(message);
            let Answered { bytes, version, was_readable } = answered;
            let mut room = admission.room();
            room.hold(bytes.len()).map_err(|full| {
                app.desk.refused(Refused::Memory, admission.who());
                Stop::full(full, Refused::Memory)
            })?;
            let outcome = if was_readable { Outcome::Success } else { Outcome::ClientError };
            Ok(Answer { bytes, version, outcome, goes_on: was_readable, _room: Some(room) })
        }
    }

    fn presented(&self) -> Presented<'_> {
        Presented { peer: &self.peer, authorization: Authorization::Absent }
    }

    async fn known(&self, counted: bool) -> Result<Known, Stop> {
        Ok(self.app.logins.caller(&self.presented(), counted).await?)
    }

    fn admit(&self, who: Who) -> Result<Admission, Stop> {
        let admission = self.app.desk.admit(&who).map_err(|full| {
            self.app.desk.refused(Refused::Place, &who);
            Stop::full(full, Refused::Place)
        })?;
        self.ticket.bear(who);
        Ok(admission)
    }

    fn full(&self, refused: Refused, full: Full, admission: &Admission) -> Stop {
        self.app.desk.refused(refused, admission.who());
        Stop::full(full, refused)
    }

    /// Reads the rest of the message. Memory for the announced length is reserved first, so that two messages never
    /// wait for each other, but it is allocated as the bytes arrive.
    async fn message(
        &self,
        stream: &mut Stream,
        head: [u8; HEAD],
        length: usize,
        admission: &Admission,
    ) -> Result<Read, Stop> {
        let no_room = |full| self.full(Refused::Memory, full, admission);
        let mut room = admission.room();
        room.hold(length.min(admission.unread())).map_err(no_room)?;
        room.wait_to_hold(2 * length, Admission::patience(&self.ticket)).await.map_err(no_room)?;
        let mut bytes = Vec::with_capacity(length.min(FIRST));
        bytes.extend_from_slice(&head);
        let mut rest = stream.take(u64::try_from(length - HEAD).unwrap_or(u64::MAX));
        let arriving = async {
            while bytes.len() < length {
                if rest.read_buf(&mut bytes).await.map_err(|_| Stop::Gone)? == 0 {
                    return Err(Stop::Gone);
                }
            }
            Ok(())
        };
        timeout_at(admission.body_deadline(&self.ticket), arriving).await.unwrap_or_else(|_| Err(Stop::late()))?;
        Ok(Read { bytes, _room: room })
    }
}

/// The length of the message with this head, in bytes and including the head.
fn length(head: [u8; HEAD]) -> Result<usize, Stop> {
    let [one, two, three, ..] = head;
    if u32::from_be_bytes([0, one, two, three]) != Tag::RequestMessage.code() {
        return Err(Stop::not_a_request());
    }
    let length = message_length(head).map_err(|error| Stop::malformed(&error))?;
    if length > MAX_MESSAGE { Err(Stop::too_long(length)) } else { Ok(length) }
}

/// Waits until the client has closed the connection. Further messages may have arrived meanwhile, so a read would not
/// show it.
async fn is_left(stream: &Stream) {
    loop {
        tokio::time::sleep(LOOK).await;
        let ready = timeout_at(Instant::now(), stream.stream().tcp().ready(Interest::READABLE)).await;
        if ready.is_ok_and(|ready| ready.is_ok_and(|ready| ready.is_read_closed())) {
            return;
        }
    }
}
