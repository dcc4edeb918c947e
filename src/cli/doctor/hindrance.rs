//! What hinders the use of an object besides a lack of rights: its kind, its usage mask, its state and its dates.

use crate::cli::named::KEYS;
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::state::{Dates, Refusal, Use, permit};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UsageMask};
use crate::{kms, x509};

/// A reason why an operation would be refused, with what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hindrance {
    /// The reason, as the rest of a sentence about the operation.
    pub(super) why: String,
    /// What to do.
    pub(super) remedy: String,
    /// Whether the object was never for this operation.
    pub(super) is_of_kind: bool,
}

/// Returns the purpose for which an operation uses a key, and the usage that the mask must permit.
pub(super) fn purpose(operation: &str) -> Option<(Use, UsageMask)> {
    Some(match Operation::from_name(operation)? {
        Operation::Encrypt => (Use::Protect, UsageMask::ENCRYPT),
        Operation::Decrypt => (Use::Process, UsageMask::DECRYPT),
        Operation::Sign => (Use::Protect, UsageMask::SIGN),
        Operation::SignatureVerify => (Use::Process, UsageMask::VERIFY),
        Operation::MAC => (Use::Protect, UsageMask::MAC_GENERATE),
        Operation::MACVerify => (Use::Process, UsageMask::MAC_VERIFY),
        Operation::DeriveKey => (Use::Protect, UsageMask::DERIVE_KEY),
        _ => return None,
    })
}

/// Returns what hinders an operation on an object with these attributes, which are those of the answer of Get Attributes
/// at the time `now`.
pub(super) fn hindrance(operation: &str, id: &str, attributes: &Attributes, now: DateTime) -> Option<Hindrance> {
    let state = attributes.state.unwrap_or(State::Active);
    if let State::Destroyed | State::DestroyedCompromised = state {
        return hindered(format!("it is {state}"), "name another key".to_owned());
    }
    let used = purpose(operation);
    let is_given_out = matches!(Operation::from_name(operation), Some(Operation::Get | Operation::Export));
    if kms::is_disabled(attributes) && (used.is_some() || is_given_out) {
        let remedy = format!("have it enabled: isDisabled false to PATCH /api/v1/kms/keys/{id}");
        return hindered("it is disabled".to_owned(), remedy);
    }
    let Some((purpose, usage)) = used else { return of_the_rest(operation, id, attributes, state) };
    let object_type = attributes.object_type.filter(|own| !KEYS.contains(own));
    if let Some(object_type) = object_type {
        let (why, remedy) = (format!("it is a {object_type}, which no operation uses"), "name a key".to_owned());
        return Some(Hindrance { why, remedy, is_of_kind: true });
    }
    let mask = attributes.cryptographic_usage_mask.unwrap_or_default();
    if !mask.contains(usage) && !mask.contains(UsageMask::UNRESTRICTED) {
        let uses: Vec<&str> = mask.names().collect();
        let uses = if uses.is_empty() { "nothing".to_owned() } else { uses.join(", ") };
        let why = format!("its Cryptographic Usage Mask permits only {uses}");
        let wanted = usage.names().next().unwrap_or_default();
        let remedy = format!("name a key whose mask has {wanted}: claviger keys create --usage");
        return Some(Hindrance { why, remedy, is_of_kind: true });
    }
    let is_used_up = attributes.usage_limits.as_ref().is_some_and(|limits| limits.count == Some(0));
    if is_used_up && purpose == Use::Protect {
        let remedy = format!("use another key: claviger keys rekey {id} makes its successor");
        return hindered("its Usage Limits are used up".to_owned(), remedy);
    }
    of_the_time(id, attributes, state, purpose, now)
}

