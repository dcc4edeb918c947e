//! Operations in several parts (KMIP 2.1 sections 7.8, 7.14 and 7.17): what is kept between the parts.
//!
//! No session of the HSM token is kept: a part of a cipher is a call of its own, hashes are computed outside of the HSM, and
//! data that needs one call is collected. An operation belongs to its user, operation and key, and each part is
//! authorized by itself.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openssl::hash::{Hasher, MessageDigest};
use openssl::rand::rand_bytes;
use zeroize::Zeroizing;

use super::cipher_fault::CipherFault;
use super::cipher_stream::{CipherStream, append};
use super::error::Error;
use crate::custody::Error as CustodyError;
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::MultiPart;
use crate::kmip::{CryptographicParameters, Tag};
use crate::secret::Bytes;
use crate::store::object::Material;

/// Length of a correlation value, in bytes.
const VALUE: usize = 24;

/// Maximum number of open operations of one user, and of all.
const MOST_OF_ONE: usize = 16;
const MOST: usize = 1024;

/// Maximum amount of collected data of one user, and of all, in bytes.
const BYTES_OF_ONE: usize = 8 << 20;
const BYTES: usize = 64 << 20;

/// Maximum length of the label in parameters, in bytes.
pub(super) const MAX_LABEL: usize = 4096;

/// How long an operation may wait for its next part, and how long it may take.
const IDLE: Duration = Duration::from_secs(5 * 60);
const TOTAL: Duration = Duration::from_secs(60 * 60);

/// The operations that wait for their next part.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<Vec<u8>, Entry>>);

/// The owner of an operation in several parts.
#[derive(Clone, PartialEq)]
pub(super) struct Holder {
    pub(super) user: String,
    pub(super) operation: Operation,
    /// The identifier of the key, and its place: a key that replaces it does not continue the operation.
    pub(super) key: Option<(String, Material)>,
}

/// What an operation needs for its next part.
pub(super) enum State {
    /// Data for one call.
    Data(Zeroizing<Vec<u8>>),
    /// A hash.
    Hash(Hasher),
    /// An encryption or decryption.
    Cipher(CipherStream),
}

struct Entry {
    holder: Holder,
    parameters: CryptographicParameters,
    began: Instant,
    used: Instant,
    bytes: usize,
    /// `None` while a part is performed.
    state: Option<State>,
}

/// An operation, at one of its parts.
pub(super) struct Stream<'a> {
    streams: &'a Streams,
    /// `None` if the operation has only one part.
    holder: Option<Holder>,
    /// Those of the request, or of the first part.
    pub(super) parameters: CryptographicParameters,
    stage: Stage,
    is_last: bool,
    state: Option<State>,
    now: Instant,
}

#[derive(PartialEq)]
enum Stage {
    /// The operation has only one part.
    Whole,
    First,
    Later(Vec<u8>),
    /// The next part has its state.
    Kept,
}

/// Data that is collected until the last part.
pub(super) enum Gathered {
    All(Bytes),
    /// Further parts follow, with this correlation value.
    Open(Bytes),
}

/// A hash that is computed until the last part.
pub(super) enum Hashed {
    /// The operation has only one part, whose data was not hashed.
    Whole,
    Done(Vec<u8>),
    /// Further parts follow, with this correlation value.
    Open(Bytes),
}

