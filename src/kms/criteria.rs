//! The criteria of a search that the search tables do not have: any attribute, and ranges of dates.

use crate::kmip::payloads::locate::DateRange;
use crate::kmip::ttlv::{DateTime, Item, Value};
use crate::kmip::{Attributes, Tag};

/// The last date. As a criterion it stands for an object without the date (KMIP 2.1 section 6.1.28).
const UNDEFINED: DateTime = DateTime(i64::MAX);

/// Criteria; all of them must be met.
#[derive(Debug, Clone, Default)]
pub(super) struct Criteria {
    items: Vec<Item>,
    ranges: Vec<DateRange>,
}

impl Criteria {
    /// The criteria of these attributes and ranges.
    pub(super) fn new(attributes: &Attributes, ranges: Vec<DateRange>) -> Self {
        Self { items: attributes.to_items(), ranges }
    }

    /// Whether there is no criterion.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.ranges.is_empty()
    }

    /// Whether the attributes of an object meet the criteria.
    pub(super) fn match_all(&self, found: &Attributes) -> bool {
        let found = found.to_items();
        let of = |tag: Tag| found.iter().filter(move |item| item.tag == tag).map(|item| &item.value);
        let is_met = |wanted: &Item| match wanted.value {
            Value::DateTime(UNDEFINED) => of(wanted.tag).next().is_none(),
            _ => of(wanted.tag).any(|own| holds(own, &wanted.value)),
        };
        let is_within = |range: &DateRange| {
            of(range.tag).any(|own| matches!(own, Value::DateTime(date) if (range.from..=range.to).contains(date)))
        };
        self.items.iter().all(is_met) && self.ranges.iter().all(is_within)
    }
}

/// Whether the value is the wanted one. Of a structure, the parts that are absent in the wanted one match any value. The
/// value of a vendor attribute is compared as a whole: it may be a structure of many parts.
fn holds(own: &Value, wanted: &Value) -> bool {
    let is_part = |own: &Item, wanted: &Item| {
        own.tag == wanted.tag
            && if wanted.tag == Tag::AttributeValue {
                own.value == wanted.value
            } else {
                holds(&own.value, &wanted.value)
            }
    };
    match (own, wanted) {
        (Value::Structure(own), Value::Structure(wanted)) => {
            wanted.iter().all(|part| own.iter().any(|own| is_part(own, part)))
        }
        _ => own == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::attributes::{ApplicationSpecificInformation, Link, VendorAttribute};
    use crate::kmip::enumerations::LinkType;

    fn found() -> Attributes {
        let information = |namespace: &str, data: &str| ApplicationSpecificInformation {
            namespace: namespace.to_owned(),
            data: Some(data.to_owned()),
        };
        let vendor = VendorAttribute {
            vendor_identification: "x".to_owned(),
            name: "place".to_owned(),
            value: Value::TextString("vault".to_owned()),
        };
        Attributes {
            initial_date: Some(DateTime(100)),
            object_groups: vec!["one".to_owned(), "two".to_owned()],
            application_specific_information: vec![information("ssl", "www"), information("ldap", "dc")],
            links: vec![Link { link_type: Some(LinkType::ParentLink), linked_object_identifier: "k".into() }],
            vendor_attributes: vec![vendor],
            ..Attributes::default()
        }
    }

    fn is_found(wanted: &Attributes, ranges: &[(Tag, i64, i64)]) -> bool {
        let range =
            |(tag, from, to): &(Tag, i64, i64)| DateRange { tag: *tag, from: DateTime(*from), to: DateTime(*to) };
        Criteria::new(wanted, ranges.iter().map(range).collect()).match_all(&found())
    }

    #[test]
    fn each_attribute_must_be_equal_and_absent_parts_match_anything() {
        let none = Attributes::default();
        assert!(is_found(&none, &[]) && Criteria::new(&none, Vec::new()).is_empty());
        let group = |names: &[&str]| Attributes {
            object_groups: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Attributes::default()
        };
        assert!(is_found(&group(&["one"]), &[]) && is_found(&group(&["two", "one"]), &[]));
        assert!(!is_found(&group(&["one", "three"]), &[]));
        let link = |link_type, id: &str| Attributes {
            links: vec![Link { link_type, linked_object_identifier: id.into() }],
            ..Attributes::default()
        };
        assert!(is_found(&link(None, "k"), &[]) && is_found(&link(Some(LinkType::ParentLink), "k"), &[]));
        assert!(!is_found(&link(Some(LinkType::ChildLink), "k"), &[]) && !is_found(&link(None, "j"), &[]));
        let both = |namespace: &str, data: &str| Attributes {
            application_specific_information: vec![ApplicationSpecificInformation {
                namespace: namespace.to_owned(),
                data: Some(data.to_owned()),
            }],
            ..Attributes::default()
        };
        assert!(is_found(&both("ldap", "dc"), &[]));
        assert!(!is_found(&both("ldap", "www"), &[]), "the parts of two instances do not make one");
        let comment = Attributes { comment: Some(String::new()), ..Attributes::default() };
        assert!(!is_found(&comment, &[]));
        let mut vendor = Attributes { vendor_attributes: found().vendor_attributes, ..Attributes::default() };
        assert!(is_found(&vendor, &[]));
        if let Some(own) = vendor.vendor_attributes.first_mut() {
            own.value = Value::TextString("attic".to_owned());
        }
        assert!(!is_found(&vendor, &[]));
    }

    #[test]
    fn a_date_is_equal_or_within_a_range_or_undefined() {
        let initial = |date| Attributes { initial_date: Some(DateTime(date)), ..Attributes::default() };
        assert!(is_found(&initial(100), &[]) && !is_found(&initial(101), &[]));
        let none = Attributes::default();
        for (from, to, expected) in
            [(100, 100, true), (99, 100, true), (100, 200, true), (101, 200, false), (0, 99, false)]
        {
            assert_eq!(is_found(&none, &[(Tag::InitialDate, from, to)]), expected, "{from} to {to}");
        }
        assert!(!is_found(&none, &[(Tag::DestroyDate, 0, i64::MAX)]), "an object without the date is in no range");
        assert!(!is_found(&initial(i64::MAX), &[]));
        assert!(is_found(&Attributes { destroy_date: Some(UNDEFINED), ..Attributes::default() }, &[]));
    }
}
