//! OpenSSL's error queue.

use openssl::error::ErrorStack;

/// Empties OpenSSL's error queue of this thread after a check that says no without an error of its own. What stays there
/// is taken for the failure of whichever connection the thread reads next.
pub(super) fn discard_errors() {
    let _ = ErrorStack::get();
}
