//! Whether the token is well: asked of the token, and of what came of real calls.

use std::sync::Arc;
use std::time::Instant;

use claviger_pkcs11::{self as pkcs11, Device, Loss};

use super::error::Error;
use super::root::Roots;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::store::object::Class;

impl Custody {
    /// Whether token and root keys are there, asked of the token itself, and whether calls of the last seconds succeeded. What was
    /// lost and can be replaced at once is not a failure.
    ///
    /// # Errors
    /// What the token answered, or what failed.
    pub fn check(&self) -> Result<(), Error> {
        if self.hangs() {
            return Err(Error::Hangs);
        }
        self.look(|device| self.probe(device))?;
        self.refuse_failing(None)
    }

    /// The same, for those who must not wait for a call that never returns.
    ///
    /// # Errors
    /// Likewise.
    pub fn check_in_time(self: &Arc<Self>) -> Result<(), Error> {
        let custody = Arc::clone(self);
        self.in_time.run(move || custody.check())
    }

    /// The same without replacing anything, for the one who would have to; only what failed since `since` counts.
    pub(super) fn check_since(&self, since: Option<Instant>) -> Result<(), Error> {
        self.probe(&*self.device(HsmCall::Look)?)?;
        self.refuse_failing(since)
    }

    /// A glance at a token that nobody has complained of, at something else each turn: one call.
    pub(super) fn glance(&self, turn: usize) -> Result<(), Error> {
        let roots = self.roots();
        Ok(self.device(HsmCall::Look)?.glance(turn, &roots.keys())?)
    }

    /// After a failure the token also has to do what it is there for.
    fn probe(&self, device: &Device) -> Result<(), Error> {
        let roots = self.roots();
        device.check(&roots.keys())?;
        if self.outcomes.has_failures()
            && let Err(error) = self.exercise(device, &roots)
        {
            // If the token or the login was lost since, that is the error, and not that keys fail.
            device.check(&roots.keys())?;
            // Nor does it say anything of the device that others have all its sessions.
            return Err(if matches!(error, pkcs11::Error::Busy) {
                error.into()
            } else {
                Error::Failing(error.to_string())
            });
        }
        Ok(())
    }

    /// Twice, if need be: what is lost once in it says as little as what any call loses once.
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

    /// Whether a call does not return. Then the module cannot be finalized, and only another process gets a new one.
    pub(super) fn hangs(&self) -> bool {
        self.under_way.overdue() > 0
    }
}
