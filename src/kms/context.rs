//! The caller of a request, and its origin.

use std::net::SocketAddr;

use super::error::Error;
use crate::desk::Ticket;
use crate::principal::Caller;

/// The caller of a request, and its origin.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The caller.
    pub caller: &'a Caller,
    /// The request's id, for the audit log.
    pub request: &'a str,
    /// The address of the connection's other end.
    pub peer: SocketAddr,
    /// The request's deadline and memory.
    pub ticket: &'a Ticket,
}

impl Context<'_> {
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.ticket.is_over() { Err(Error::Abandoned) } else { Ok(()) }
    }

    /// Counts `bytes` of the answer, in the binary encoding, against the caller's memory. As JSON, and while the JSON
    /// is made, they take about four times as much.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Error> {
        self.ticket.hold(bytes.saturating_mul(4)).map_err(|_| Error::NoRoom)
    }
}
