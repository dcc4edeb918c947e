//! The types of bodies, for the description of the routes.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Returns the name and the schema of a type.
pub(super) type Typed = fn(&mut SchemaGenerator) -> (String, Value);

/// The body of the answer to a request that succeeded.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// No body.
    Nothing,
    /// A JSON document of a type.
    One(Typed),
    /// The same, or no body with the status 204, depending on the request.
    OneOrNothing(Typed),
    /// The same, or its base64 as a text for clients that accept this.
    OneOrText(Typed),
    /// An array of a type.
    Array(Typed),
    /// An object with an array of a type as the member of this name, and the member `next`.
    Page(&'static str, Typed),
    /// An object with these members.
    Object(&'static [(&'static str, Part)]),
    /// One of several, depending on the request.
    AnyOf(&'static [Gives]),
    /// A text of one of these media types.
    Text(&'static [&'static str]),
    /// Bytes of any kind, of this media type.
    Bytes(&'static str),
    /// JSON of any kind.
    Json,
    /// An item of KMIP's JSON.
    Item,
    /// A KMIP message in the encoding of the request.
    Message,
}

/// A member of an object.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// A value of a type.
    One(Typed),
    /// An array of a type.
    Array(Typed),
}

/// Returns the name and the schema of `T`. Schemas that it contains are written in place.
pub(super) fn typed<T: JsonSchema>(generator: &mut SchemaGenerator) -> (String, Value) {
    let mut schema = generator.root_schema_for::<T>();
    schema.remove("$schema");
    schema.remove("title");
    (T::schema_name().into_owned(), schema.to_value())
}
