//! The description of the routes as an OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.1>).

use std::collections::BTreeMap;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::problem::Document;
use super::route::{Body, Handler, Route};
use super::typed::{Gives, Part, Typed, typed};
use crate::kmip::ttlv::ItemType;

/// The name of the schema of KMIP's JSON.
const ITEM: &str = "TtlvItem";

/// Describes the routes of these systems. Every row of their tables is in the document.
pub(super) fn document(apis: &[&Api]) -> Value {
    let mut writer = Writer::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for api in apis {
        for route in api.rows {
            let operation = writer.operation(api, route);
            let own = paths.entry(route.path.replace("{*", "{")).or_default();
            own.insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Claviger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A key management server: keys in an HSM, callers known by their client certificate.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "tags": apis.iter().map(|api| tag(api)).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": writer.schemas,
            "responses": { "Problem": {
                "description": "The request failed (RFC 9457).",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
            "securitySchemes": {
                "certificate": { "type": "mutualTLS", "description": "A client certificate of the server's authority." },
                "bearer": { "type": "http", "scheme": "bearer", "description": "A JWT, an access token or the API token." },
                "basic": { "type": "http", "scheme": "basic", "description": "The login of a host of Conjur and its API key." },
                "conjur": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "`Token token=\"...\"` with an access token in base64, as Conjur's clients send it.",
                },
            },
        },
    })
}

/// The name of a system in the document.
fn name(api: &Api) -> &'static str {
    api.dialect.unwrap_or("claviger")
}

fn tag(api: &Api) -> Value {
    let says = match api.dialect {
        None => "The server's own paths, with those that Cosmian's clients use.",
        Some(_) => "Paths of clients of another system. Bodies and errors have the form that these clients expect.",
    };
    json!({ "name": name(api), "description": says })
}

struct Writer {
    /// For bodies of requests, and of answers: a field may be optional in one of them only.
    requests: SchemaGenerator,
    answers: SchemaGenerator,
    schemas: Map<String, Value>,
}

