//! How large requests and answers may be.

use crate::config::LEAST_MEMORY;
use crate::custody::MOST_IN_ONE_CALL;
use crate::desk;
use crate::kms::MAX_SECRET;

/// The largest KMIP request, in bytes of JSON; hexadecimal doubles what it carries.
pub const MAX_KMIP: usize = 8 << 20;

// In base64, which is the shortest that data of a request may be in.
const _: () = assert!(MAX_KMIP / 4 * 3 <= MOST_IN_ONE_CALL);

/// The largest request with one secret, in bytes of JSON: a byte of the value takes up to six.
pub(super) const MAX_JSON_SECRET: usize = MAX_SECRET * 6 + (32 << 10);

/// The largest request about access or definitions, in bytes of JSON.
pub(super) const MAX_ACCESS: usize = 256 << 10;

/// The largest body of an answer, in bytes.
pub(super) const MAX_ANSWER: usize = 16 << 20;

/// What the largest request takes in memory: its body, and as much for what is made of it.
const LARGEST_REQUEST: usize = 2 * MAX_KMIP;

// One caller must be able to make the largest request there is, whatever the server was told.
const _: () = assert!(LEAST_MEMORY << 20 == (LARGEST_REQUEST + MAX_ANSWER) * desk::PART);
