//! The caller of a request, and its origin.

use std::net::SocketAddr;

use super::error::Error;
use crate::desk::Ticket;
use crate::kmip::versions::Version;
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
    /// The way by which the request came.
    pub way: Way,
}

/// The way by which a request came, for the audit log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Way {
    /// Whether it came through the KMIP socket, and not by HTTP.
    pub is_socket: bool,
    /// The version of KMIP in which it came; `None` for requests that are not messages of KMIP.
    pub version: Option<Version>,
}

impl Way {
    /// Whether an authentication tag is an item of its own in the messages of this way, and not the end of the ciphertext.
    pub(super) fn has_authentication_tags(self) -> bool {
        self.version.is_none_or(Version::has_authentication_tags)
    }

    /// Whether the requests of this way can say whether a key may leave.
    pub(super) fn has_protection(self) -> bool {
        self.version.is_none_or(Version::has_protection)
    }
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