impl Writer {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let requests = settings.clone().for_deserialize().into_generator();
        let answers = settings.for_serialize().into_generator();
        let mut own = Self { requests, answers, schemas: Map::new() };
        let (name, schema) = typed::<Document<'static>>(&mut own.answers);
        own.schemas.insert(name, schema);
        own.schemas.insert(ITEM.to_owned(), ttlv_item());
        own
    }

    /// Adds a schema to those with names, and returns a reference to it.
    fn named(&mut self, (name, schema): (String, Value), is_request: bool) -> Value {
        let suffix = if is_request { "Request" } else { "Answer" };
        let taken = self.schemas.get(&name).is_some_and(|own| *own != schema);
        let name = if taken { format!("{name}{suffix}") } else { name };
        let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.schemas.insert(name, schema);
        reference
    }

    fn operation(&mut self, api: &Api, route: &Route) -> Value {
        let path = route.path.replace(['{', '}', '*'], "").replace('/', "-");
        let id = format!("{}-{}{path}", name(api), route.method.as_str().to_ascii_lowercase());
        let mut own = Map::from_iter([
            ("operationId".to_owned(), Value::from(id)),
            ("tags".to_owned(), json!([name(api)])),
            ("security".to_owned(), security(api, route.handler)),
            ("responses".to_owned(), self.responses(api, route)),
        ]);
        if !route.does.is_empty() {
            own.insert("summary".to_owned(), Value::from(route.does));
        }
        let parameters: Vec<Value> = parameters(route).collect();
        if !parameters.is_empty() {
            own.insert("parameters".to_owned(), Value::from(parameters));
        }
        if let Some(body) = self.body(api, route) {
            own.insert("requestBody".to_owned(), body);
        }
        Value::from(own)
    }

    /// Returns the schema of a body. Types of the paths of other systems are written in place, because several have the
    /// same name.
    fn schema(&mut self, api: &Api, own: Typed, is_request: bool) -> Value {
        let (name, schema) = own(if is_request { &mut self.requests } else { &mut self.answers });
        if api.dialect.is_some() { schema } else { self.named((name, schema), is_request) }
    }

    fn body(&mut self, api: &Api, route: &Route) -> Option<Value> {
        let own = |media_type: &str, schema: Value| content(&[media_type], &schema);
        let taken = match route.takes {
            Some(takes) => self.schema(api, takes, true),
            None if matches!(route.gives, Gives::Item) => item(),
            None => json!({}),
        };
        let (bytes, content) = match route.body {
            Body::None => return None,
            Body::Json(bytes) | Body::Strict(bytes) => (bytes, own("application/json", taken)),
            Body::Form(bytes) => (bytes, own("application/x-www-form-urlencoded", taken)),
            Body::Bytes(bytes) if matches!(route.gives, Gives::Message) => (bytes, message()),
            Body::Bytes(bytes) => (bytes, own("*/*", json!({ "type": "string" }))),
        };
        Some(json!({ "description": format!("At most {bytes} bytes."), "content": content }))
    }

    /// Returns the description of the body of an answer, by its media type.
    fn given(&mut self, api: &Api, gives: Gives) -> Value {
        let json = |schema: Value| content(&["application/json"], &schema);
        match gives {
            Gives::Nothing => json!({}),
            Gives::Text(types) => content(types, &json!({ "type": "string" })),
            Gives::Bytes(media_type) => content(&[media_type], &json!({ "type": "string" })),
            Gives::Message => message(),
            Gives::OneOrText(own) => json!({
                "application/json": { "schema": self.schema(api, own, false) },
                "text/plain": { "schema": { "type": "string", "description": "The document in base64." } },
            }),
            gives => {
                let schema = self.document(api, gives);
                json(schema)
            }
        }
    }

    /// Returns the schema of an answer in JSON.
    fn document(&mut self, api: &Api, gives: Gives) -> Value {
        match gives {
            Gives::One(own) | Gives::OneOrNothing(own) => self.schema(api, own, false),
            Gives::Array(own) => json!({ "type": "array", "items": self.schema(api, own, false) }),
            Gives::Page(name, own) => {
                let entries = json!({ "type": "array", "items": self.schema(api, own, false) });
                let next = json!({
                    "type": ["string", "null"],
                    "description": "The value of `after` for the next page; null at the end.",
                });
                json!({
                    "type": "object", "required": [name, "next"], "properties": { name: entries, "next": next },
                })
            }
            Gives::Object(parts) => {
                let mut properties = Map::new();
                for (name, part) in parts {
                    let schema = match *part {
                        Part::One(own) => self.schema(api, own, false),
                        Part::Array(own) => json!({ "type": "array", "items": self.schema(api, own, false) }),
                    };
                    properties.insert((*name).to_owned(), schema);
                }
                let required: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
                json!({ "type": "object", "required": required, "properties": properties })
            }
            Gives::AnyOf(several) => {
                let several: Vec<Value> = several.iter().map(|own| self.document(api, *own)).collect();
                json!({ "anyOf": several })
            }
            Gives::Item => item(),
            Gives::Nothing | Gives::Text(_) | Gives::OneOrText(_) | Gives::Bytes(_) | Gives::Json | Gives::Message => {
                json!({})
            }
        }
    }

    fn responses(&mut self, api: &Api, route: &Route) -> Value {
        let given = self.given(api, route.gives);
        let mut done = json!({ "description": "The request succeeded." });
        if let (false, Some(done)) = (matches!(route.gives, Gives::Nothing), done.as_object_mut()) {
            done.insert("content".to_owned(), given);
        }
        // Conjur's answers without a body have several statuses.
        let status = if matches!(route.gives, Gives::Nothing) { "2XX" } else { "200" };
        let failed = match api.dialect {
            None => json!({ "$ref": "#/components/responses/Problem" }),
            Some(_) => {
                json!({ "description": "The request failed, in the form that the clients of this system expect." })
            }
        };
        let mut all = json!({ status: done, "default": failed });
        if let (Gives::OneOrNothing(_), Some(all)) = (route.gives, all.as_object_mut()) {
            all.insert("204".to_owned(), json!({ "description": "The answer is yes." }));
        }
        all
    }
}

