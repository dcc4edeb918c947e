//! Requests that change attributes.

use serde_json::{Value, json};

use super::caller::Caller;
use super::kmip::{
    USAGE, boolean, create, date, enumeration, find, integer, name, structure, tags, text, vendor_attribute,
};

pub const LATE: &str = "2999-01-01T00:00:00Z";
pub const SOON: &str = "2998-01-01T00:00:00Z";
pub const LATER: &str = "2999-06-01T00:00:00Z";

/// A mask with every use of the harness but Encrypt, and one with every use but Decrypt.
const WITHOUT: [i64; 2] = [USAGE & !4, USAGE & !8];

pub fn new(attribute: &Value) -> Value {
    structure("NewAttribute", std::slice::from_ref(attribute))
}

pub fn current(attribute: &Value) -> Value {
    structure("CurrentAttribute", std::slice::from_ref(attribute))
}

/// A request of Add, Modify or Set Attribute.
pub fn put(operation: &str, id: &str, attribute: &Value) -> Value {
    structure(operation, &[text("UniqueIdentifier", id), new(attribute)])
}

pub fn modify(id: &str, from: &Value, to: &Value) -> Value {
    structure("ModifyAttribute", &[text("UniqueIdentifier", id), current(from), new(to)])
}

/// A request for units of Usage Limits, or whether they are left.
pub fn units(operation: &str, id: &str, units: i64) -> Value {
    let count = json!({"tag": "UsageLimitsCount", "type": "LongInteger", "value": units});
    structure(operation, &[text("UniqueIdentifier", id), count])
}

/// The reference to a vendor attribute, or to the attribute of a tag.
pub fn reference(attribute: &str) -> Value {
    match attribute.split_once('/') {
        Some((vendor, name)) => {
            structure("AttributeReference", &[text("VendorIdentification", vendor), text("AttributeName", name)])
        }
        None => enumeration("AttributeReference", attribute),
    }
}

pub fn delete(id: &str, attribute: &str) -> Value {
    structure("DeleteAttribute", &[text("UniqueIdentifier", id), reference(attribute)])
}

pub fn adjust(id: &str, attribute: &str, kind: &str, amount: Option<i64>) -> Value {
    let mut fields = vec![text("UniqueIdentifier", id), reference(attribute), enumeration("AdjustmentType", kind)];
    fields.extend(amount.map(|amount| integer("AdjustmentValue", amount)));
    structure("AdjustAttribute", &fields)
}

pub fn number(vendor: &str, name: &str, value: i64) -> Value {
    let value = integer("AttributeValue", value);
    structure("Attribute", &[text("VendorIdentification", vendor), text("AttributeName", name), value])
}

/// Create of a Pre-Active key without an Activation Date.
pub fn pre_active(id: &str, more: &[Value]) -> Value {
    let mut request = create("AES", 256, &[&[text("UniqueIdentifier", id)], more].concat());
    let attributes = request["value"][1]["value"].as_array_mut().unwrap();
    attributes.retain(|own| own["tag"] != "ActivationDate" || own["value"] == LATE);
    attributes.push(enumeration("State", "PreActive"));
    request
}

/// The date that a case of docs/rights.md is about.
fn dated(case: &str) -> Option<&str> {
    let articles = ["an earlier ", "a later ", "an ", "a "];
    articles.iter().find_map(|article| case.strip_prefix(article))
}

/// The attribute Usage Limits.
pub fn limits(total: i64, unit: &str) -> Value {
    let total = json!({"tag": "UsageLimitsTotal", "type": "LongInteger", "value": total});
    structure("UsageLimits", &[total, enumeration("UsageLimitsUnit", unit)])
}

/// Create of a key for [`request`].
pub fn key_for(id: &str, operation: &str, case: &str) -> Value {
    let is_there = case.contains("earlier") || case.contains("later");
    let own = match dated(case).map(|date| date.replace(' ', "")) {
        _ if case == "lower Usage Limits" => vec![limits(9, "Object")],
        _ if case == "Usage Limits" => Vec::new(),
        Some(tag) if is_there => vec![date(&tag, LATE)],
        Some(_) => Vec::new(),
        None if case.ends_with("is lost") => Vec::new(),
        None if operation == "AdjustAttribute" => vec![number("x", "n", 1)],
        None if matches!(operation, "ModifyAttribute" | "DeleteAttribute") => vec![text("Comment", "present")],
        None => Vec::new(),
    };
    pre_active(id, &own)
}

