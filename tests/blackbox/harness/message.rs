//! RequestMessages as a client writes them: several operations with one header.

use serde_json::{Value, json};

use super::kmip::{bytes, enumeration, integer, structure};

pub fn version(major: i64, minor: i64) -> Value {
    let numbers = [integer("ProtocolVersionMajor", major), integer("ProtocolVersionMinor", minor)];
    structure("ProtocolVersion", &numbers)
}

/// Returns a batch item with the name and the fields of a bare operation.
pub fn item(operation: &Value, id: Option<&[u8]>) -> Value {
    let mut fields = vec![enumeration("Operation", operation["tag"].as_str().unwrap())];
    fields.extend(id.map(|id| bytes("UniqueBatchItemID", id)));
    fields.push(json!({"tag": "RequestPayload", "value": operation["value"]}));
    structure("BatchItem", &fields)
}

pub fn message_of(version: Value, options: &[Value], items: &[Value]) -> Value {
    let mut header = vec![version];
    header.extend_from_slice(options);
    header.push(integer("BatchCount", items.len() as i64));
    let mut fields = vec![structure("RequestHeader", &header)];
    fields.extend_from_slice(items);
    structure("RequestMessage", &fields)
}

pub fn message(options: &[Value], operations: &[Value]) -> Value {
    let items: Vec<Value> =
        operations.iter().enumerate().map(|(at, operation)| item(operation, Some(&[at as u8]))).collect();
    message_of(version(2, 1), options, &items)
}

pub fn option(value: &str) -> Value {
    enumeration("BatchErrorContinuationOption", value)
}