fn content(types: &[&str], schema: &Value) -> Value {
    types.iter().map(|media_type| ((*media_type).to_owned(), json!({ "schema": schema }))).collect::<Map<_, _>>().into()
}

/// Parameters of the path, then those of the query.
fn parameters(route: &Route) -> impl Iterator<Item = Value> {
    let of_path = route.path.split(['{', '}']).skip(1).step_by(2).map(|name| {
        let (name, says) = match name.strip_prefix('*') {
            Some(rest) => (rest, "May have slashes."),
            None => (name, "One segment of the path, percent-encoded."),
        };
        json!({ "name": name, "in": "path", "required": true, "description": says, "schema": { "type": "string" } })
    });
    of_path.chain(route.query.iter().map(|name| {
        let schema = match *name {
            "limit" | "offset" => json!({ "type": "integer", "minimum": 0 }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": name, "in": "query", "schema": schema })
    }))
}

/// The credentials of which a request needs one. A listener with an authority file asks for a certificate beside them.
fn security(api: &Api, handler: Handler) -> Value {
    let names: &[&str] = match (handler, api.dialect) {
        // The credential of a visitor is in the body or, for some, in Basic.
        (Handler::AtOnce(_) | Handler::Anyone(_) | Handler::Visitor(_), _) => &[],
        (Handler::Caller(_), Some("conjur")) => &["certificate", "bearer", "conjur"],
        (Handler::BasicOrCaller(..), _) => &["basic", "certificate", "bearer", "conjur"],
        (Handler::Caller(_), _) => &["certificate", "bearer"],
    };
    names.iter().map(|name| json!({ *name: [] })).collect()
}

/// Returns a reference to the schema of KMIP's JSON.
fn item() -> Value {
    json!({ "$ref": format!("#/components/schemas/{ITEM}") })
}

/// The encodings of a KMIP message. JSON is described; the other two have the same items.
fn message() -> Value {
    let xml = "An element for each item, named by its tag, with the attributes `type` and `value` (KMIP Profiles 2.1 section 5.4).";
    let binary = "Tag, type, length and value of each item (KMIP 2.1 section 10.1).";
    json!({
        "application/octet-stream": { "schema": { "type": "string", "description": binary } },
        "application/json": { "schema": item() },
        "text/xml": { "schema": { "type": "string", "description": xml } },
    })
}

/// An item of KMIP's JSON (KMIP Profiles 2.1 section 5.5).
fn ttlv_item() -> Value {
    let types: Vec<&str> = ItemType::all().map(ItemType::name).collect();
    let structure = ItemType::Structure.name();
    json!({
        "type": "object",
        "description": "An item of KMIP's JSON. The operation is the tag of the outermost item, as in Encrypt and EncryptResponse, \
                        or the outermost item is a RequestMessage or ResponseMessage.",
        "required": ["tag", "value"],
        "properties": {
            "tag": { "type": "string", "description": "The name of the tag, or 0x and its number." },
            "type": { "enum": types, "description": "May be left out for a structure." },
            "value": {},
        },
        "if": { "properties": { "type": { "const": structure } } },
        "then": { "properties": { "value": {
            "type": "array", "items": item(), "description": "The items of the structure.",
        } } },
        "else": { "properties": { "value": {
            "type": ["string", "integer", "boolean"],
            "description": "Bytes are in hexadecimal digits, times as in RFC 3339, enumerations and masks by their names.",
        } } },
    })
}
