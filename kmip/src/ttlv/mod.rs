//! The tree that every encoding represents: items of tag, type and value (KMIP 2.1, section 10).

pub mod binary;
pub mod field;
pub mod fields;
mod item_type;
pub mod json;
pub(crate) mod scalar;
mod spelled;
mod value;
pub mod xml;

pub use field::Field;
pub use fields::Fields;
pub use item_type::ItemType;
pub use value::{BigInteger, DEPTH, DateTime, Document, ITEMS, Interval, Item, Value};
