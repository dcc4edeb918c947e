//! Usage Limits (KMIP 2.1 section 4.59): how many units each key may still protect. Units are counted in the database
//! before the key is used, so that a key never protects more than its limit, also across restarts and power failures.

use super::super::attribute_fault::AttributeFault;
use super::super::disabled;
use super::super::error::Error;
use super::super::lifecycle_fault::LifecycleFault;
use super::super::object::{Object, is_destroyed};
use super::service::{Allowance, Grant, Kms, NewGrant, Usable};
use crate::kmip::attributes::UsageLimits;
use crate::kmip::enumerations::UsageLimitsUnit;
use crate::kmip::state::{self, Dates, Use};
use crate::kmip::{AttributeReference, Attributes, Tag, UsageMask};
use crate::store::usage_limit::{self, UsageLimit};
use crate::store::{self, Command};
use crate::turns::retry;

/// The uses of a key that protect data.
const PROTECTING: [UsageMask; 5] =
    [UsageMask::ENCRYPT, UsageMask::SIGN, UsageMask::MAC_GENERATE, UsageMask::WRAP_KEY, UsageMask::DERIVE_KEY];

impl Kms {
    /// The number of units that are left of an object with Usage Limits; `None` if it has none.
    ///
    /// # Errors
    /// The row of the count was changed in the database.
    pub(super) fn units_left(&self, object: &Object) -> Result<Option<i64>, Error> {
        // The count of a destroyed object is gone.
        if object.attributes.usage_limits.is_none() || is_destroyed(object.attributes.state) {
            return Ok(None);
        }
        match self.usage_limit(&object.id)? {
            Some(row) => Ok(Some(row.left)),
            None => self.check_unlimited(&object.id).map(|()| None),
        }
    }

    /// The row of the count, if its binding is correct.
    fn usage_limit(&self, id: &str) -> Result<Option<UsageLimit>, Error> {
        match usage_limit::find(&self.store, id)? {
            Some(row) if row.left < 0 || !self.custody.is_bound(&row.bound(), &row.binding)? => {
                Err(refused(id, "was changed or exchanged"))
            }
            found => Ok(found),
        }
    }

    /// Refuses an object without a count whose row says that it has limits. If another call has just removed them, it
    /// has none now.
    fn check_unlimited(&self, id: &str) -> Result<(), Error> {
        match self.read(id)? {
            Some((object, _)) if object.attributes.usage_limits.is_some() => Err(refused(id, "was removed")),
            _ => Ok(()),
        }
    }

    /// Counts units of an object with Usage Limits; they are on disk when this returns. Simultaneous requests are counted
    /// in one write.
    fn take_units(&self, id: &str, units: i64) -> Result<(), Error> {
        // No identifier of an object contains a space, so this name is unique.
        let allowance = self.allowances.ask(&self.turns, &format!("usage {id}"), units, |wanted| {
            let mut answers = retry(Error::Contention, || self.count_units(id, &wanted))?.into_iter();
            Ok::<_, Error>(move || answers.next().unwrap_or(Allowance::Exceeded))
        })?;
        match allowance {
            Allowance::Granted => Ok(()),
            Allowance::Exceeded => Err(LifecycleFault::UsageLimit { id: id.to_owned(), units }.into()),
            Allowance::Uncounted => self.check_unlimited(id),
        }
    }

