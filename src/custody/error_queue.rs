//! The queue of OpenSSL errors that each thread has.

/// Empties this thread's queue of OpenSSL errors when dropped.
///
/// A module that is built on OpenSSL itself, as SoftHSM is, leaves its errors there even when it succeeds, and
/// the next read of a TLS connection on this thread would take them for its own: SSL_get_error(3) asks for an
/// empty queue.
pub(super) struct Errors;

impl Drop for Errors {
    fn drop(&mut self) {
        let _ = openssl::error::ErrorStack::get();
    }
}
