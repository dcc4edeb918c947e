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
