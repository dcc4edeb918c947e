//! Numbers within bounds.

use std::ops::RangeInclusive;

use super::error::Error;

/// A number within its bounds.
///
/// # Errors
/// It is not, and `fault` says what they are: clap has looked at flag and environment, but not at the file.
pub(super) fn within<T: PartialOrd>(
    option: &'static str,
    number: T,
    bounds: &RangeInclusive<T>,
    fault: &'static str,
) -> Result<T, Error> {
    if bounds.contains(&number) { Ok(number) } else { Err(Error::Value { option, fault }) }
}
