use super::*;
use State::{Active, Compromised, Deactivated, Destroyed, DestroyedCompromised, PreActive};

const NOW: DateTime = DateTime(1000);
const BEFORE: Option<DateTime> = Some(DateTime(999));
const AFTER: Option<DateTime> = Some(DateTime(1001));

#[test]
fn dates_take_effect_when_they_are_reached() {
    // stored, activation, deactivation, effective
    let table = [
        (PreActive, None, None, PreActive),
        (PreActive, AFTER, None, PreActive),
        (PreActive, Some(NOW), None, Active),
        (PreActive, BEFORE, None, Active),
        (PreActive, BEFORE, AFTER, Active),
        (PreActive, BEFORE, Some(NOW), Deactivated),
        (PreActive, None, BEFORE, PreActive),
        (PreActive, AFTER, BEFORE, PreActive),
        (Active, None, None, Active),
        (Active, AFTER, None, Active),
        (Active, BEFORE, AFTER, Active),
        (Active, BEFORE, BEFORE, Deactivated),
        (Active, None, Some(NOW), Deactivated),
        (Deactivated, BEFORE, AFTER, Deactivated),
        (Compromised, BEFORE, BEFORE, Compromised),
        (Destroyed, BEFORE, BEFORE, Destroyed),
        (DestroyedCompromised, BEFORE, BEFORE, DestroyedCompromised),
    ];
    for (stored, activation, deactivation, expected) in table {
        let dates = Dates { activation, deactivation, ..Dates::default() };
        assert_eq!(effective(stored, &dates, NOW), expected, "{stored} {dates:?}");
    }
}

#[test]
fn states_permit_their_uses() {
    // state, protect, process
    let table = [
        (PreActive, false, false),
        (Active, true, true),
        (Deactivated, false, true),
        (Compromised, false, true),
        (Destroyed, false, false),
        (DestroyedCompromised, false, false),
    ];
    for (state, protect, process) in table {
        let expected = |permitted: bool| {
            if permitted { Ok(()) } else { Err(Refusal::State(state)) }
        };
        assert_eq!(permit(state, &Dates::default(), Use::Protect, NOW), expected(protect), "{state}");
        assert_eq!(permit(state, &Dates::default(), Use::Process, NOW), expected(process), "{state}");
    }
}

#[test]
fn start_and_stop_dates_bound_the_uses() {
    // process start, protect stop, protect, process
    let early = Err(Refusal::BeforeProcessStart);
    let late = Err(Refusal::AfterProtectStop);
    let table = [
        (None, None, Ok(()), Ok(())),
        (AFTER, None, Ok(()), early),
        (Some(NOW), None, Ok(()), Ok(())),
        (BEFORE, AFTER, Ok(()), Ok(())),
        (None, Some(NOW), late, Ok(())),
        (AFTER, BEFORE, late, early),
    ];
    for (process_start, protect_stop, protect, process) in table {
        let dates = Dates { process_start, protect_stop, ..Dates::default() };
        assert_eq!(permit(Active, &dates, Use::Protect, NOW), protect, "{dates:?}");
        assert_eq!(permit(Active, &dates, Use::Process, NOW), process, "{dates:?}");
        for state in [Deactivated, Compromised] {
            assert_eq!(permit(state, &dates, Use::Protect, NOW), Err(Refusal::State(state)));
            assert_eq!(permit(state, &dates, Use::Process, NOW), process);
        }
    }
}

#[test]
fn only_the_transitions_of_the_standard_are_made() {
    // state, activate, revoke for compromise, revoke for another reason, destroy
    let table = [
        (PreActive, Some(Active), Some(Compromised), None, Some(Destroyed)),
        (Active, None, Some(Compromised), Some(Deactivated), None),
        (Deactivated, None, Some(Compromised), None, Some(Destroyed)),
        (Compromised, None, None, None, Some(DestroyedCompromised)),
        (Destroyed, None, Some(DestroyedCompromised), None, None),
        (DestroyedCompromised, None, None, None, None),
    ];
    for (state, activated, compromised, revoked, destroyed) in table {
        let expected = |next: Option<State>| next.ok_or(Refusal::State(state));
        assert_eq!(activate(state), expected(activated), "{state}");
        assert_eq!(destroy(state), expected(destroyed), "{state}");
        for reason in RevocationReasonCode::ALL {
            let next = if is_compromise(*reason) { compromised } else { revoked };
            assert_eq!(revoke(state, *reason), expected(next), "{state} {reason}");
        }
    }
}