    /// Counts each request in turn, as far as units are left; `None` if the row has changed meanwhile.
    fn count_units(&self, id: &str, wanted: &[i64]) -> Result<Option<Vec<Allowance>>, Error> {
        let Some(before) = self.usage_limit(id)? else {
            return Ok(Some(vec![Allowance::Uncounted; wanted.len()]));
        };
        let mut left = before.left;
        let mut count = |units: &i64| {
            let rest = left.checked_sub(*units).filter(|rest| *rest >= 0 && *units > 0);
            left = rest.unwrap_or(left);
            if rest.is_some() { Allowance::Granted } else { Allowance::Exceeded }
        };
        let answers = wanted.iter().map(&mut count).collect();
        if left == before.left {
            return Ok(Some(answers));
        }
        match self.store.write(self.bound_limit(id, left)?.update(before.left)) {
            Ok(()) => Ok(Some(answers)),
            Err(store::Error::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn bound_limit(&self, id: &str, left: i64) -> Result<UsageLimit, Error> {
        let row = UsageLimit { object: id.to_owned(), left, binding: Vec::new() };
        Ok(UsageLimit { binding: self.custody.bind(&row.bound())?, ..row })
    }

    /// The change of the count that belongs to a new object, or to a new version of `former`. Limits that change are
    /// limits of which nothing was used; otherwise the command fails.
    pub(super) fn count_of(&self, object: &Object, former: Option<&Object>, is_gone: bool) -> Result<Command, Error> {
        let own = object.attributes.usage_limits.as_ref().filter(|_| !is_gone);
        let before = former.and_then(|former| former.attributes.usage_limits.as_ref());
        let id = &object.id;
        Ok(match (before, own) {
            (None, None) => Command::all([]),
            (None, Some(own)) => self.bound_limit(id, own.total)?.insert(),
            (Some(_), None) if is_gone => usage_limit::remove(id.clone()),
            (Some(before), None) => usage_limit::remove_unused(id.clone(), before.total),
            (Some(before), Some(own)) if before == own => Command::all([]),
            (Some(before), Some(own)) => self.bound_limit(id, own.total)?.update(before.total),
        })
    }
}

impl Usable<'_> {
    /// Counts the protection of `bytes` bytes against the Usage Limits of the key, if it has any. Called once for each
    /// operation, after everything that the request could be refused for was checked.
    pub(in crate::kms) fn use_up(&self, bytes: usize) -> Result<(), Error> {
        let Some(limits) = &self.0.object.attributes.usage_limits else { return Ok(()) };
        let units = match limits.unit {
            UsageLimitsUnit::Byte => i64::try_from(bytes).unwrap_or(i64::MAX).max(1),
            UsageLimitsUnit::Object => 1,
        };
        self.0.kms.take_units(&self.0.object.id, units)
    }

    /// Notes that this key wraps another, and counts it.
    pub(super) fn note_wrapping(&self, wrapped: &Object) -> Result<(), Error> {
        self.0.note_use();
        self.use_up(wrapped.bytes())
    }

    /// Counts a later part of an operation in several parts, which is one object.
    pub(in crate::kms) fn go_on_using_up(&self, bytes: usize) -> Result<(), Error> {
        match &self.0.object.attributes.usage_limits {
            Some(limits) if limits.unit == UsageLimitsUnit::Byte && bytes > 0 => self.use_up(bytes),
            _ => Ok(()),
        }
    }
}

impl Grant<'_> {
    /// These attributes of the object with the count of its Usage Limits.
    pub(super) fn counted(&self, mut attributes: Attributes) -> Result<Attributes, Error> {
        if let Some(limits) = &mut attributes.usage_limits {
            limits.count = self.kms.units_left(&self.object)?;
        }
        Ok(attributes)
    }

    /// The attributes of the present version of the object, with the count. What an earlier item of the same message
    /// sets has no count yet.
    pub(in crate::kms) fn counted_of(&self, present: &Object) -> Result<Attributes, Error> {
        let mut attributes = present.attributes.clone();
        if let Some(limits) = &mut attributes.usage_limits {
            let is_waiting = self.call.uncommitted.get(&present.id).is_some();
            limits.count = if is_waiting { Some(limits.total) } else { self.kms.units_left(present)? };
        }
        Ok(attributes)
    }

    /// The number of units that are left; `None` if the key may be used without a limit.
    pub(in crate::kms) fn units_left(&self) -> Result<Option<i64>, Error> {
        self.kms.units_left(&self.object)
    }

    /// Gives units to a client that uses the key outside of the server.
    ///
    /// # Errors
    /// The key has no limits, cannot protect anything now, or fewer units are left.
    pub(in crate::kms) fn allocate(&self, units: i64) -> Result<(), Error> {
        let (object, now) = (&self.object, self.call.now);
        self.call.uncommitted.check_keyed(&object.id)?;
        object.kind.check_key()?;
        disabled::check(object)?;
        if object.attributes.usage_limits.is_none() {
            return Err(AttributeFault::NotFound(AttributeReference::Tag(Tag::UsageLimits)).into());
        }
        if !PROTECTING.into_iter().any(|mask| object.permits(mask)) {
            return Err(Error::UsageMask("a use that protects data"));
        }
        state::permit(object.state(now), &Dates::of(&object.attributes), Use::Protect, now)?;
        self.kms.take_units(&object.id, units)
    }
}

impl NewGrant<'_> {
    /// The count of a new object.
    pub(super) fn count_of(&self, object: &Object) -> Result<Command, Error> {
        self.kms.count_of(object, None, false)
    }
}

/// Checks the Usage Limits that a client gives, and leaves out the count, which only the server keeps.
pub(in crate::kms) fn settle(limits: Option<&mut UsageLimits>) -> Result<(), Error> {
    let Some(limits) = limits else { return Ok(()) };
    limits.count = None;
    if limits.total < 1 {
        Err(Error::Invalid { tag: Tag::UsageLimitsTotal, fault: "it must be at least 1" })
    } else {
        Ok(())
    }
}

fn refused(id: &str, why: &str) -> Error {
    tracing::error!(id, "ROW REFUSED: the row of usage_limit that counts the units of the key {why} in the database");
    Error::Integrity(id.to_owned())
}
