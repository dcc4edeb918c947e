//! Checks of the token: by calls of the token, and by the outcomes of real calls.

use std::sync::Arc;
use std::time::Instant;

use claviger_pkcs11::{self as pkcs11, Device, Loss};

use super::error::Error;
use super::root::Roots;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::Class;

impl Custody {
    /// Checks that the token and the root keys are present, by calls of the token, and that the calls of the last
    /// seconds succeeded. A loss that can be replaced at once is not a failure.
    ///
    /// # Errors
    /// The error of the token, or the last failure of a call.
    pub fn check(&self) -> Result<(), Error> {
        if self.hangs() {
            return Err(Error::Hangs);
        }
        self.look(|device| self.probe(device))?;
        self.refuse_failing(None)
    }

    /// The same, for threads that must not wait for a call that never returns.
    ///
    /// # Errors
    /// Those of [`Self::check`]; [`Error::Hangs`] if the check does not end in time.
    pub fn check_in_time(self: &Arc<Self>) -> Result<(), Error> {
        let custody = Arc::clone(self);
        self.in_time.run(move || custody.check())
    }

    /// The same without replacing anything, for the owner, which does that. Only failures after `since` count.
    pub(super) fn check_since(&self, since: Option<Instant>) -> Result<(), Error> {
        self.probe(&*self.device(HsmCall::Look)?)?;
        self.refuse_failing(since)
    }

    /// Checks a token of which no call reported a failure, by one call. Each turn checks something else.
    pub(super) fn glance(&self, turn: usize) -> Result<(), Error> {
        let roots = self.roots();
        Ok(self.device(HsmCall::Look)?.glance(turn, &roots.keys())?)
    }

    /// Checks token and root keys. After a failure, the token must also encrypt and make MACs.
    fn probe(&self, device: &Device) -> Result<(), Error> {
        let roots = self.roots();
        device.check(&roots.keys())?;
        if self.outcomes.has_failures()
            && let Err(error) = self.exercise(device, &roots)
        {
            // If the token or the login was lost since, that is the error to report, and not that keys fail.
            device.check(&roots.keys())?;
            // Other calls hold all the sessions, which proves nothing about the device.
            return Err(if matches!(error, pkcs11::Error::Busy) {
                error.into()
            } else {
                Error::Failing(error.to_string())
            });
        }
        Ok(())
    }

    /// Tries up to twice, because any call may lose something once.
    fn exercise(&self, device: &Device, roots: &Roots) -> Result<(), pkcs11::Error> {
        let exercise = || device.exercise(roots.kek(Class::Sealing).map(|kek| &kek.key), roots.binding());
        exercise().or_else(|error| {
            if error.loss() == Some(Loss::Room) {
                self.free_room(device, 0);
            }
            exercise()
        })
    }

    fn refuse_failing(&self, since: Option<Instant>) -> Result<(), Error> {
        self.outcomes.failing(since).map_or(Ok(()), |last| Err(Error::Failing(last)))
    }

    /// Whether a call does not return. The module then cannot be finalized, and the server must be restarted.
    pub(super) fn hangs(&self) -> bool {
        self.under_way.overdue() > 0
    }
}
