use super::super::enumerations::UsageLimitsUnit;
use super::*;

fn sample() -> Attributes {
    let mut attributes = Attributes {
        names: vec![Name::text("one"), Name::text("two")],
        object_type: Some(ObjectType::SymmetricKey),
        cryptographic_length: Some(256),
        activation_date: Some(DateTime(1_700_000_000)),
        ..Attributes::default()
    };
    attributes.vendor_attributes.push(VendorAttribute {
        vendor_identification: String::from("x"),
        name: String::from("colour"),
        value: Value::TextString(String::from("red")),
    });
    attributes.set_tags(&[String::from("db"), String::from("prod")]);
    attributes
}

#[test]
fn attributes_survive_the_tree() {
    assert_eq!(Attributes::read(sample().write()), Ok(sample()));
    assert_eq!(Attributes::read(Attributes::default().write()), Ok(Attributes::default()));
}

#[test]
fn selection_keeps_every_instance_and_nothing_else() {
    let colour = sample().references().into_iter().nth(4);
    let references = [Some(AttributeReference::Tag(Tag::Name)), colour, Some(AttributeReference::Tag(Tag::State))];
    let selected = sample().select(&references.into_iter().flatten().collect::<Vec<_>>());
    let expected = Attributes {
        names: sample().names,
        vendor_attributes: sample().vendor_attributes.into_iter().take(1).collect(),
        ..Attributes::default()
    };
    assert_eq!(selected, expected);
}

#[test]
fn references_name_each_attribute_once() {
    assert_eq!(sample().references().len(), 6);
}

