//! Reads XML into the tree, event by event.
//!
//! Only the XML that the encoding needs is accepted: elements, four attributes, comments and the XML declaration.
//! Document types, custom entities, processing instructions and text between elements are refused.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zeroize::Zeroizing;

use super::super::scalar::{self, Raw};
use super::super::{DEPTH, Document, ITEMS, Item, ItemType};
use crate::error::{Error, Fault, excerpt};

/// The name of the element for any item; its tag is an attribute.
const ANY: &str = "TTLV";

/// Maximum number of attributes of one element. Four have a meaning; others may declare namespaces.
const ATTRIBUTES: usize = 16;

/// Reads a document.
///
/// Fails for a fault of the encoding itself: its syntax, its bounds, the shape of its elements. A fault of one item (an
/// unknown tag, a value that does not have its type) is stored in the item, and is reported when the item is read.
///
/// # Errors
/// [`Fault::Malformed`] with the offset of the fault in bytes, [`Fault::TooDeep`], [`Fault::TooManyItems`], or a fault of an element's
/// attributes.
pub fn read(xml: &[u8]) -> Result<Document, Error> {
    let text = std::str::from_utf8(xml).map_err(|error| malformed(error.valid_up_to(), "the text is not UTF-8"))?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let (mut open, mut items, mut root): (Vec<Element>, usize, Option<Document>) = (Vec::new(), 0, None);
    loop {
        let offset = position(&reader);
        let closed = match reader.read_event().map_err(|_| malformed(position(&reader), "the markup is not valid"))? {
            Event::Start(start) => {
                let element = Element::of(&start, offset)?;
                enter(&mut items, open.len(), root.is_some(), offset)?;
                open.push(element);
                continue;
            }
            Event::Empty(start) => {
                let element = Element::of(&start, offset)?;
                enter(&mut items, open.len(), root.is_some(), offset)?;
                element
            }
            Event::End(_) => open.pop().ok_or_else(|| malformed(offset, "an element ends that has not begun"))?,
            Event::Text(text) if text.chars().all(|character| matches!(character, ' ' | '\t' | '\r' | '\n')) => {
                continue;
            }
            Event::Comment(_) => continue,
            Event::Decl(declaration) => {
                let encoding = declaration
                    .encoding()
                    .transpose()
                    .map_err(|_| malformed(offset, "the declaration is not valid"))?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err(malformed(offset, "the encoding must be UTF-8"));
                }
                continue;
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                return Err(malformed(offset, "text between elements"));
            }
            Event::DocType(_) => return Err(malformed(offset, "a document type is not accepted")),
            Event::PI(_) => return Err(malformed(offset, "a processing instruction is not accepted")),
            Event::Eof => break,
        };
        match open.last_mut() {
            Some(outer) => outer.items.push(closed.item()?),
            None => root = Some(closed.document()?),
        }
    }
    match root {
        Some(document) if open.is_empty() => Ok(document),
        _ => Err(malformed(text.len(), "the document ends before its outermost element")),
    }
}

