//! Who asks, and by which request.

use std::net::SocketAddr;

use super::error::Error;
use crate::desk::Ticket;
use crate::principal::Caller;

/// Who asks, and by which request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The request's id, for the audit log.
    pub request: &'a str,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// What the request may still cost.
    pub ticket: &'a Ticket,
}

impl Context<'_> {
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.ticket.is_over() { Err(Error::Abandoned) } else { Ok(()) }
    }

    /// Counts what the answer will hold: so many bytes more in the binary encoding. As JSON, and while that is made, they are
    /// about four times as many.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Error> {
        self.ticket.hold(bytes.saturating_mul(4)).map_err(|_| Error::NoRoom)
    }
}
