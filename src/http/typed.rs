//! The types of bodies, for the description of the routes.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Returns the name and the schema of a type.
pub(super) type Typed = fn(&mut SchemaGenerator) -> (String, Value);

/// The body of the answer to a request that succeeded.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// The description does not state it: the clients of another system know it.
    Unstated,
    /// A JSON document of a type.
    One(Typed),
    /// An array of a type.
    Array(Typed),
    /// An object with an array of a type as the member of this name, and the member `next`.
    Page(&'static str, Typed),
    /// A text of one of these media types.
    Text(&'static [&'static str]),
    /// JSON of any kind.
    Json,
    /// An item of KMIP's JSON.
    Item,
    /// A KMIP message in the encoding of the request.
    Message,
}

/// Returns the name and the schema of `T`. Schemas that it contains are written in place.
pub(super) fn typed<T: JsonSchema>(generator: &mut SchemaGenerator) -> (String, Value) {
    let mut schema = generator.root_schema_for::<T>();
    schema.remove("$schema");
    schema.remove("title");
    (T::schema_name().into_owned(), schema.to_value())
}
