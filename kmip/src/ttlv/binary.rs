//! The binary encoding, TTLV (KMIP 2.1, section 10.1): tag, type, length and value, padded to eight bytes.

mod read;
mod write;

pub use read::{HEAD, message_length, read};
pub use write::write;

#[cfg(test)]
mod tests;
