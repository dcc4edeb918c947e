//! The lifecycle of an object: its state as a function of its dates and of the time (KMIP 2.1, section 4.57).

use super::attributes::Attributes;
use super::enumerations::{RevocationReasonCode, State};
use super::ttlv::DateTime;

/// The dates that determine the state of an object and its uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// The time from which a Pre-Active object is Active.
    pub activation: Option<DateTime>,
    /// The time before which the object processes nothing (section 4.40).
    pub process_start: Option<DateTime>,
    /// The time from which the object protects nothing (section 4.41).
    pub protect_stop: Option<DateTime>,
    /// The time from which an Active object is Deactivated.
    pub deactivation: Option<DateTime>,
}

impl Dates {
    /// Returns the dates among an object's attributes.
    #[must_use]
    pub fn of(attributes: &Attributes) -> Self {
        Self {
            activation: attributes.activation_date,
            process_start: attributes.process_start_date,
            protect_stop: attributes.protect_stop_date,
            deactivation: attributes.deactivation_date,
        }
    }
}

/// A use of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Applying protection: encrypt, sign, wrap, generate a MAC, derive.
    Protect,
    /// Processing protected data: decrypt, verify, unwrap, verify a MAC.
    Process,
}

/// The reason why an object may not be used or changed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its state does not permit it.
    #[error("the object is in state {0}")]
    State(State),
    /// Its Process Start Date is not reached.
    #[error("the Process Start Date of the object is not reached")]
    BeforeProcessStart,
    /// Its Protect Stop Date has passed.
    #[error("the Protect Stop Date of the object has passed")]
    AfterProtectStop,
}

/// Returns the state at a time. Starts from the stored state, and applies the dates that were reached in the meantime
/// (transitions 4 and 6).
#[must_use]
pub fn effective(stored: State, dates: &Dates, now: DateTime) -> State {
    let reached = |date: Option<DateTime>| date.is_some_and(|date| date <= now);
    let state = match stored {
        State::PreActive if reached(dates.activation) => State::Active,
        other => other,
    };
    match state {
        State::Active if reached(dates.deactivation) => State::Deactivated,
        other => other,
    }
}

/// Checks whether an object in this effective state may be used for this purpose.
///
/// A Deactivated or Compromised object may still process. The standard requires a special permission for that, and lets
/// the server define it.
pub fn permit(state: State, dates: &Dates, purpose: Use, now: DateTime) -> Result<(), Refusal> {
    match (state, purpose) {
        (State::Active, Use::Protect) => match dates.protect_stop {
            Some(stop) if stop <= now => Err(Refusal::AfterProtectStop),
            _ => Ok(()),
        },
        (State::Active | State::Deactivated | State::Compromised, Use::Process) => match dates.process_start {
            Some(start) if now < start => Err(Refusal::BeforeProcessStart),
            _ => Ok(()),
        },
        (other, _) => Err(Refusal::State(other)),
    }
}

/// Returns the state after Activate (section 6.1.1).
pub fn activate(state: State) -> Result<State, Refusal> {
    match state {
        State::PreActive => Ok(State::Active),
        other => Err(Refusal::State(other)),
    }
}

/// Returns the state after Revoke (section 6.1.44, transitions 3, 5, 6, 8 and 10).
pub fn revoke(state: State, reason: RevocationReasonCode) -> Result<State, Refusal> {
    match (is_compromise(reason), state) {
        (true, State::PreActive | State::Active | State::Deactivated) => Ok(State::Compromised),
        (true, State::Destroyed) => Ok(State::DestroyedCompromised),
        (false, State::Active) => Ok(State::Deactivated),
        (_, other) => Err(Refusal::State(other)),
    }
}

/// Whether a revocation with this reason makes an object Compromised.
#[must_use]
pub fn is_compromise(reason: RevocationReasonCode) -> bool {
    matches!(reason, RevocationReasonCode::KeyCompromise | RevocationReasonCode::CACompromise)
}

/// Returns the state after the destruction of an object that need not be revoked first.
#[must_use]
pub fn end(state: State) -> State {
    match state {
        State::Compromised | State::DestroyedCompromised => State::DestroyedCompromised,
        _ => State::Destroyed,
    }
}

/// Returns the state after Destroy (section 6.1.15, transitions 2, 7 and 9).
pub fn destroy(state: State) -> Result<State, Refusal> {
    match state {
        State::PreActive | State::Deactivated => Ok(State::Destroyed),
        State::Compromised => Ok(State::DestroyedCompromised),
        other => Err(Refusal::State(other)),
    }
}

#[cfg(test)]
#[path = "state/tests.rs"]
mod tests;
