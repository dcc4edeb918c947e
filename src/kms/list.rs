//! Lists, one page at a time. All lists read their items in this way.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::context::Context;
use super::error::Error;
use super::object::Object;
use crate::kmip::Attributes;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::ttlv::DateTime;

/// Maximum number of entries on one page.
pub const MAX_ENTRIES: usize = 1_000;

/// A page ends with the entry that reaches this size as it is written, in bytes. The largest entry, an object with all
/// of its attributes, takes less than twice this size, so that the page stays within the limit of an answer.
const PAGE_BYTES: usize = 4 << 20;

/// Number of candidates that are read at once.
pub(super) const CHUNK: usize = 256;

/// A page that is being filled. Each entry is written as soon as it is found, and then dropped, so that a list needs
/// only the memory of its answer.
pub struct PageBuilder<'a, T> {
    context: Context<'a>,
    limit: usize,
    write: &'a mut dyn FnMut(T) -> usize,
    entries: usize,
    bytes: usize,
    /// The time at which a page with at least one entry ends: after half of the time that the request has.
    until: Instant,
}

impl<'a, T> PageBuilder<'a, T> {
    /// A page of at most `limit` and at most [`MAX_ENTRIES`] entries. `write` writes an entry and returns its size in
    /// bytes.
    pub fn new(context: &Context<'a>, limit: usize, write: &'a mut dyn FnMut(T) -> usize) -> Self {
        let (limit, now) = (limit.min(MAX_ENTRIES), Instant::now());
        let until = now + context.ticket.deadline().saturating_duration_since(now) / 2;
        Self { context: *context, limit, write, entries: 0, bytes: 0, until }
    }

    /// Maximum number of entries on the page.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the page has room for one more entry. Called before each candidate. After it has returned false, it
    /// always does.
    ///
    /// # Errors
    /// The request has ended.
    pub fn look(&self) -> Result<bool, Error> {
        self.context.go_on()?;
        let has_time = self.entries == 0 || Instant::now() < self.until;
        Ok(self.entries < self.limit && self.bytes < PAGE_BYTES && has_time)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// The caller has reached the limit of memory.
    pub fn put(&mut self, entry: T) -> Result<(), Error> {
        let bytes = (self.write)(entry);
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        // The buffer grows by doubling.
        self.context.ticket.hold(bytes.saturating_mul(2)).map_err(|_| Error::NoRoom)
    }

    /// Fills the page. `read` returns the candidates after the last one, and nothing at the end; `entry` makes an entry
    /// of a candidate, or returns `None` to leave it out. Returns the last candidate that was visited, if there may be
    /// more.
    ///
    /// # Errors
    /// Those of `read` and `entry`, of [`Self::look`] and of [`Self::put`].
    pub(super) fn fill<R>(
        &mut self,
        read: impl FnMut(Option<&R>) -> Result<Vec<R>, Error>,
        mut entry: impl FnMut(&R) -> Result<Option<T>, Error>,
    ) -> Result<Option<R>, Error> {
        pages(1, read, |one| {
            if !self.look()? {
                return Ok(ControlFlow::Break(()));
            }
            entry(one)?.map_or(Ok(()), |entry| self.put(entry))?;
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// Reads a long list page by page. `read` returns the items after the last one; a page of fewer than `full` items is
/// the last page. If `visit` breaks off, returns the item before; at the end of the list, returns `None`.
///
/// # Errors
/// Those of `read` and `visit`.
pub(super) fn pages<R>(
    full: usize,
    mut read: impl FnMut(Option<&R>) -> Result<Vec<R>, Error>,
    mut visit: impl FnMut(&R) -> Result<ControlFlow<()>, Error>,
) -> Result<Option<R>, Error> {
    let mut last = None;
    loop {
        let page = read(last.as_ref())?;
        let is_last = page.len() < full;
        for one in page {
            if visit(&one)?.is_break() {
                return Ok(last);
            }
            last = Some(one);
        }
        if is_last {
            return Ok(None);
        }
    }
}

/// The part of an object that lists show.
#[derive(Debug)]
pub struct Summary {
    /// Names.
    pub names: Vec<String>,
    /// Object Type.
    pub object_type: Option<ObjectType>,
    /// Cryptographic Algorithm.
    pub algorithm: Option<CryptographicAlgorithm>,
    /// Cryptographic Length in bits.
    pub length: Option<i32>,
    /// State at the time of the call.
    pub state: State,
}

impl Summary {
    pub(super) fn of(object: &Object, now: DateTime) -> Self {
        let Attributes { names, object_type, cryptographic_algorithm, cryptographic_length, .. } = &object.attributes;
        Self {
            names: names.iter().map(|name| name.value.clone()).collect(),
            object_type: *object_type,
            algorithm: *cryptographic_algorithm,
            length: *cryptographic_length,
            state: object.state(now),
        }
    }
}
