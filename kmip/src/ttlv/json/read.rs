//! Reads JSON into the tree, without building a tree of JSON first.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::super::scalar::{self, Raw};
use super::super::{DEPTH, Document, ITEMS};
use crate::error::{Error, Fault, excerpt};
use crate::tag::Tag;

/// Reads a document.
///
/// It fails for faults of the whole document: its syntax, its bounds, and the shape of its objects. A fault of one item
/// (an unknown tag, a value that does not have its type) is stored in the item, and is reported when the item is read.
pub fn read(json: &[u8]) -> Result<Document, Error> {
    read_marked(json).map(|(document, _)| document)
}

/// Properties of the JSON text that the tree does not contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether the outermost structure has a `type`, which is optional.
    pub is_typed: bool,
    /// Whether an item is named exactly `IvCounterNonce`.
    pub has_older_iv: bool,
}

/// Reads a document as [`read`] does, and also returns its [`Marks`].
///
/// # Errors
/// See [`read`].
pub fn read_marked(json: &[u8]) -> Result<(Document, Marks), Error> {
    let state = State::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let result = ItemSeed { state: &state, depth: 1 }
        .deserialize(&mut deserializer)
        .and_then(|root| deserializer.end().map(|()| root));
    let root = result.map_err(|error| {
        let syntax = Fault::Syntax { line: error.line(), column: error.column() };
        Error::from(state.fault.take().unwrap_or(syntax))
    })?;
    let marks = Marks { is_typed: root.kind.is_some(), has_older_iv: state.has_older_iv.get() };
    Ok((scalar::document(root.name, root.kind.as_deref(), root.raw), marks))
}

#[derive(Default)]
struct State {
    items: Cell<usize>,
    has_older_iv: Cell<bool>,
    /// The fault behind the error that is returned to serde.
    fault: RefCell<Option<Fault>>,
}

impl State {
    fn fail<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.fault.replace(Some(fault));
        E::custom("")
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        let items = self.items.get() + 1;
        self.items.set(items);
        if items > ITEMS { Err(self.fail(Fault::TooManyItems(ITEMS))) } else { Ok(()) }
    }
}

/// An item whose type is not resolved yet, because its members may be in any order.
struct RawItem<'de> {
    name: Cow<'de, str>,
    kind: Option<Cow<'de, str>>,
    raw: Raw<'de>,
}

#[derive(Clone, Copy)]
struct ItemSeed<'state> {
    state: &'state State,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = RawItem<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // With `deserialize_map`, a value that is not an object would be a syntax error instead of a fault of its own.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = RawItem<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        self.state.count()?;
        if self.depth > DEPTH {
            return Err(self.state.fail(Fault::TooDeep(DEPTH)));
        }
        let (mut name, mut kind, mut raw, mut label) = (None, None, None, None);
        while let Some(member) = map.next_key::<Member<'de>>()? {
            let repeated = |is: bool, member| {
                if is { Err(self.state.fail(Fault::RepeatedMember(member))) } else { Ok(()) }
            };
            match member.0.as_ref() {
                "tag" => {
                    repeated(name.is_some(), "tag")?;
                    name = Some(map.next_value::<Member<'de>>()?.0);
                }
                "type" => {
                    repeated(kind.is_some(), "type")?;
                    kind = Some(map.next_value::<Member<'de>>()?.0);
                }
                "value" => {
                    repeated(raw.is_some(), "value")?;
                    raw = Some(map.next_value_seed(RawSeed(self))?);
                }
                // A label for extension tags. It has no meaning (section 4.1.6).
                "name" => {
                    repeated(label.is_some(), "name")?;
                    label = Some(map.next_value::<Member<'de>>()?);
                }
                other => return Err(self.state.fail(Fault::UnknownMember(excerpt(other)))),
            }
        }
        let name = name.ok_or_else(|| self.state.fail(Fault::MissingMember("tag")))?;
        if name == Tag::OLDER_IV_NAME {
            self.state.has_older_iv.set(true);
        }
        let raw = raw.ok_or_else(|| self.state.fail(Fault::MissingMember("value")))?;
        Ok(RawItem { name, kind, raw })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Err(self.state.fail(Fault::NotAnItem))
    }
}

/// A text. It is borrowed from the document unless it contains escapes.
struct Member<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Member<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Member(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Member(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Reads the `value` member of an item.
struct RawSeed<'state>(ItemSeed<'state>);

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = Raw<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let inner = ItemSeed { state: self.0.state, depth: self.0.depth + 1 };
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(inner)? {
            items.push(scalar::item(&item.name, item.kind.as_deref(), item.raw));
        }
        Ok(Raw::Items(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.0.state.fail(Fault::NotAnItem))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Raw::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Raw::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Raw::Fraction)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Raw::Null)
    }
}
