//! Lists, a page at a time: the one way in which lists go through what they find.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::context::Context;
use super::error::Error;
use super::object::Object;
use crate::kmip::Attributes;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::ttlv::DateTime;

/// The most entries on one page.
pub const MAX_ENTRIES: usize = 1_000;

/// A page ends with the entry by which it takes so many bytes as it is written. The largest entry, an object with all of its
/// attributes, takes less than twice as many: together they stay below what an answer may be.
const PAGE_BYTES: usize = 4 << 20;

/// What is read at once of what may become entries, in number.
pub(super) const CHUNK: usize = 256;

/// A page that is being filled. Each entry is written when it is found and then dropped, so that a list takes the memory of what
/// it shows.
pub struct Sheet<'a, T> {
    context: Context<'a>,
    limit: usize,
    write: &'a mut dyn FnMut(T) -> usize,
    entries: usize,
    bytes: usize,
    /// A page that has entries ends then: after half of the time that its request has.
    until: Instant,
}

impl<'a, T> Sheet<'a, T> {
    /// A page of at most `limit` entries, and at most [`MAX_ENTRIES`]. `write` writes one and returns how many bytes it takes.
    pub fn new(context: &Context<'a>, limit: usize, write: &'a mut dyn FnMut(T) -> usize) -> Self {
        let (limit, now) = (limit.min(MAX_ENTRIES), Instant::now());
        let until = now + context.ticket.deadline().saturating_duration_since(now) / 2;
        Self { context: *context, limit, write, entries: 0, bytes: 0, until }
    }

    /// The most entries that it takes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Asked before each thing that may become an entry is looked at: whether the page takes one more. Once it does not, it
    /// never does again.
    ///
    /// # Errors
    /// Nobody waits for the answer any longer.
    pub fn look(&self) -> Result<bool, Error> {
        self.context.go_on()?;
        let has_time = self.entries == 0 || Instant::now() < self.until;
        Ok(self.entries < self.limit && self.bytes < PAGE_BYTES && has_time)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// The caller holds as much memory as one caller may.
    pub fn put(&mut self, entry: T) -> Result<(), Error> {
        let bytes = (self.write)(entry);
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        // What it is written into grows by doubling.
        self.context.ticket.hold(bytes.saturating_mul(2)).map_err(|_| Error::NoRoom)
    }

    /// Fills the page: `read` gives what follows the last one that was looked at, a chunk of it, or nothing at the end; `entry`
    /// makes an entry of one of them, or leaves it out. Returns the last one that was looked at if there may be more.
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

/// Looks at a long list page by page: `read` gives what follows the last item of the page before, and a page of fewer than `full` items
/// is the last. Ends where `visit` breaks off, with the item before; `None` at the end of the list.
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

/// What lists tell of an object: no more is copied of it.
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