/// Counts an element that begins, and checks the bounds.
fn enter(items: &mut usize, depth: usize, is_over: bool, offset: usize) -> Result<(), Error> {
    *items += 1;
    if is_over {
        return Err(malformed(offset, "an element follows the outermost element"));
    }
    if depth >= DEPTH {
        return Err(Fault::TooDeep(DEPTH).into());
    }
    if *items > ITEMS {
        return Err(Fault::TooManyItems(ITEMS).into());
    }
    Ok(())
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn malformed(offset: usize, what: &'static str) -> Error {
    Fault::Malformed { encoding: "XML", offset, what }.into()
}

/// An element, while its children are read.
struct Element {
    name: String,
    kind: Option<String>,
    /// It may be a key, so it is erased when it is dropped.
    value: Option<Zeroizing<String>>,
    items: Vec<Item>,
}

impl Element {
    fn of(start: &BytesStart<'_>, offset: usize) -> Result<Self, Error> {
        let (mut tag, mut kind, mut value, mut label) = (None, None, None, None);
        // Repeated attributes are detected below: the library's check compares each attribute with every other one.
        for (index, attribute) in start.attributes().with_checks(false).enumerate() {
            let attribute = attribute.map_err(|_| malformed(offset, "an attribute is not valid"))?;
            let name = attribute.key.as_ref();
            if index >= ATTRIBUTES {
                return Err(malformed(offset, "an element has too many attributes"));
            }
            let (slot, member) = match name {
                "tag" => (&mut tag, "tag"),
                "type" => (&mut kind, "type"),
                "value" => (&mut value, "value"),
                // A label for extension tags, which has no meaning (section 6.1.6).
                "name" => (&mut label, "name"),
                _ if is_of_xml(name) => continue,
                other => return Err(Fault::UnknownMember(excerpt(other)).into()),
            };
            let text = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|_| malformed(offset, "a reference in an attribute is not valid"))?;
            if slot.replace(Zeroizing::new(text.into_owned())).is_some() {
                return Err(Fault::RepeatedMember(member).into());
            }
        }
        let local = start.local_name();
        let name = match (local.as_ref(), tag) {
            (ANY, Some(tag)) => tag.to_string(),
            (ANY, None) => return Err(Fault::MissingMember("tag").into()),
            (_, Some(_)) => return Err(Fault::UnknownMember("tag".to_owned()).into()),
            (name, None) => name.to_owned(),
        };
        // The library takes everything up to the next space for the name.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return Err(malformed(offset, "the name of an element is not valid"));
        }
        Ok(Self { name, kind: kind.map(|kind| kind.to_string()), value, items: Vec::new() })
    }

    fn item(self) -> Result<Item, Error> {
        self.spelled(scalar::item)
    }

    fn document(self) -> Result<Document, Error> {
        self.spelled(|name, kind, raw| scalar::document(Cow::Borrowed(name), kind, raw))
    }

    /// Calls `make` with name, type and value. A structure has elements and no value; every other type has only a
    /// value.
    fn spelled<T>(self, make: impl FnOnce(&str, Option<&str>, Raw<'_>) -> T) -> Result<T, Error> {
        let Self { name, kind, value, items } = self;
        let known = kind.as_deref().and_then(ItemType::from_name);
        let raw = match (known, &value) {
            (_, Some(_)) if !items.is_empty() => return Err(Fault::UnknownMember("value".to_owned()).into()),
            (Some(ItemType::Structure) | None, None) => Raw::Items(items),
            // A text and bytes may be empty.
            (Some(ItemType::TextString | ItemType::ByteString), None) if items.is_empty() => Raw::Text("".into()),
            (_, None) => return Err(Fault::MissingMember("value").into()),
            (known, Some(text)) => raw(known, text),
        };
        Ok(make(&name, kind.as_deref(), raw))
    }
}

/// Whether an attribute belongs to XML itself: the declaration of a namespace, or the location of a schema.
fn is_of_xml(name: &str) -> bool {
    name == "xmlns" || ["xmlns:", "xsi:", "xml:"].iter().any(|prefix| name.starts_with(prefix))
}

/// The value of an attribute. In XML, numbers and truth values are texts (sections 6.1.6.3 to 6.1.6.8).
fn raw(kind: Option<ItemType>, text: &str) -> Raw<'_> {
    let number = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().map_or(Raw::Fraction, Raw::Number))
    };
    let read = match kind {
        Some(ItemType::Integer | ItemType::LongInteger | ItemType::Interval | ItemType::Enumeration) => number(text),
        Some(ItemType::Boolean) => match text {
            "true" | "1" => Some(Raw::Boolean(true)),
            "false" | "0" => Some(Raw::Boolean(false)),
            _ => None,
        },
        _ => None,
    };
    read.unwrap_or(Raw::Text(Cow::Borrowed(text)))
}
