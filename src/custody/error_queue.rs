//! The queue of OpenSSL errors that each thread has.

/// Empties this thread's queue of OpenSSL errors when dropped.
///
/// A module that uses OpenSSL itself, such as SoftHSM, leaves errors in the queue even when it succeeds. The next read
/// of a TLS connection on this thread would take them for its own: SSL_get_error(3) requires an empty queue.
pub(super) struct Errors;

impl Drop for Errors {
    fn drop(&mut self) {
        let _ = openssl::error::ErrorStack::get();
    }
}
