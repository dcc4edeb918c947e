//! Names of members and fields that limit something, by the words that the documentation lists.

use serde_json::{Value, json};

/// A word or a pair of words, and its list in the documentation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    word: &'static str,
    /// Whether it limits something if its value is false. Otherwise it limits something if its value has an effect.
    permits: bool,
}

/// All of them.
pub fn limits() -> Vec<Limit> {
    let page = include_str!("../../../docs/unknown-members.md");
    let (_, list) = page.split_once("\n* how long: ").unwrap();
    let (list, rest) = list.split_once("\n\n").unwrap();
    let (_, permissions) = rest.split_once("A member with one of the words ").unwrap();
    let (permissions, _) = permissions.split_once("is refused if it is false").unwrap();
    let quoted = |text: &'static str| text.split('`').skip(1).step_by(2);
    let limits: Vec<Limit> = quoted(list).map(|word| Limit { word, permits: false }).collect();
    let permissions: Vec<Limit> = quoted(permissions).map(|word| Limit { word, permits: true }).collect();
    assert!(limits.len() > 80 && permissions.len() > 5, "{} and {}", limits.len(), permissions.len());
    [limits, permissions].concat()
}

impl Limit {
    /// Returns a name with the word, in one of the spellings of clients. No route knows the name.
    pub fn name(&self, way: usize) -> String {
        let parts: Vec<&str> = self.word.split(' ').collect();
        let capital = |part: &&str| format!("{}{}", part[..1].to_ascii_uppercase(), &part[1..]);
        match way % 3 {
            0 => format!("x_{}", parts.join("_")),
            1 => format!("{}-y", parts.join("-")),
            _ => format!("the{}", parts.iter().map(capital).collect::<String>()),
        }
    }

    /// Returns a value that limits something.
    pub fn value(&self) -> Value {
        if self.permits { json!(false) } else { json!(5) }
    }

    /// Returns values without effect.
    pub fn none(&self) -> Vec<Value> {
        let everywhere = json!([{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}]);
        let mut none = vec![json!(null), json!(""), json!([]), json!({}), json!("::/0"), everywhere];
        // `allowed` is in both lists.
        if self.word != "allowed" {
            none.extend(if self.permits { vec![json!(true)] } else { vec![json!(0), json!(false), json!("false")] });
        }
        none
    }

    /// Returns values without effect for a query or form.
    pub fn none_encoded(&self) -> Vec<&'static str> {
        let mut none = vec!["", "null", "0.0.0.0%2F0", "%3A%3A/0"];
        if self.word != "allowed" {
            none.extend(if self.permits { ["true", "1"] } else { ["0", "False"] });
        }
        none
    }
}
