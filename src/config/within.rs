//! The check of a number's bounds.

use std::ops::RangeInclusive;

use super::error::Error;

/// Returns the number if it is within its bounds.
///
/// # Errors
/// The number is out of bounds; `fault` names the bounds. clap checks the flag and the variable, but not the file.
pub(super) fn within<T: PartialOrd>(
    option: &'static str,
    number: T,
    bounds: &RangeInclusive<T>,
    fault: &'static str,
) -> Result<T, Error> {
    if bounds.contains(&number) { Ok(number) } else { Err(Error::Value { option, fault }) }
}
