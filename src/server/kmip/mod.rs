//! The KMIP socket: messages in the binary encoding over TLS, one after the other, on one connection (KMIP 2.1 section
//! 10.4). The client certificate is the only credential.

mod refusal;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::handshake;
use super::holding::Holding;
use super::shared::Shared;
use crate::desk::{self, Name};
use crate::http::App;
use crate::kmip::versions::Version;
use crate::metrics::Outcome;
use crate::wire::{self, Encoding};
use refusal::Stop;
use request::{Answer, Request};

/// The longest time without a message. Databases keep connections open between their uses of keys; a connection that
/// waits needs little memory, and makes room for newer ones.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The longest time for the alert that closes a connection.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves a connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, app: Arc<App>, tcp: TcpStream, address: SocketAddr) {
    let Some(acceptor) = shared.kmip.load_full() else { return };
    let Some((mut stream, peer)) = handshake::accept(&shared, &acceptor, tcp, address).await else { return };
    let mut holding = Holding::new(&shared, &peer);
    let peer = Arc::new(peer);
    // The version of the answer to a message that does not show its version.
    let mut usual = Version::V1_0;
    loop {
        let first = tokio::select! {
            // The order matters: a connection that must end serves no further message.
            biased;
            () = holding.is_over() => break,
            first = timeout(IDLE, stream.read_u8()) => first,
        };
        let Ok(Ok(first)) = first else { break };
        let name = Name { id: app.new_request_id(), peer: address };
        let ticket = app.desk.ticket(name);
        let request = Request::new(&app, &peer, &ticket);
        let answered = desk::on_behalf(&ticket, request.perform(&mut stream, first, usual)).await;
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
                tracing::debug!(peer = %address, reason = %refusal.reason, message = refusal.message, "message refused");
                let bytes = wire::refuse(Encoding::Ttlv, usual, refusal.reason, &refusal.message);
                (Answer::of(bytes, usual, refusal.outcome), false)
            }
        };
        let is_sent = matches!(timeout(shared.allowed, send(&mut stream, &answer.bytes)).await, Ok(Ok(())));
        if !is_sent || !goes_on {
            break;
        }
    }
    let _closing = holding.close();
    let _ = timeout(CLOSING, stream.shutdown()).await;
}

async fn send(stream: &mut SslStream<TcpStream>, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
