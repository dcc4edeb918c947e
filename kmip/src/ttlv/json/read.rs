//! Reading JSON into the tree, without a tree of JSON in between.

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
/// What breaks the document fails here: its syntax, its bounds, the shape of its objects. What is wrong with one item
/// (an unknown tag, a value that is not of its type) is kept in the item, for whoever reads it.
pub fn read(json: &[u8]) -> Result<Document, Error> {
    read_marked(json).map(|(document, _)| document)
}

/// What the tree does not say of how a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The outermost structure tells its type, which may be left out.
    pub is_typed: bool,
    /// An item is called `IvCounterNonce`, letter for letter.
    pub has_older_iv: bool,
}

/// Reads a document, as [`read`] does, and how it is written.
///
/// # Errors
/// As [`read`].
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
    /// The fault that serde's error stands for.
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

/// An item whose type is not resolved yet, because its members come in any order.
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
        // Not `deserialize_map`: a value that is not an object is then a fault of ours, not a syntax error.
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
                // A label for extension tags, which has no meaning (section 4.1.6).
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

/// A text, borrowed from the document unless it holds escapes.
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

/// The `value` of the item that holds it.
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
