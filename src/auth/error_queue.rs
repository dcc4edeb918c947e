//! OpenSSL's error queue.

use openssl::error::ErrorStack;

/// Empties OpenSSL's error queue of this thread. To be called after a check that fails without an error of its own,
/// because the errors in the queue would be taken for a failure of the connection that the thread reads next.
pub(super) fn discard_errors() {
    let _ = ErrorStack::get();
}
