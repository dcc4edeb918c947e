//! The check of a number's bounds.

use std::ops::RangeInclusive;

use super::error::Error;

/// A number within its bounds; `unit` follows them in the error.
///
/// # Errors
/// It is not: clap has looked at flag and environment, but not at the file.
pub(super) fn within<T: Copy + PartialOrd + TryInto<u64>>(
    option: &'static str,
    number: T,
    bounds: &RangeInclusive<T>,
    unit: &'static str,
) -> Result<T, Error> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let [value, least, most] = [number, *bounds.start(), *bounds.end()].map(|own| own.try_into().unwrap_or(u64::MAX));
    Err(Error::OutOfRange { option, value, least, most, unit })
}
