//! Options that name a new object.

use clap::builder::NonEmptyStringValueParser;
use time::OffsetDateTime;

use crate::kmip::Attributes;
use crate::kmip::attributes::Name;
use crate::kmip::ttlv::DateTime;

/// The identifier, names, tags and project of a new object.
#[derive(clap::Args)]
pub(super) struct Labels {
    /// Unique identifier of the new object [default: chosen by the server]
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(super) id: Option<String>,
    /// Name; for several, repeat the option
    #[arg(long = "name", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    names: Vec<String>,
    /// Tag; several objects may have the same tag; for several tags, repeat the option
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that the object belongs to
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

impl Labels {
    /// Returns the attributes to request, without the identifier.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes { names: self.names.iter().map(Name::text).collect(), ..Attributes::default() };
        attributes.set_tags(&self.tags);
        if let Some(project) = &self.project {
            attributes.set_project(project);
        }
        attributes
    }
}

/// Returns the present time.
pub(super) fn now() -> DateTime {
    DateTime(OffsetDateTime::now_utc().unix_timestamp())
}
