//! The JSON encoding (KMIP Additional Message Encodings, section 4).

mod read;
mod write;

pub use read::{Marks, read, read_marked};
pub use write::write;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