impl Streams {
    /// Finds the place of a request in its operation. `requested` are the parameters that the request has, `default` those
    /// of the key. A later part has no other parameters than the first one.
    ///
    /// # Errors
    /// The indicators contradict each other, or the holder has no such operation.
    pub(super) fn at(
        &self,
        holder: impl FnOnce() -> Holder,
        part: &MultiPart,
        requested: Option<CryptographicParameters>,
        default: Option<&CryptographicParameters>,
        now: Instant,
    ) -> Result<Stream<'_>, Error> {
        // They are kept between the parts.
        let label = requested.as_ref().and_then(|own| own.p_source.as_ref());
        if label.is_some_and(|label| label.len() > MAX_LABEL) {
            return Err(Error::BadParameters("PSource has at most 4096 bytes"));
        }
        let (is_first, is_last) = (part.init_indicator == Some(true), part.final_indicator == Some(true));
        let parameters = |requested: Option<_>| requested.or_else(|| default.cloned()).unwrap_or_default();
        let own =
            |stage, holder, parameters, state| Stream { streams: self, holder, parameters, stage, is_last, state, now };
        match &part.correlation_value {
            None if !part.is_partial() => Ok(own(Stage::Whole, None, parameters(requested), None)),
            None if is_first => Ok(own(Stage::First, Some(holder()), parameters(requested), None)),
            None => Err(Error::Missing(Tag::CorrelationValue)),
            Some(_) if is_first => {
                Err(CipherFault::Part("InitIndicator begins an operation: leave CorrelationValue out").into())
            }
            Some(value) => {
                let holder = holder();
                let (began_with, state) = self.take(&holder, value, now)?;
                let stream = own(Stage::Later(value.to_vec()), Some(holder), began_with, Some(state));
                if requested.is_some_and(|requested| requested != stream.parameters) {
                    return Err(Error::BadParameters(
                        "the CryptographicParameters are not those of the first part: repeat them, or leave them out",
                    ));
                }
                Ok(stream)
            }
        }
    }

    /// Takes the state of an operation, which stays in the list.
    fn take(&self, holder: &Holder, value: &[u8], now: Instant) -> Result<(CryptographicParameters, State), Error> {
        let mut entries = self.current(now);
        let entry = entries.get_mut(value).filter(|entry| entry.holder == *holder);
        let state = entry.and_then(|entry| Some((entry.parameters.clone(), entry.state.take()?)));
        state.ok_or_else(|| CipherFault::NoStream.into())
    }

    /// Adds an operation, or returns the state of one.
    fn keep(&self, stream: &Stream<'_>, state: State) -> Result<Bytes, Error> {
        let holder = stream.holder.as_ref().ok_or(CipherFault::NoStream)?;
        let mut entries = self.current(stream.now);
        let value = match &stream.stage {
            Stage::Later(value) => value.clone(),
            _ => {
                let mut value = vec![0; VALUE];
                rand_bytes(&mut value).map_err(CustodyError::Random)?;
                value
            }
        };
        let is_own = |entry: &&Entry| entry.holder.user == holder.user;
        let (own, bytes) = (entries.values().filter(is_own).count(), state.bytes());
        let former = entries.get(&value).map_or(0, |entry| entry.bytes);
        let held: usize = entries.values().map(|entry| entry.bytes).sum();
        let held_by_user: usize = entries.values().filter(is_own).map(|entry| entry.bytes).sum();
        let is_new = !entries.contains_key(&value);
        if matches!(stream.stage, Stage::Later(_)) && is_new {
            // It was ended by a change of the key.
            return Err(CipherFault::NoStream.into());
        }
        for (whose, count, most) in [("you have", own, MOST_OF_ONE), ("the server has", entries.len(), MOST)] {
            if is_new && count >= most {
                return Err(CipherFault::TooManyStreams { whose, most }.into());
            }
        }
        for (whose, held, most) in [("your operations", held_by_user, BYTES_OF_ONE), ("all operations", held, BYTES)] {
            if held - former + bytes > most {
                return Err(CipherFault::TooMuchStreamed { whose, most }.into());
            }
        }
        let entry = entries.entry(value.clone()).or_insert_with(|| Entry {
            holder: holder.clone(),
            parameters: stream.parameters.clone(),
            began: stream.now,
            used: stream.now,
            bytes,
            state: None,
        });
        (entry.used, entry.bytes, entry.state) = (stream.now, bytes, Some(state));
        Ok(Bytes::from(value))
    }

    /// Ends an operation of a user.
    pub(super) fn end(&self, user: &str, value: &[u8]) {
        let mut entries = self.lock();
        if entries.get(value).is_some_and(|entry| entry.holder.user == user) {
            entries.remove(value);
        }
    }

    /// Ends the operations with a key.
    pub(super) fn forget(&self, id: &str) {
        self.lock().retain(|_, entry| entry.holder.key.as_ref().is_none_or(|(own, _)| own != id));
    }

    /// Ends the operations that took too long.
    pub(super) fn sweep(&self, now: Instant) {
        drop(self.current(now));
    }

    fn current(&self, now: Instant) -> MutexGuard<'_, HashMap<Vec<u8>, Entry>> {
        let mut entries = self.lock();
        entries.retain(|_, entry| {
            let since = |then| now.saturating_duration_since(then);
            since(entry.used) < IDLE && since(entry.began) < TOTAL
        });
        entries
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Data(data) => data.capacity(),
            Self::Hash(_) => 0,
            Self::Cipher(cipher) => cipher.bytes(),
        }
    }
}

