//! The XML encoding (KMIP Additional Message Encodings, section 6).

mod read;
mod write;

pub use read::read;
pub use write::write;

#[cfg(test)]
mod tests;
