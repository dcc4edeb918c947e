//! The inventory: `/objects`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Word;

/// An entry of `GET /objects`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// The object.
    pub unique_identifier: String,
    /// Whether the row is what the server wrote. If not, the answer has no other properties of the object.
    pub intact: bool,
    /// Its properties.
    #[serde(flatten)]
    pub known: Option<Known>,
    /// The day of the last use, in UTC.
    pub last_used: Option<String>,
}

/// The properties of an object of the inventory.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// A summary of its attributes.
    #[serde(flatten)]
    pub object: About,
    /// Its owner.
    pub owner: String,
    /// The project that it is in.
    pub project: Option<String>,
    /// Its dates, by the names of KMIP's attributes.
    #[serde(flatten)]
    pub dates: Dates,
}

/// A summary of an object's attributes, with KMIP's names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// Its names.
    pub names: Vec<String>,
    /// Its type.
    pub object_type: Option<Word>,
    /// Its algorithm.
    pub cryptographic_algorithm: Option<Word>,
    /// Its length in bits.
    pub cryptographic_length: Option<i32>,
    /// Its state.
    pub state: Option<Word>,
}

/// The dates of an object (KMIP 2.1 section 4).
#[expect(missing_docs, reason = "KMIP's attributes of the same names")]
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Dates {
    pub initial_date: Option<String>,
    pub activation_date: Option<String>,
    pub process_start_date: Option<String>,
    pub protect_stop_date: Option<String>,
    pub deactivation_date: Option<String>,
    pub compromise_date: Option<String>,
    pub destroy_date: Option<String>,
    pub last_change_date: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let refused = json!({ "unique_identifier": "a", "intact": false, "last_used": null });
        let mut whole = json!({
            "unique_identifier": "b", "intact": true, "names": ["n"], "object_type": "SymmetricKey",
            "cryptographic_algorithm": "AES", "cryptographic_length": 256, "state": "Active", "owner": "alice",
            "project": null, "last_used": "2026-11-24",
        });
        for date in [
            "initial",
            "activation",
            "process_start",
            "protect_stop",
            "deactivation",
            "compromise",
            "destroy",
            "last_change",
        ] {
            whole[format!("{date}_date")] = if date == "initial" { json!("2026-11-24T00:00:00Z") } else { Value::Null };
        }
        for (text, is_known) in [(refused, false), (whole, true)] {
            let object = Object::deserialize(&text).unwrap();
            assert_eq!((object.known.is_some(), serde_json::to_value(&object).unwrap()), (is_known, text));
        }
    }
}