/// The request of a row of docs/rights.md.
pub fn request(id: &str, operation: &str, case: &str) -> Value {
    let tag = dated(case).map(|date| date.replace(' ', ""));
    match (operation, tag) {
        (_, None) if case.ends_with("Usage Limits") => put(operation, id, &limits(8, "Object")),
        ("AdjustAttribute", Some(tag)) if case.contains("later") => adjust(id, &tag, "Increment", Some(60)),
        ("AdjustAttribute", Some(tag)) => adjust(id, &tag, "Decrement", Some(60)),
        ("AdjustAttribute", None) => adjust(id, "x/n", "Increment", None),
        ("DeleteAttribute", _) => delete(id, "Comment"),
        (_, Some(tag)) if tag == "RotateInterval" || tag == "RotateOffset" => {
            put(operation, id, &json!({"tag": tag, "type": "Interval", "value": 600}))
        }
        (_, Some(tag)) => put(operation, id, &date(&tag, if case.contains("later") { LATER } else { SOON })),
        (_, None) if case == "Encrypt is lost" => put(operation, id, &integer("CryptographicUsageMask", WITHOUT[0])),
        (_, None) if case == "Decrypt is lost" => put(operation, id, &integer("CryptographicUsageMask", WITHOUT[1])),
        (_, None) => put(operation, id, &text("Comment", "new")),
    }
}

/// The n-th value of an attribute, as an instance in a request.
pub fn value(tag: &str, n: i64) -> Value {
    let word = format!("v{n}");
    match tag {
        "Name" => name(&word),
        "AlternativeName" => structure(
            tag,
            &[text("AlternativeNameValue", &word), enumeration("AlternativeNameType", "UninterpretedTextString")],
        ),
        "ApplicationSpecificInformation" => {
            structure(tag, &[text("ApplicationNamespace", "LIBRARY"), text("ApplicationData", &word)])
        }
        "CryptographicParameters" => structure(tag, &[integer("TagLength", n)]),
        // Each mask has fewer uses than the one before.
        "CryptographicUsageMask" => integer(tag, [396, 268, 12, 4, 4, 4, 4][n as usize % 7]),
        "Link" => structure(tag, &[enumeration("LinkType", "NextLink"), text("LinkedObjectIdentifier", &word)]),
        "Attribute" => vendor_attribute("x", "table", &word),
        "NISTKeyType" => enumeration(tag, "PrivateSignatureKey"),
        "ProtectionLevel" => enumeration(tag, ["High", "Low"][n as usize % 2]),
        "ProtectionPeriod" => json!({"tag": tag, "type": "Interval", "value": n}),
        "RotateInterval" | "RotateOffset" => json!({"tag": tag, "type": "Interval", "value": 60 + n}),
        // A key that the clock replaces needs an interval.
        "RotateAutomatic" => boolean(tag, false),
        "RotateName" => {
            structure(tag, &[text("RotateNameValue", &word), enumeration("RotateNameType", "UninterpretedTextString")])
        }
        "QuantumSafe" => boolean(tag, n % 2 == 0),
        "UsageLimits" => limits(100 - n, "Object"),
        "Sensitive" => boolean(tag, false),
        "Extractable" => boolean(tag, true),
        _ if tag.ends_with("Date") => date(tag, &format!("2999-01-{:02}T00:00:00Z", n + 1)),
        _ => text(tag, &word),
    }
}

/// The instances of an attribute; those of the vendor x for `Attribute`.
pub fn instances(caller: &mut Caller, id: &str, tag: &str) -> Vec<Value> {
    let answer = caller.ok(&super::kmip::named("GetAttributes", id));
    let items = find(&answer, "Attributes").unwrap().as_array().unwrap();
    let named = items.iter().filter(|item| item["tag"] == tag).cloned().map(|mut item| {
        // The server's own part of the attribute.
        if let Some(parts) = item["value"].as_array_mut() {
            parts.retain(|part| part["tag"] != "UsageLimitsCount");
        }
        item
    });
    named.filter(|item| tag != "Attribute" || find(item, "VendorIdentification").unwrap() == "x").collect()
}

/// The attribute of tags, and the requests that change it.
pub fn retagging(id: &str) -> [Value; 5] {
    let own = tags(&["blue"]);
    [
        put("AddAttribute", id, &own),
        put("SetAttribute", id, &own),
        put("ModifyAttribute", id, &own),
        delete(id, "claviger/tag"),
        modify(id, &tags(&["red"]), &own),
    ]
}
