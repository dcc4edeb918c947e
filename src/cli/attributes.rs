//! `claviger attributes`: the attributes of an object.

mod change;

use clap::builder::NonEmptyStringValueParser;
use serde_json::{Map, Value as Json, json};

use super::error::Error;
use super::named::resolve;
use super::report::Report;
use super::{value, words};
use crate::client::Client;
use crate::kmip::attributes::{VendorAttribute, has_several};
use crate::kmip::payloads::get_attributes::Request;
use crate::kmip::ttlv::Item;
use crate::kmip::{self, AttributeReference, Tag};

/// Print and change the attributes of objects
#[derive(clap::Subcommand)]
pub(super) enum Attributes {
    Get(Get),
    Set(change::Set),
    Delete(change::Delete),
}

impl Attributes {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Get(command) => command.run(client).await,
            Self::Set(command) => command.run(client).await,
            Self::Delete(command) => command.run(client).await,
        }
    }
}

/// Print the attributes of an object, one per line: `Name: value`
#[derive(clap::Args)]
pub(super) struct Get {
    /// Unique identifier or name of the object, and then the attributes to print, by their KMIP names, or Tags;
    /// separated by blanks [default: all attributes]
    #[arg(value_name = "OBJECT [ATTRIBUTE", required_unless_present = "key_id")]
    words: Vec<String>,
    /// Unique identifier of the object: the former spelling
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), hide = true)]
    key_id: Option<String>,
}

impl Get {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut words = self.words.into_iter();
        let (object, is_former) = match self.key_id {
            Some(id) => (id, true),
            None => (words.next().unwrap_or_default(), false),
        };
        let attribute = |word: String| {
            let refuse = |error| Error::Usage(format!("{word:?}: {error}"));
            words::attribute(&word).map(change::referred).map_err(refuse)
        };
        let attributes = words.map(attribute).collect::<Result<Vec<_>, Error>>()?;
        let id = if is_former { object } else { resolve(client, &object, &[]).await? };
        shown(client, id, attributes).await
    }
}

/// Returns the report of an object's attributes; of all if none are given.
pub(super) async fn shown(client: &Client, id: String, references: Vec<AttributeReference>) -> Result<Report, Error> {
    let request = Request { unique_identifier: Some(id.into()), attribute_references: references };
    let answer = client.execute(request).await?;
    let (lines, attributes) = render(*answer.attributes);
    Ok(Report::new(lines, json!({ "unique_identifier": answer.unique_identifier, "attributes": attributes })))
}

fn render(mut attributes: kmip::Attributes) -> (Vec<String>, Map<String, Json>) {
    let tags = attributes.tags();
    attributes.vendor_attributes.retain(|attribute| !VendorAttribute::holds_tags(attribute));
    let mut lines = Vec::new();
    let mut object = Map::new();
    for item in attributes.to_items() {
        let value = value::json(&item);
        lines.push(line(&item, &value));
        let name = item.tag.to_string();
        // Attributes that an object may have several of are always arrays.
        if has_several(item.tag) {
            let values = object.entry(name).or_insert_with(|| Json::Array(Vec::new()));
            values.as_array_mut().into_iter().for_each(|values| values.push(value.clone()));
        } else {
            object.insert(name, value);
        }
    }
    if !tags.is_empty() {
        lines.push(format!("Tags: {}", tags.join(", ")));
        object.insert("Tags".to_owned(), json!(tags));
    }
    (lines, object)
}

fn line(item: &Item, value: &Json) -> String {
    // The type of a name is omitted, because it is nearly always an uninterpreted text.
    let shown = value.get("NameValue").filter(|_| item.tag == Tag::Name).unwrap_or(value);
    format!("{}: {}", item.tag, value::text(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::attributes::Name;

    #[test]
    fn attributes_are_lines_and_an_object() {
        let mut attributes = kmip::Attributes {
            names: vec![Name::text("a")],
            cryptographic_length: Some(256),
            ..kmip::Attributes::default()
        };
        attributes.set_tags(&["x".to_owned(), "y".to_owned()]);
        let (lines, object) = render(attributes);
        assert_eq!(lines, ["Name: a", "CryptographicLength: 256", "Tags: x, y"]);
        let name = json!([{ "NameValue": "a", "NameType": "UninterpretedTextString" }]);
        assert_eq!(Json::Object(object), json!({ "Name": name, "CryptographicLength": 256, "Tags": ["x", "y"] }));
    }
}