#[test]
fn tags_are_read_under_both_vendors() {
    let mut attributes = sample();
    attributes.vendor_attributes.push(VendorAttribute {
        vendor_identification: String::from("cosmian"),
        name: String::from("tag"),
        value: Value::TextString(String::from(r#"["prod","x"]"#)),
    });
    assert_eq!(attributes.tags(), ["db", "prod", "x"]);
    attributes.set_tags(&[]);
    assert_eq!(attributes.tags(), Vec::<String>::new());
    assert_eq!(attributes.vendor_attributes.len(), 1);
}

#[test]
fn malformed_tags_are_refused() {
    let long = format!(r#"["{}"]"#, "x".repeat(TAG_BYTES + 1));
    let many = serde_json::Value::from((0..=TAGS).map(|n| n.to_string()).collect::<Vec<_>>()).to_string();
    for text in ["", "db", r#"{"a":1}"#, "[1]", r#"[""]"#, &long, &many] {
        let mut attributes = Attributes::default();
        attributes.vendor_attributes.push(VendorAttribute {
            vendor_identification: String::from("claviger"),
            name: String::from("tag"),
            value: Value::TextString(text.to_owned()),
        });
        assert!(Attributes::read(attributes.write()).is_err(), "{text}");
    }
}

#[test]
fn unknown_and_excessive_attributes_are_refused() {
    let unsupported = vec![Item::new(Tag::ValidityDate, DateTime(1))];
    let error = Attributes::read(Value::Structure(unsupported)).unwrap_err();
    assert_eq!(error.fault(), &Fault::UnsupportedAttribute(Tag::ValidityDate));

    let many = vec![Item::new(Tag::ObjectGroup, String::from("g")); INSTANCES + 1];
    let error = Attributes::read(Value::Structure(many)).unwrap_err();
    assert_eq!(error.fault(), &Fault::TooMany { tag: Tag::ObjectGroup, bound: INSTANCES });

    let long = vec![Item::new(Tag::Name, Name::text("x".repeat(TEXT_BYTES + 1)))];
    let error = Attributes::read(Value::Structure(long)).unwrap_err();
    assert_eq!(error.to_string(), "Name/NameValue: longer than 1024 bytes");

    let twice = vec![Item::new(Tag::Comment, String::from("a")); 2];
    let error = Attributes::read(Value::Structure(twice)).unwrap_err();
    assert_eq!(error.fault(), &Fault::Repeated(Tag::Comment));
}

#[test]
fn each_stored_attribute_has_one_rule_and_no_other_has() {
    for tag in (0x42_0001..=0x42_0200).filter_map(Tag::from_code) {
        // Whatever the value is, an attribute that is not stored is refused first.
        let read = Attributes::read(Value::Structure(vec![Item { tag, value: Value::Structure(Vec::new()) }]));
        let is_stored = !matches!(read, Err(error) if matches!(error.fault(), Fault::UnsupportedAttribute(_)));
        assert_eq!(RULES.iter().filter(|rule| rule.tag == tag).count(), usize::from(is_stored), "{tag}");
        let rule = Rule::of(&AttributeReference::Tag(tag));
        assert_eq!(rule.is_some(), is_stored && tag != Tag::Attribute, "{tag}");
    }
    let vendor = VendorReference { vendor_identification: "x".to_owned(), name: "n".to_owned() };
    assert_eq!(Rule::of(&AttributeReference::Vendor(vendor)).unwrap().tag, Tag::Attribute);
    // A list in the structure is an attribute with several instances.
    let twice = |tag| {
        let item = sample_of(tag);
        Attributes::read(Value::Structure(vec![item.clone(), item])).is_ok()
    };
    for rule in RULES.iter().filter(|rule| !rule.is_read_only()) {
        assert_eq!(twice(rule.tag), rule.has_several, "{}", rule.tag);
    }
}

/// A valid instance of an attribute that a client may change.
fn sample_of(tag: Tag) -> Item {
    let text = || String::from("text");
    match tag {
        Tag::Name => Item::new(tag, Name::text("n")),
        Tag::AlternativeName => Item::new(tag, AlternativeName { value: text(), kind: None }),
        Tag::ApplicationSpecificInformation => {
            Item::new(tag, ApplicationSpecificInformation { namespace: text(), data: None })
        }
        Tag::CryptographicParameters => Item::new(tag, CryptographicParameters::default()),
        Tag::CryptographicUsageMask => Item::new(tag, 4),
        Tag::Link => Item::new(tag, Link { link_type: None, linked_object_identifier: UniqueIdentifier::Text(text()) }),
        Tag::Attribute => sample().to_items().pop().unwrap(),
        Tag::UsageLimits => Item::new(tag, UsageLimits { total: 1, count: None, unit: UsageLimitsUnit::Object }),
        Tag::NISTKeyType | Tag::ProtectionLevel => Item { tag, value: Value::Enumeration(1) },
        Tag::ProtectionPeriod | Tag::RotateInterval | Tag::RotateOffset => Item::new(tag, Interval(1)),
        Tag::RotateName => Item::new(tag, RotateName { value: text(), kind: None }),
        Tag::QuantumSafe | Tag::Sensitive | Tag::Extractable | Tag::RotateAutomatic => Item::new(tag, true),
        Tag::ActivationDate | Tag::DeactivationDate | Tag::ProcessStartDate | Tag::ProtectStopDate => {
            Item::new(tag, DateTime(1))
        }
        _ => Item::new(tag, text()),
    }
}

#[test]
fn a_structure_of_one_attribute_holds_exactly_one() {
    let read = |items: Vec<Item>| SingleAttribute::read(Value::Structure(items));
    let name = || Item::new(Tag::Name, Name::text("n"));
    assert_eq!(read(vec![name()]).unwrap().item(), &name());
    for (items, found) in [(vec![], 0), (vec![name(), name()], 2), (vec![name(), Item::new(Tag::Fresh, true)], 2)] {
        assert_eq!(*read(items).unwrap_err().fault(), Fault::NotOneAttribute(found));
    }
    assert!(read(vec![Item::new(Tag::ValidityDate, DateTime(1))]).is_err());
    assert!(read(vec![Item::new(Tag::Comment, "x".repeat(TEXT_BYTES + 1))]).is_err());
}

#[test]
fn one_instance_changes_and_the_others_keep_their_places() {
    let group = |text: &str| SingleAttribute::of(Item::new(Tag::ObjectGroup, text.to_owned())).unwrap();
    let of = group("a").reference();
    let mut attributes = sample();
    for text in ["a", "b", "c"] {
        attributes = attributes.edited(&Edit::Insert(group(text))).unwrap();
    }
    let cases = [
        (Edit::Insert(group("d")), Some("d"), 3, vec!["a", "b", "c", "d"]),
        (Edit::Replace(1, group("d")), Some("d"), 1, vec!["a", "d", "c"]),
        (Edit::Remove(of.clone(), 2), Some("c"), 2, vec!["a", "b"]),
        (Edit::RemoveAll(of.clone()), None, 0, vec![]),
        (Edit::Remove(of, 3), None, 0, vec!["a", "b", "c"]),
    ];
    for (edit, changed, index, groups) in cases {
        let expected = changed.map(|text| (group(text).item().clone(), index));
        assert_eq!(edit.instance(&attributes), expected);
        let edited = attributes.edited(&edit).unwrap();
        assert_eq!(edited.object_groups, groups);
        assert_eq!(Attributes { object_groups: Vec::new(), ..edited }, sample());
    }
    // Of the attributes of vendors, each name is one attribute.
    let colour = sample().to_items().into_iter().map(|item| AttributeReference::of(&item)).nth(5).unwrap();
    assert_eq!(colour.to_string(), "x/colour");
    let edited = sample().edited(&Edit::RemoveAll(colour)).unwrap();
    assert_eq!(edited.tags(), sample().tags());
    assert_eq!(edited.vendor_attributes.len(), 1);
}

#[test]
fn values_are_adjusted_within_their_types() {
    use crate::enumerations::AdjustmentType::{Decrement, Increment, Negate};
    let vendor = |value| {
        let (vendor_identification, name) = (String::from("x"), String::from("n"));
        SingleAttribute::of(Item::new(Tag::Attribute, VendorAttribute { vendor_identification, name, value })).unwrap()
    };
    let integer = |number| Some(Value::Integer(number));
    for (value, adjustment, amount, expected) in [
        (Value::Integer(1), Increment, None, integer(2)),
        (Value::Integer(1), Decrement, integer(-4), integer(5)),
        (Value::Integer(i32::MAX), Increment, None, None),
        (Value::Integer(i32::MIN), Negate, None, None),
        (Value::Integer(3), Negate, None, integer(-3)),
        (Value::LongInteger(i64::MIN), Decrement, None, None),
        (Value::LongInteger(0), Decrement, Some(Value::LongInteger(i64::MIN)), None),
        (Value::LongInteger(1), Increment, integer(2), Some(Value::LongInteger(3))),
        (Value::Interval(Interval(1)), Decrement, integer(2), None),
        (Value::Interval(Interval(u32::MAX)), Increment, None, None),
        (Value::Interval(Interval(1)), Negate, None, None),
        (
            Value::DateTime(DateTime(5)),
            Increment,
            Some(Value::Interval(Interval(60))),
            Some(Value::DateTime(DateTime(65))),
        ),
        (Value::DateTimeExtended(5), Decrement, None, Some(Value::DateTimeExtended(4))),
        (Value::Boolean(true), Negate, None, Some(Value::Boolean(false))),
        (Value::Boolean(true), Increment, None, None),
        (Value::TextString(String::from("1")), Increment, None, None),
        (Value::Integer(1), Increment, Some(Value::TextString(String::from("1"))), None),
    ] {
        let adjusted = vendor(value.clone()).adjusted(adjustment, amount.as_ref());
        assert_eq!(adjusted.ok(), expected.map(vendor), "{value:?} {adjustment:?} {amount:?}");
    }
    let mask = SingleAttribute::of(sample_of(Tag::CryptographicUsageMask)).unwrap();
    assert_eq!(*mask.adjusted(Increment, None).unwrap_err().fault(), Fault::NotAdjustable);
    let of = |tag| AttributeReference::Tag(tag);
    let period = SingleAttribute::zero(&of(Tag::ProtectionPeriod), None).unwrap();
    assert_eq!(
        period.adjusted(Increment, integer(9).as_ref()).unwrap().item(),
        &Item::new(Tag::ProtectionPeriod, Interval(9))
    );
    let safe = SingleAttribute::zero(&of(Tag::QuantumSafe), None).unwrap();
    assert_eq!(safe.adjusted(Negate, None).unwrap().item(), &Item::new(Tag::QuantumSafe, true));
    assert_eq!(SingleAttribute::zero(&of(Tag::DeactivationDate), None), None);
    let absent = vendor(Value::Integer(0));
    assert_eq!(SingleAttribute::zero(&absent.reference(), integer(4).as_ref()), Some(absent.clone()));
    assert_eq!(SingleAttribute::zero(&absent.reference(), None), None);
}