impl Stream<'_> {
    /// Whether the operation has only one part.
    pub(super) fn is_whole(&self) -> bool {
        self.stage == Stage::Whole
    }

    /// Refuses an operation in several parts, which RSA does not encrypt.
    pub(super) fn check_whole(&self) -> Result<(), Error> {
        if self.is_whole() {
            return Ok(());
        }
        Err(CipherFault::Part("RSA encrypts in one request: leave the indicators out").into())
    }

    /// Whether this is a later part.
    pub(super) fn is_later(&self) -> bool {
        matches!(self.stage, Stage::Later(_))
    }

    /// Whether the caller chose the first input of a cipher.
    pub(super) fn began_chosen(&self) -> bool {
        matches!(&self.state, Some(State::Cipher(cipher)) if cipher.is_chosen())
    }

    /// Whether this is the last part.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// The state after the former part.
    ///
    /// # Errors
    /// It is not that of a cipher.
    pub(super) fn cipher(&mut self) -> Result<CipherStream, Error> {
        match self.state.take() {
            Some(State::Cipher(cipher)) => Ok(cipher),
            None | Some(State::Data(_) | State::Hash(_)) => Err(CipherFault::NoStream.into()),
        }
    }

    /// Keeps the state for the next part, and returns the correlation value.
    ///
    /// # Errors
    /// Too many operations are open, or hold too much data.
    pub(super) fn go_on(mut self, state: State) -> Result<Bytes, Error> {
        let value = self.streams.keep(&self, state)?;
        self.stage = Stage::Kept;
        Ok(value)
    }

    /// Collects the data of all parts.
    pub(super) fn gather(mut self, data: Option<Bytes>) -> Result<Gathered, Error> {
        let mut own = match (&self.stage, self.state.take()) {
            (Stage::Whole, _) => return data.ok_or(Error::Missing(Tag::Data)).map(Gathered::All),
            (_, None) => Zeroizing::default(),
            (_, Some(State::Data(own))) => own,
            (_, Some(State::Hash(_) | State::Cipher(_))) => return Err(CipherFault::NoStream.into()),
        };
        append(&mut own, data.as_deref().unwrap_or_default())?;
        if self.is_last {
            return Ok(Gathered::All(Bytes::from(std::mem::take(&mut *own))));
        }
        self.go_on(State::Data(own)).map(Gathered::Open)
    }

    /// Computes a hash of the data of all parts, unless there is only one. A request of several parts cannot have a digest
    /// that the caller made.
    pub(super) fn hash(
        mut self,
        digest: MessageDigest,
        data: Option<&Bytes>,
        digested: Option<&Bytes>,
    ) -> Result<Hashed, Error> {
        if digested.is_some() && !self.is_whole() {
            return Err(CipherFault::Part("DigestedData is signed in one request: leave the indicators out").into());
        }
        let failed = |error| Error::Internal(CustodyError::Hash(error));
        let mut hasher = match (&self.stage, self.state.take()) {
            (Stage::Whole, _) => return Ok(Hashed::Whole),
            (_, None) => Hasher::new(digest).map_err(failed)?,
            (_, Some(State::Hash(hasher))) => hasher,
            (_, Some(State::Data(_) | State::Cipher(_))) => return Err(CipherFault::NoStream.into()),
        };
        hasher.update(data.map(Bytes::as_slice).unwrap_or_default()).map_err(failed)?;
        if self.is_last {
            return Ok(Hashed::Done(hasher.finish().map_err(failed)?.to_vec()));
        }
        self.go_on(State::Hash(hasher)).map(Hashed::Open)
    }
}

impl Drop for Stream<'_> {
    /// The operation ends with its last part, and with a part that fails.
    fn drop(&mut self) {
        if let Stage::Later(value) = &self.stage {
            self.streams.lock().remove(value);
        }
    }
}
