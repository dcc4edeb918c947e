//! Bounds of the sizes of requests and answers.

use crate::config::LEAST_MEMORY;
use crate::custody::MOST_IN_ONE_CALL;
use crate::desk;
use crate::kms::MAX_SECRET;
use crate::wire::MAX_MESSAGE;

/// The largest KMIP request, in bytes.
pub const MAX_KMIP: usize = MAX_MESSAGE;

// Base64 is the shortest encoding of data in JSON. Data in the binary encoding may be longer than a token takes in one
// call; it is then refused, or passed in parts.
const _: () = assert!(MAX_KMIP / 4 * 3 <= MOST_IN_ONE_CALL);

/// The largest request with one secret, in bytes of JSON. One byte of the value takes up to six bytes of JSON.
pub(super) const MAX_JSON_SECRET: usize = MAX_SECRET * 6 + (32 << 10);

/// The largest request about access or definitions, in bytes of JSON.
pub(super) const MAX_ACCESS: usize = 256 << 10;

/// The largest body of an answer, in bytes.
pub(super) const MAX_ANSWER: usize = 16 << 20;

/// The memory of the largest request, in bytes: its body, and the same amount for the data made from it.
const LARGEST_REQUEST: usize = 2 * MAX_KMIP;

// With every permitted configuration one caller must be able to make the largest request.
const _: () = assert!(LEAST_MEMORY << 20 == (LARGEST_REQUEST + MAX_ANSWER) * desk::PART);