/// Returns what hinders a use now.
fn of_the_time(id: &str, attributes: &Attributes, state: State, purpose: Use, now: DateTime) -> Option<Hindrance> {
    let dates = Dates::of(attributes);
    let refusal = permit(state, &dates, purpose, now).err()?;
    let at = |date: Option<DateTime>| date.map(|date| x509::date(date.0)).unwrap_or_default();
    match refusal {
        Refusal::State(State::PreActive) => {
            let later = dates
                .activation
                .map_or_else(String::new, |date| format!(", or wait: it becomes Active on {}", x509::date(date.0)));
            hindered("it is PreActive".to_owned(), format!("activate it: claviger keys activate {id}{later}"))
        }
        Refusal::State(state) => hindered(format!("it is {state}"), "use another key: claviger keys create".to_owned()),
        Refusal::BeforeProcessStart => hindered(
            format!("its Process Start Date is not reached: {}", at(dates.process_start)),
            "wait until then".to_owned(),
        ),
        Refusal::AfterProtectStop => hindered(
            format!("its Protect Stop Date has passed: {}", at(dates.protect_stop)),
            format!("use another key: claviger keys rekey {id} makes its successor"),
        ),
    }
}

/// Returns what hinders an operation that does not use a key.
fn of_the_rest(operation: &str, id: &str, attributes: &Attributes, state: State) -> Option<Hindrance> {
    match Operation::from_name(operation)? {
        Operation::Get | Operation::Export if attributes.extractable == Some(false) => Some(Hindrance {
            why: "it never leaves the HSM (Extractable is false)".to_owned(),
            remedy: "use it where it is, or create a key with --exportable".to_owned(),
            is_of_kind: true,
        }),
        Operation::Activate if state != State::PreActive => {
            hindered(format!("it is {state}"), "only a Pre-Active key is activated".to_owned())
        }
        Operation::Revoke if state == State::Compromised => {
            hindered("it is Compromised".to_owned(), format!("destroy it: claviger keys destroy {id}"))
        }
        _ => None,
    }
}

fn hindered(why: String, remedy: String) -> Option<Hindrance> {
    Some(Hindrance { why, remedy, is_of_kind: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::enumerations::ObjectType;

    const NOW: DateTime = DateTime(1_000);

    fn key(change: impl FnOnce(&mut Attributes)) -> Attributes {
        let mut attributes = Attributes {
            object_type: Some(ObjectType::SymmetricKey),
            state: Some(State::Active),
            cryptographic_usage_mask: Some(UsageMask::ENCRYPT | UsageMask::DECRYPT),
            ..Attributes::default()
        };
        change(&mut attributes);
        attributes
    }

    #[test]
    fn what_hinders_is_named() {
        let why = |operation: &str, attributes: &Attributes| {
            hindrance(operation, "k", attributes, NOW).map(|found| (found.why, found.is_of_kind))
        };
        let good = key(|_| {});
        for operation in ["encrypt", "Encrypt", "decrypt", "get", "revoke", "destroy"] {
            assert_eq!(why(operation, &good), None, "{operation}");
        }
        let at = |seconds| Some(DateTime(seconds));
        let cases = [
            ("mac", good.clone(), "its Cryptographic Usage Mask permits only Encrypt, Decrypt", true),
            ("encrypt", key(|own| own.state = Some(State::PreActive)), "it is PreActive", false),
            ("decrypt", key(|own| own.state = Some(State::PreActive)), "it is PreActive", false),
            ("encrypt", key(|own| own.state = Some(State::Deactivated)), "it is Deactivated", false),
            ("get", key(|own| own.state = Some(State::Destroyed)), "it is Destroyed", false),
            ("get", key(|own| own.extractable = Some(false)), "it never leaves the HSM (Extractable is false)", true),
            (
                "encrypt",
                key(|own| own.protect_stop_date = at(1_000)),
                "its Protect Stop Date has passed: 1970-01-01T00:16:40Z",
                false,
            ),
            (
                "decrypt",
                key(|own| own.process_start_date = at(1_001)),
                "its Process Start Date is not reached: 1970-01-01T00:16:41Z",
                false,
            ),
            (
                "encrypt",
                key(|own| own.object_type = Some(ObjectType::SecretData)),
                "it is a SecretData, which no operation uses",
                true,
            ),
        ];
        for (operation, attributes, expected, is_of_kind) in cases {
            assert_eq!(why(operation, &attributes), Some((expected.to_owned(), is_of_kind)), "{operation}");
        }
        for (operation, state) in [("decrypt", State::Deactivated), ("decrypt", State::Compromised)] {
            assert_eq!(why(operation, &key(|own| own.state = Some(state))), None, "{state}");
        }
        assert_eq!(why("mac", &key(|own| own.cryptographic_usage_mask = Some(UsageMask::UNRESTRICTED))), None);
    }
}
