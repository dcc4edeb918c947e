//! Adjustment of values (KMIP 2.1, sections 6.1.3 and 11.1).

use super::super::enumerations::AdjustmentType;
use super::super::error::{Error, Fault};
use super::super::mask;
use super::super::tag::Tag;
use super::super::ttlv::{Interval, Item, Value};
use super::single::{value_of, with_value};
use super::{AttributeReference, DateTime, SingleAttribute, VendorAttribute, VendorReference};

impl SingleAttribute {
    /// The value from which an attribute that the object does not have is adjusted: 0 for numbers and intervals, false
    /// for truth values. A vendor attribute takes its type from the amount. `None` if there is no such value.
    #[must_use]
    pub fn zero(reference: &AttributeReference, amount: Option<&Value>) -> Option<Self> {
        let item = match reference {
            AttributeReference::Tag(Tag::ProtectionPeriod) => Item::new(Tag::ProtectionPeriod, Interval(0)),
            AttributeReference::Tag(Tag::QuantumSafe) => Item::new(Tag::QuantumSafe, false),
            AttributeReference::Tag(_) => return None,
            AttributeReference::Vendor(VendorReference { vendor_identification, name }) => {
                let value = match amount? {
                    Value::Integer(_) => Value::Integer(0),
                    Value::LongInteger(_) => Value::LongInteger(0),
                    Value::Interval(_) => Value::Interval(Interval(0)),
                    _ => return None,
                };
                let (vendor_identification, name) = (vendor_identification.clone(), name.clone());
                Item::new(Tag::Attribute, VendorAttribute { vendor_identification, name, value })
            }
        };
        Self::of(item).ok()
    }

    /// The instance with its value adjusted. The amount is 1 if it is absent; for times it is in seconds, or in
    /// microseconds for the extended ones.
    ///
    /// # Errors
    /// The value cannot be adjusted in this way, or the result is out of the range of its type.
    pub fn adjusted(&self, adjustment: AdjustmentType, amount: Option<&Value>) -> Result<Self, Error> {
        let item = self.item();
        // The bits of a mask are not a number.
        if mask::carried_by(item.tag).is_some() {
            return Err(Fault::NotAdjustable.into());
        }
        let value = match adjustment {
            AdjustmentType::Negate => negated(value_of(item))?,
            AdjustmentType::Increment => moved(value_of(item), size(amount)?)?,
            AdjustmentType::Decrement => moved(value_of(item), size(amount)?.checked_neg().ok_or(Fault::OutOfRange)?)?,
        };
        Self::of(with_value(item, value))
    }
}

/// The amount as a number.
fn size(amount: Option<&Value>) -> Result<i64, Error> {
    match amount {
        None => Ok(1),
        Some(Value::Integer(number)) => Ok(i64::from(*number)),
        Some(Value::LongInteger(number)) => Ok(*number),
        Some(Value::Interval(Interval(seconds))) => Ok(i64::from(*seconds)),
        Some(Value::Invalid(fault)) => Err(Error::from(Fault::clone(fault)).within(Tag::AdjustmentValue)),
        Some(_) => Err(Error::from(Fault::NotAdjustable).within(Tag::AdjustmentValue)),
    }
}

fn negated(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Boolean(truth) => Ok(Value::Boolean(!truth)),
        Value::Integer(number) => number.checked_neg().map(Value::Integer).ok_or(Fault::OutOfRange),
        Value::LongInteger(number) => number.checked_neg().map(Value::LongInteger).ok_or(Fault::OutOfRange),
        _ => Err(Fault::NotAdjustable),
    }
}

fn moved(value: &Value, by: i64) -> Result<Value, Fault> {
    let sum = |number: i64| number.checked_add(by).ok_or(Fault::OutOfRange);
    match value {
        Value::Integer(number) => {
            i32::try_from(sum(i64::from(*number))?).map(Value::Integer).map_err(|_| Fault::OutOfRange)
        }
        Value::LongInteger(number) => sum(*number).map(Value::LongInteger),
        Value::Interval(Interval(seconds)) => {
            let seconds = u32::try_from(sum(i64::from(*seconds))?).map_err(|_| Fault::OutOfRange)?;
            Ok(Value::Interval(Interval(seconds)))
        }
        Value::DateTime(DateTime(seconds)) => sum(*seconds).map(|seconds| Value::DateTime(DateTime(seconds))),
        Value::DateTimeExtended(microseconds) => sum(*microseconds).map(Value::DateTimeExtended),
        _ => Err(Fault::NotAdjustable),
    }
}
