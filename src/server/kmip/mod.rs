//! The KMIP socket: messages in the binary encoding over TLS, one after the other, on one connection (KMIP 2.1 section
//! 10.4). The client certificate is the only credential.

mod ahead;
mod refusal;
mod request;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::arrival::arrival;
use super::handshake;
use super::holding::Holding;
use super::parting::{Cut, Parting};
use super::requests::{HEADER_DEADLINE, last_answers};
use super::shared::Shared;
use crate::auth::Peer;
use crate::desk::{self, Name};
use crate::http::App;
use crate::kmip::ttlv::binary::HEAD;
use crate::kmip::versions::Version;
use crate::metrics::Outcome;
use crate::wire::{self, Encoding};
use ahead::Ahead;
use refusal::Stop;
use request::{Answer, Request, Stream};

/// The longest time without a message. Databases keep connections open between their uses of keys; a connection that
/// waits needs little memory, and makes room for newer ones.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The longest time for the alert that closes a connection.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves a connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, app: Arc<App>, mut tcp: TcpStream, address: SocketAddr) {
    let Some(arrival) = arrival(&shared, &mut tcp, address).await else { return };
    let Some(acceptor) = shared.kmip.load_full() else { return };
    let Some((stream, peer)) = handshake::accept(&shared, &acceptor, tcp, arrival).await else { return };
    let mut holding = Holding::new(&shared, &peer);
    let (end, ending) = watch::channel(false);
    let mut messages = pin!(messages(&shared, &app, stream, Arc::new(peer), ending));
    tokio::select! {
        // The order matters: a connection that must end serves no further message.
        biased;
        () = holding.is_over() => {}
        () = messages.as_mut() => return,
    }
    let closing = holding.close();
    end.send_replace(true);
    last_answers(messages, closing).await;
}

/// Answers one message after the other, until the client leaves, a message cannot be read, or `ending` becomes true.
async fn messages(
    shared: &Shared,
    app: &Arc<App>,
    stream: SslStream<TcpStream>,
    peer: Arc<Peer>,
    mut ending: watch::Receiver<bool>,
) {
    let cut = Cut::default();
    let mut stream = Ahead::new(Parting::new(stream, Arc::clone(&cut)));
    // The version of the answer to a message that does not show its version.
    let mut usual = Version::V1_0;
    loop {
        let head = tokio::select! {
            biased;
            _ = ending.wait_for(|ending| *ending) => break,
            head = head(&mut stream) => head,
        };
        let Some(head) = head else { break };
        let name = Name { id: app.new_request_id(), peer: peer.address };
        let ticket = app.desk.ticket(name);
        let request = Request::new(app, &peer, &ticket);
        let answered = desk::on_behalf(&ticket, request.perform(&mut stream, head, usual)).await;
        let (answer, goes_on) = match answered {
            Ok(answer) => {
                usual = answer.version;
                request.measured.answered(answer.outcome);
                let goes_on = answer.goes_on;
                (answer, goes_on)
            }
            Err(Stop::Gone) => {
                request.measured.answered(Outcome::Abandoned);
                break;
            }
            Err(Stop::Refused(refusal)) => {
                request.measured.answered(refusal.outcome);
                tracing::debug!(peer = %peer.address, reason = %refusal.reason, message = refusal.message, "message refused");
                let bytes = wire::refuse(Encoding::Ttlv, usual, refusal.reason, &refusal.message);
                // The client may still be sending the message.
                cut.store(true, Ordering::Relaxed);
                (Answer::of(bytes, usual, refusal.outcome), false)
            }
        };
        let is_sent = matches!(timeout(shared.allowed, send(&mut stream, &answer.bytes)).await, Ok(Ok(())));
        if !is_sent || !goes_on {
            break;
        }
    }
    let _ = timeout(CLOSING, stream.shutdown()).await;
}

/// Waits for a message and reads its head. Returns `None` at the end of the connection. Until then, the connection uses
/// only its place.
async fn head(stream: &mut Stream) -> Option<[u8; HEAD]> {
    let mut head = [0; HEAD];
    let (first, rest) = head.split_first_mut()?;
    *first = timeout(IDLE, stream.read_u8()).await.ok()?.ok()?;
    timeout(HEADER_DEADLINE, stream.read_exact(rest)).await.ok()?.ok()?;
    Some(head)
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
