//! The list of unknown members and fields that are refused, because they would limit the request: without them the
//! caller would get more than the request asks for. All other unknown members and fields are ignored.

use serde_json::Value;

use super::names::words;
use crate::network::TrustedNetwork;

/// A name that has one of these words limits something: `accessTokenTTL`, `numUsesLimit`, `restricted_to`, `is-temporary`.
const WORDS: &[&str] = &[
    // Limits of time.
    "deactivation",
    "deadline",
    "duration",
    "exp",
    "expiration",
    "expirations",
    "expire",
    "expires",
    "expiry",
    "lifetime",
    "period",
    "temporary",
    "timeout",
    "ttl",
    "until",
    "validity",
    // Limits of number and amount.
    "count",
    "limit",
    "limits",
    "lockout",
    "max",
    "maximum",
    "once",
    "quota",
    "uses",
    // Limits of networks.
    "address",
    "addresses",
    "allowlist",
    "blocklist",
    "cidr",
    "cidrs",
    "denylist",
    "ip",
    "ips",
    "network",
    "networks",
    "subnet",
    "subnets",
    "whitelist",
    // Limits of users and operations.
    "actions",
    "allowed",
    "approval",
    "approvals",
    "audience",
    "audiences",
    "capabilities",
    "condition",
    "conditions",
    "denied",
    "deny",
    "forbidden",
    "only",
    "operations",
    "ops",
    "permission",
    "permissions",
    "privilege",
    "privileges",
    "readonly",
    "restrict",
    "restricted",
    "restriction",
    "restrictions",
    "role",
    "roles",
    "scope",
    "scopes",
    // Properties of the protection.
    "aad",
    "disabled",
    "encrypted",
    "locked",
    "protected",
    "protection",
    "revoked",
    "sensitive",
    "suspended",
];

/// A name that has one of these pairs of consecutive words limits something.
const PAIRS: &[(&str, &str)] = &[
    ("additional", "data"),
    ("associated", "data"),
    ("end", "date"),
    ("ends", "at"),
    ("not", "after"),
    ("not", "before"),
    ("one", "time"),
    ("single", "use"),
    ("valid", "from"),
    ("valid", "to"),
];

/// A name that has one of these words limits something if its value is false.
const PERMISSIONS: &[&str] =
    &["active", "allow", "allowed", "allows", "enable", "enabled", "exportable", "extractable"];

/// Whether an unknown field must be refused: its name is listed and its value has an effect. Null, false, 0, an empty
/// value and any network have no effect.
pub(super) fn limits(name: &str, value: &Value) -> bool {
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let mut pairs = words.iter().zip(words.iter().skip(1));
    let is_pair = pairs.any(|(one, next)| PAIRS.contains(&(one.as_str(), next.as_str())));
    (is_pair || has(WORDS)) && has_effect(value) || has(PERMISSIONS) && is_false(value)
}

/// Returns the paths of all members that limit something, as names and indices from the body on.
pub(super) fn found(body: &Value) -> Vec<Vec<String>> {
    let (mut path, mut found) = (Vec::new(), Vec::new());
    walk(body, &mut path, &mut found);
    found
}

fn walk(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut enter = |name: String, value: &Value, limits: bool| {
        path.push(name);
        if limits {
            found.push(path.clone());
        }
        walk(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                enter(name.clone(), value, limits(name, value));
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                enter(number.to_string(), item, false);
            }
        }
        _ => {}
    }
}

/// Whether a limit of this value has an effect.
fn has_effect(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            let is_everywhere = || text.parse::<TrustedNetwork>().is_ok_and(|network| network.is_everywhere());
            let is_nothing = || ["0", "false", "null"].iter().any(|word| text.eq_ignore_ascii_case(word));
            !text.trim().is_empty() && !is_nothing() && !is_everywhere()
        }
        Value::Array(items) => items.iter().any(has_effect),
        Value::Object(members) => members.values().any(has_effect),
    }
}

fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text == "0" || text.eq_ignore_ascii_case("false"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_limit_is_one_by_its_name_and_its_value() {
        for (name, value) in [
            ("accessTokenPeriod", json!(5)),
            ("expiresAt", json!("2030-01-01")),
            ("role", json!("no-access")),
            ("trustedIps", json!([{ "ipAddress": "10.0.0.0/8" }])),
            ("settings", json!({ "numUsesLimit": 3 })),
            ("list", json!([1, { "isTemporary": true }])),
            ("isReadOnly", json!(true)),
            ("hasDeleteProtection", json!(true)),
            ("exportable", json!(false)),
            ("isEnabled", json!("False")),
            ("maxTTL", json!("1h")),
            ("exportAllowed", json!(false)),
            ("singleUse", json!(true)),
            ("notAfter", json!("2030-01-01")),
            ("key_ops", json!(["decrypt"])),
            ("isActive", json!(false)),
            ("isEncrypted", json!(true)),
            ("role", json!("none")),
        ] {
            assert!(!found(&json!({ name: value })).is_empty(), "{name}: {value}");
        }
        for (name, value) in [
            ("accessTokenPeriod", json!(0)),
            ("expiresAt", json!(null)),
            ("role", json!("")),
            ("trustedIps", json!([{ "ipAddress": "0.0.0.0/0" }, { "ipAddress": "::/0" }])),
            ("trustedIps", json!([])),
            ("settings", json!({ "numUsesLimit": 0, "color": "red" })),
            ("hasDeleteProtection", json!(false)),
            ("isEnabled", json!(true)),
            ("description", json!("a limit")),
            ("keyId", json!("x")),
            ("organizationSlug", json!("x")),
            ("policyId", json!("x")),
            ("shipping", json!("x")),
        ] {
            assert_eq!(found(&json!({ name: value })), Vec::<Vec<String>>::new(), "{name}");
        }
    }

    #[test]
    fn every_listed_word_limits() {
        assert_eq!((WORDS.len(), PAIRS.len(), PERMISSIONS.len()), (76, 10, 8));
        let pairs = PAIRS.iter().map(|(one, next)| format!("{one}_{next}"));
        for word in WORDS.iter().map(|word| (*word).to_owned()).chain(pairs) {
            for name in [word.clone(), format!("x_{word}"), format!("{word}-y")] {
                assert!(limits(&name, &json!("5")) && limits(&name, &json!([1])), "{name}");
                let mut none = vec![json!(null), json!(""), json!([]), json!({}), json!("::/0")];
                // For a permission, 0 is a limit.
                none.extend((!PERMISSIONS.contains(&word.as_str())).then(|| json!(0)));
                assert!(none.iter().all(|none| !limits(&name, none)), "{name}");
            }
        }
        for word in PERMISSIONS {
            assert!(limits(word, &json!(false)) && !limits(&format!("x_{word}"), &json!(null)), "{word}");
        }
    }

    #[test]
    fn the_list_is_in_the_docs() {
        let page = include_str!("../../docs/unknown-members.md");
        for word in WORDS.iter().chain(PERMISSIONS) {
            assert!(page.contains(&format!("`{word}`")), "docs/unknown-members.md does not name {word}");
        }
        for (one, next) in PAIRS {
            assert!(page.contains(&format!("`{one} {next}`")), "docs/unknown-members.md does not name {one} {next}");
        }
    }
}
