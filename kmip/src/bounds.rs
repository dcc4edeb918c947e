//! Bounds of the attributes that a client sets.

/// The longest text in an attribute, in bytes.
pub const TEXT_BYTES: usize = 1024;
/// The largest number of instances of one attribute: names, links, vendor attributes and so on.
pub const INSTANCES: usize = 32;
/// The longest value of a vendor attribute, in bytes of the binary encoding.
pub const VENDOR_VALUE_BYTES: usize = 16 * 1024;
