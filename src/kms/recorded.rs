//! Records of operations.

use super::call::Call;
use super::error::Error;
use super::gate::Kms;

impl Kms {
    /// Performs an operation that passes the gate. It begins only if the audit log can be written, and its records are
    /// written before the answer.
    pub(super) fn recorded<T>(&self, call: &Call<'_>, perform: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.begin(call)?;
        let answer = perform();
        self.conclude(call, answer)
    }

    /// Fails if the request has ended, or if the audit log cannot be written.
    pub(super) fn begin(&self, call: &Call<'_>) -> Result<(), Error> {
        call.go_on()?;
        self.can_record()
    }

    /// Records the outcome of calls that belong to one request, of which all succeed or none.
    pub(super) fn conclude_all<T>(&self, calls: &[Call<'_>], answer: Result<T, Error>) -> Result<T, Error> {
        let failure = answer.as_ref().err().map(ToString::to_string);
        for record in calls.iter().flat_map(|call| call.uses(failure.as_deref())) {
            self.note(record)?;
        }
        answer
    }

    /// Records the outcome of an operation, after its change is committed.
    pub(super) fn conclude<T>(&self, call: &Call<'_>, answer: Result<T, Error>) -> Result<T, Error> {
        let failure = answer.as_ref().err().map(ToString::to_string);
        for record in call.uses(failure.as_deref()) {
            self.note(record)?;
        }
        answer
    }
}
