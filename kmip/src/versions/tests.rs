//! Tests of the conversion of requests to 2.1, and of answers to earlier versions.

use super::*;
use crate::Bytes;
use crate::attributes::{AttributeReference, Name, VendorAttribute};
use crate::dialect::Dialect;
use crate::enumerations::{KeyFormatType, Operation, ResultReason, ResultStatus};
use crate::message::{RequestMessage, ResponseBatchItem, ResponseHeader, ResponseMessage};
use crate::payloads::{
    Instance, Request, Response, Unwritten, add_attribute, delete_attribute, get_attribute_list, get_attributes,
    modify_attribute,
};
use crate::ttlv::{DateTime, xml};
use crate::{Attributes, UsageMask};

fn request(version: &str, operation: &str, payload: &str) -> Document {
    let (major, minor) = version.split_once('.').unwrap();
    let message = format!(
        r#"<RequestMessage><RequestHeader><ProtocolVersion><ProtocolVersionMajor type="Integer" value="{major}"/>
        <ProtocolVersionMinor type="Integer" value="{minor}"/></ProtocolVersion><BatchCount type="Integer" value="1"/></RequestHeader>
        <BatchItem><Operation type="Enumeration" value="{operation}"/><RequestPayload>{payload}</RequestPayload></BatchItem></RequestMessage>"#
    );
    xml::read(message.as_bytes()).unwrap()
}

fn upgraded(version: &str, operation: &str, payload: &str) -> Result<Request, Error> {
    let (_, upgraded) = upgrade(request(version, operation, payload)).unwrap();
    let message = RequestMessage::from_document(upgraded).unwrap();
    message.items.into_iter().next().unwrap().request
}

fn attribute(name: &str, value: &str) -> String {
    format!(r#"<Attribute><AttributeName type="TextString" value="{name}"/><AttributeValue {value}/></Attribute>"#)
}

/// A response message with one item, as text, in the client's version.
fn answered(version: &str, operation: &str, payload: &str, answer: &str) -> String {
    let (version, _) = upgrade(request(version, operation, payload)).unwrap();
    spelled(&downgrade(version, answer_of(operation, answer)))
}

/// A response message of 2.1 with one item.
fn answer_of(operation: &str, answer: &str) -> ResponseMessage {
    let message = format!(
        r#"<ResponseMessage><ResponseHeader><ProtocolVersion><ProtocolVersionMajor type="Integer" value="2"/>
        <ProtocolVersionMinor type="Integer" value="1"/></ProtocolVersion><TimeStamp type="DateTime" value="1970-01-01T00:00:00Z"/>
        <ClientCorrelationValue type="TextString" value="a"/><BatchCount type="Integer" value="1"/></ResponseHeader>
        <BatchItem><Operation type="Enumeration" value="{operation}"/><ResultStatus type="Enumeration" value="Success"/>
        <ResponsePayload>{answer}</ResponsePayload></BatchItem></ResponseMessage>"#
    );
    ResponseMessage::from_document(xml::read(message.as_bytes()).unwrap()).unwrap()
}

fn spelled(answer: &Document) -> String {
    let mut written = Vec::new();
    xml::write(answer, Dialect::Oasis, &mut written);
    String::from_utf8(written).unwrap()
}

#[test]
fn uses_of_earlier_versions_are_ignored_in_new_objects_only() {
    let mask = |bits: i32| attribute("Cryptographic Usage Mask", &format!(r#"type="Integer" value="{bits}""#));
    let create = |bits| {
        let object = r#"<ObjectType type="Enumeration" value="SymmetricKey"/>"#;
        upgraded("1.0", "Create", &format!("{object}<TemplateAttribute>{}</TemplateAttribute>", mask(bits)))
    };
    for bits in [0x40, 0x400, 0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000] {
        let Ok(Request::Create(create)) = create(0xc | bits) else { panic!("{bits:x}") };
        assert_eq!(create.attributes.cryptographic_usage_mask.map(UsageMask::bits), Some(0xc));
        // A search must not find more than it was to find: here nothing.
        let Ok(Request::Locate(search)) = upgraded("1.0", "Locate", &mask(0xc | bits)) else { panic!("{bits:x}") };
        let wanted = search.criteria.and_then(|own| own.attributes.unique_identifier);
        assert!(wanted.is_some_and(|id| id.as_text().is_some_and(|id| id.contains(' '))));
    }
    assert!(create(1 << 24).is_err());
    assert!(upgraded("1.0", "Locate", &mask(1 << 24)).is_err());
}

#[test]
fn each_version_is_found_by_its_numbers() {
    for version in Version::ALL {
        assert_eq!(Version::of(version.protocol()), Some(version));
    }
    assert!(Version::ALL.is_sorted_by(|one, other| one > other));
    for (major, minor) in [(0, 9), (1, 5), (2, 2), (3, 0), (-1, 0), (i32::MAX, 0)] {
        assert_eq!(Version::of(ProtocolVersion { major, minor }), None);
        let refused = upgrade(request(&format!("{major}.{minor}"), "Query", "")).unwrap_err();
        assert_eq!(*refused.fault(), Fault::UnsupportedVersion { major, minor });
    }
}

#[test]
fn a_key_is_created_by_a_template_attribute() {
    let attributes = [
        attribute("Cryptographic Algorithm", r#"type="Enumeration" value="AES""#),
        attribute("Cryptographic Length", r#"type="Integer" value="256""#),
        attribute("Cryptographic Usage Mask", r#"type="Integer" value="Encrypt Decrypt""#),
        attribute("Operation Policy Name", r#"type="TextString" value="default""#),
        attribute("x-Purpose", r#"type="TextString" value="backup""#),
    ]
    .concat();
    let payload = format!(
        r#"<ObjectType type="Enumeration" value="SymmetricKey"/><TemplateAttribute>{attributes}</TemplateAttribute>"#
    );
    for version in ["1.0", "1.1", "1.2", "1.3", "1.4"] {
        let Request::Create(create) = upgraded(version, "Create", &payload).unwrap() else {
            panic!("Create was asked")
        };
        assert_eq!(create.attributes.cryptographic_length, Some(256));
        assert_eq!(create.attributes.cryptographic_usage_mask.unwrap().bits(), 12);
        let vendor = create.attributes.vendor_attributes.first().unwrap();
        assert_eq!((vendor.vendor_identification.as_str(), vendor.name.as_str()), ("x", "Purpose"));
    }
    assert!(upgraded("2.0", "Create", &payload).is_err());
    assert!(upgraded("2.1", "Create", &payload).is_err());
}

#[test]
fn what_a_version_does_not_have_is_refused_and_the_rest_of_the_batch_is_not() {
    for (version, operation) in [("1.0", "Encrypt"), ("1.1", "MAC"), ("1.3", "Import"), ("1.0", "DiscoverVersions")] {
        let refused = upgraded(version, operation, "").unwrap_err();
        assert_eq!(refused.result_reason(), ResultReason::OperationNotSupported, "{operation} in {version}: {refused}");
    }
    let function = |name| format!(r#"<QueryFunction type="Enumeration" value="{name}"/>"#);
    assert!(upgraded("1.2", "Query", &function("QueryProfiles")).is_err());
    assert!(upgraded("1.3", "Query", &function("QueryProfiles")).is_ok());
    let template = |attribute: String| {
        format!(
            r#"<ObjectType type="Enumeration" value="SymmetricKey"/><TemplateAttribute>{attribute}</TemplateAttribute>"#
        )
    };
    for (version, name) in
        [("1.3", "Sensitive"), ("1.0", "Fresh"), ("1.4", "Short Unique Identifier"), ("1.4", "Colour"), ("1.4", "")]
    {
        let refused = upgraded(version, "Create", &template(attribute(name, r#"type="Boolean" value="true""#)));
        assert!(matches!(refused.unwrap_err().fault(), Fault::UnknownAttribute(_)), "{name} in {version}");
    }
    let policy = |name| attribute("Operation Policy Name", &format!(r#"type="TextString" value="{name}""#));
    assert!(upgraded("1.2", "Create", &template(policy("private"))).is_err());
    let Request::Locate(search) = upgraded("1.0", "Locate", r#"<OffsetItems type="Integer" value="1"/>"#).unwrap()
    else {
        panic!("Locate was asked")
    };
    assert_eq!(search.offset_items, Some(1));
    assert!(upgraded("1.0", "Get", r#"<OffsetItems type="Integer" value="1"/>"#).is_err());
    // Every object has this one, and none has another.
    let mask = |bits| attribute("Cryptographic Usage Mask", &format!(r#"type="Integer" value="{bits}""#));
    for (wanted, is_bound) in
        [(policy("default"), false), (policy("private"), true), (mask(12), false), (mask(0x40 | 12), true)]
    {
        let Request::Locate(search) = upgraded("1.2", "Locate", &wanted).unwrap() else { panic!("Locate was asked") };
        assert_eq!(search.criteria.is_some_and(|own| own.attributes.unique_identifier.is_some()), is_bound);
    }
    assert!(upgraded("1.2", "AddAttribute", &policy("default")).is_err());
    let named = r#"<Name><NameValue type="TextString" value="t"/><NameType type="Enumeration" value="UninterpretedTextString"/></Name>"#;
    assert!(upgraded("1.0", "Create", &template(named.to_owned())).is_err());
    assert!(
        upgraded("1.4", "Create", r#"<ObjectType type="Enumeration" value="SymmetricKey"/><Attributes/>"#).is_err()
    );
}

#[test]
fn attributes_are_asked_for_by_name_and_answered_by_name_and_index() {
    let payload = r#"<UniqueIdentifier type="TextString" value="k"/><AttributeName type="TextString" value="Name"/>
        <AttributeName type="TextString" value="x-Purpose"/>"#;
    let Request::GetAttributes(asked) = upgraded("1.2", "GetAttributes", payload).unwrap() else { panic!("asked") };
    assert_eq!(asked.attribute_references.len(), 2);
    let answer = r#"<UniqueIdentifier type="TextString" value="k"/><Attributes>
        <Name><NameValue type="TextString" value="a"/></Name><Name><NameValue type="TextString" value="b"/></Name>
        <Sensitive type="Boolean" value="true"/><ShortUniqueIdentifier type="ByteString" value="00"/>
        <Attribute><VendorIdentification type="TextString" value="x"/><AttributeName type="TextString" value="Purpose"/><AttributeValue type="Integer" value="1"/></Attribute>
        <Attribute><VendorIdentification type="TextString" value="other"/><AttributeName type="TextString" value="n"/><AttributeValue type="Integer" value="1"/></Attribute>
        </Attributes>"#;
    let name = |name, index: &str, value| {
        format!(
            r#"<Attribute><AttributeName type="TextString" value="{name}"/>{index}<AttributeValue{value}</Attribute>"#
        )
    };
    let names = [
        name("Name", &index(0), r#"><NameValue type="TextString" value="a"/></AttributeValue>"#),
        name("Name", &index(1), r#"><NameValue type="TextString" value="b"/></AttributeValue>"#),
    ]
    .concat();
    let sensitive = name("Sensitive", "", r#" type="Boolean" value="true"/>"#);
    let custom = name("x-Purpose", &index(0), r#" type="Integer" value="1"/>"#);
    let payload_of = |version| {
        let written = answered(version, "GetAttributes", payload, answer);
        assert!(written.contains(r#"<ProtocolVersionMajor type="Integer" value="1"/>"#), "{written}");
        assert_eq!(written.contains("ClientCorrelationValue"), version == "1.4");
        let (_, payload) = written.split_once(r#"value="k"/>"#).unwrap();
        payload.split_once("</ResponsePayload>").unwrap().0.to_owned()
    };
    assert_eq!(payload_of("1.2"), format!("{names}{custom}"));
    assert_eq!(payload_of("1.4"), format!("{names}{sensitive}{custom}"));
    assert!(answered("2.0", "GetAttributes", payload, answer).contains("ShortUniqueIdentifier"));
}

#[test]
fn names_that_the_version_does_not_have_are_left_out_of_an_answer_and_are_no_request_for_all() {
    for (name, version) in [("Colour", "1.0"), ("Sensitive", "1.3"), ("Short Unique Identifier", "1.4")] {
        let unknown = format!(r#"<AttributeName type="TextString" value="{name}"/>"#);
        let other = r#"<AttributeName type="TextString" value="Weight"/>"#;
        let payload = [unknown.as_str(), other, r#"<AttributeName type="TextString" value="State"/>"#].concat();
        let Request::GetAttributes(asked) = upgraded(version, "GetAttributes", &payload).unwrap() else {
            panic!("asked")
        };
        assert!(asked.attribute_references.contains(&AttributeReference::Tag(Tag::State)));
        assert_eq!(asked.attribute_references.len(), 2);
        let answer = r#"<UniqueIdentifier type="TextString" value="k"/>
            <Attributes><ShortUniqueIdentifier type="ByteString" value="00"/></Attributes>"#;
        assert!(answered(version, "GetAttributes", &unknown, answer).contains(r#"value="k"/></ResponsePayload>"#));
        // A change of such an attribute fails.
        assert!(upgraded(version, "DeleteAttribute", &unknown).is_err());
    }
}

/// The attributes of KMIP 2.x in an answer to a client of this version.
fn told(version: &str, attributes: &str) -> String {
    let answer = format!(r#"<UniqueIdentifier type="TextString" value="k"/><Attributes>{attributes}</Attributes>"#);
    answered(version, "GetAttributes", "", &answer)
}

#[test]
fn attributes_have_only_values_of_the_version() {
    let algorithm = |name: &str| format!(r#"<CryptographicAlgorithm type="Enumeration" value="{name}"/>"#);
    let link = |kind: &str| {
        format!(
            r#"<Link><LinkType type="Enumeration" value="{kind}"/><LinkedObjectIdentifier type="TextString" value="l"/></Link>"#
        )
    };
    let parameters = |part: &str| {
        format!("<CryptographicParameters><RandomIV type=\"Boolean\" value=\"true\"/>{part}</CryptographicParameters>")
    };
    let hash = |name: &str| parameters(&format!(r#"<HashingAlgorithm type="Enumeration" value="{name}"/>"#));
    let mode = |name: &str| parameters(&format!(r#"<BlockCipherMode type="Enumeration" value="{name}"/>"#));
    let rows = [
        (algorithm("AES"), "AES", Version::V1_0),
        (algorithm("EC"), r#""EC""#, Version::V1_2),
        (algorithm("ChaCha20"), "ChaCha20", Version::V1_4),
        (algorithm("Ed25519"), "Ed25519", Version::V2_0),
        (link("PublicKeyLink"), "PublicKeyLink", Version::V1_0),
        (link("NextLink"), "NextLink", Version::V1_2),
        (link("WrappingKeyLink"), "WrappingKeyLink", Version::V2_0),
        (hash("SHA_512_256"), "SHA_512_256", Version::V1_2),
        (hash("SHA3_256"), "SHA3_256", Version::V1_4),
        (mode("GCM"), "GCM", Version::V1_0),
        (mode("AEAD"), "AEAD", Version::V1_4),
    ];
    for (attribute, value, since) in rows {
        for version in Version::ALL {
            // Attributes of 1.x have values by code, because the name of the tag does not say the enumeration.
            let written = told(&version.to_string(), &attribute);
            let wanted = if version.has_templates() { "<Attribute>" } else { value };
            assert_eq!(written.contains(wanted), since <= version, "{value} in {version}: {written}");
        }
    }
    let mask = r#"<CryptographicUsageMask type="Integer" value="1048588"/>"#;
    for version in Version::ALL {
        let written = told(&version.to_string(), mask);
        let expected = if version.has_templates() { "Encrypt Decrypt\"" } else { "Encrypt Decrypt Authenticate\"" };
        let number = if version.has_templates() { r#"value="12""# } else { r#"value="1048588""# };
        assert!(written.contains(expected) || written.contains(number), "{version}: {written}");
    }
    let changed = change("AddAttribute", Item::new(Tag::CryptographicUsageMask, 0x10_000C_i32), 0);
    let written = spelled(&downgrade(Version::V1_4, changed));
    assert!(written.contains(r#"value="12""#) || written.contains("Encrypt Decrypt\""), "{written}");
}

#[test]
fn the_tag_of_a_ciphertext_is_its_end_in_versions_without_tags() {
    let answer = r#"<UniqueIdentifier type="TextString" value="k"/><Data type="ByteString" value="AABB"/>
        <IVCounterNonce type="ByteString" value="01"/><AuthenticatedEncryptionTag type="ByteString" value="CCDD"/>"#;
    for version in ["1.2", "1.3", "1.4", "2.0", "2.1"] {
        let written = answered(version, "Encrypt", "", answer);
        let is_joined = written.contains(r#""AABBCCDD""#) && !written.contains("AuthenticatedEncryptionTag");
        assert_eq!(is_joined, version < "1.4", "{version}: {written}");
        assert_eq!(
            written.contains(r#""AABB""#) && written.contains(r#""CCDD""#),
            version >= "1.4",
            "{version}: {written}"
        );
    }
    let without = answer.split_once("<AuthenticatedEncryptionTag").unwrap().0;
    assert!(answered("1.2", "Encrypt", "", without).contains(r#""AABB""#));
}

#[test]
fn import_and_export_of_1_4_have_repeated_attributes() {
    let object = r#"<SymmetricKey><KeyBlock><KeyFormatType type="Enumeration" value="Raw"/>
        <KeyValue><KeyMaterial type="ByteString" value="00112233445566778899AABBCCDDEEFF"/></KeyValue>
        <CryptographicAlgorithm type="Enumeration" value="AES"/><CryptographicLength type="Integer" value="128"/></KeyBlock></SymmetricKey>"#;
    let named = [
        attribute("Contact Information", r#"type="TextString" value="me""#),
        attribute("x-Purpose", r#"type="TextString" value="backup""#),
        attribute("Operation Policy Name", r#"type="TextString" value="default""#),
    ]
    .concat();
    let payload = format!(
        r#"<UniqueIdentifier type="TextString" value="k"/><ObjectType type="Enumeration" value="SymmetricKey"/>{named}{object}"#
    );
    let Request::Import(import) = upgraded("1.4", "Import", &payload).unwrap() else { panic!("Import was asked") };
    assert_eq!(import.attributes.contact_information.as_deref(), Some("me"));
    assert_eq!(import.attributes.vendor_attributes.len(), 1);
    let unknown = payload.replace("Contact Information", "Colour");
    assert!(matches!(upgraded("1.4", "Import", &unknown).unwrap_err().fault(), Fault::UnknownAttribute(_)));
    let answer = format!(
        r#"<ObjectType type="Enumeration" value="SymmetricKey"/><UniqueIdentifier type="TextString" value="k"/>
        <Attributes><ContactInformation type="TextString" value="me"/></Attributes>{object}"#
    );
    let written = answered("1.4", "Export", "", &answer);
    let expected = attribute("Contact Information", r#"type="TextString" value="me""#);
    assert!(written.contains(&format!(r#"value="k"/>{expected}<SymmetricKey>"#)), "{written}");
    assert!(!written.contains("<Attributes>"));
}

#[test]
fn the_attributes_of_a_key_value_and_of_a_search_are_translated() {
    let key = format!(
        r#"<ObjectType type="Enumeration" value="SymmetricKey"/><TemplateAttribute/><SymmetricKey><KeyBlock><KeyFormatType type="Enumeration" value="Raw"/>
        <KeyValue><KeyMaterial type="ByteString" value="00112233445566778899AABBCCDDEEFF"/>{}</KeyValue>
        <CryptographicAlgorithm type="Enumeration" value="AES"/><CryptographicLength type="Integer" value="128"/></KeyBlock></SymmetricKey>"#,
        attribute("Contact Information", r#"type="TextString" value="me""#)
    );
    assert!(matches!(upgraded("1.0", "Register", &key), Ok(Request::Register(_))));
    let searched = attribute("Object Type", r#"type="Enumeration" value="SymmetricKey""#);
    let Request::Locate(locate) = upgraded("1.1", "Locate", &searched).unwrap() else { panic!("Locate was asked") };
    assert!(locate.criteria.unwrap().attributes.object_type.is_some());
    let answer = r#"<LocatedItems type="Integer" value="1"/><UniqueIdentifier type="TextString" value="k"/>"#;
    assert!(!answered("1.2", "Locate", &searched, answer).contains("LocatedItems"));
    assert!(answered("1.3", "Locate", &searched, answer).contains("LocatedItems"));
}

#[test]
fn transparent_keys_of_curves_are_those_of_2_1() {
    for (code, format, number) in [
        ("0x0000000E", KeyFormatType::TransparentECPrivateKey, r#"<D type="BigInteger" value="0000000000000001"/>"#),
        ("0x00000010", KeyFormatType::TransparentECPrivateKey, r#"<D type="BigInteger" value="0000000000000001"/>"#),
        ("0x0000000F", KeyFormatType::TransparentECPublicKey, r#"<QString type="ByteString" value="04"/>"#),
        ("0x00000013", KeyFormatType::TransparentECPublicKey, r#"<QString type="ByteString" value="04"/>"#),
    ] {
        let kind = if format == KeyFormatType::TransparentECPrivateKey { "PrivateKey" } else { "PublicKey" };
        let register = format!(
            r#"<ObjectType type="Enumeration" value="{kind}"/><TemplateAttribute/><{kind}><KeyBlock>
               <KeyFormatType type="Enumeration" value="{code}"/><KeyValue><KeyMaterial>
               <RecommendedCurve type="Enumeration" value="P_256"/>{number}
               </KeyMaterial></KeyValue></KeyBlock></{kind}>"#
        );
        let Ok(Request::Register(request)) = upgraded("1.2", "Register", &register) else { panic!("{code}") };
        assert_eq!(request.object.key_block().unwrap().key_format_type, format, "{code}");
    }
}

#[test]
fn an_answer_has_the_operations_and_reasons_of_its_version() {
    let answer = r#"<Operation type="Enumeration" value="Create"/><Operation type="Enumeration" value="Encrypt"/>
        <Operation type="Enumeration" value="Import"/><Operation type="Enumeration" value="Ping"/>
        <ObjectType type="Enumeration" value="SymmetricKey"/><ObjectType type="Enumeration" value="CertificateRequest"/>"#;
    for (version, count, types) in [("1.0", 1, 1), ("1.2", 2, 1), ("1.4", 3, 1), ("2.0", 3, 2), ("2.1", 4, 2)] {
        let written = answered(version, "Query", "", answer);
        let (_, payload) = written.split_once("<ResponsePayload>").unwrap();
        assert_eq!(payload.matches("<Operation ").count(), count, "{version}");
        assert_eq!(payload.matches("<ObjectType ").count(), types, "{version}");
    }
    let failed = |version, reason| {
        let item = ResponseBatchItem::failure(Some(Operation::Get), None, reason, String::new());
        let answer = ResponseMessage::new(DateTime(0), None, vec![item]);
        let document = downgrade(version, answer);
        let Value::Structure(items) = document.value else { panic!("a message is a structure") };
        let item = items.into_iter().find(|item| item.tag == Tag::BatchItem).unwrap();
        ResponseBatchItem::read(item.value).unwrap().result_reason.unwrap()
    };
    assert_eq!(failed(Version::V2_1, ResultReason::WrongKeyLifecycleState), ResultReason::WrongKeyLifecycleState);
    for version in Version::ALL.into_iter().skip(1) {
        assert_eq!(failed(version, ResultReason::WrongKeyLifecycleState), ResultReason::PermissionDenied);
        assert_eq!(failed(version, ResultReason::ObjectDestroyed), ResultReason::ItemNotFound);
    }
    for reason in ResultReason::ALL {
        for version in Version::ALL {
            failed(version, *reason);
        }
    }
    assert_eq!(failed(Version::V1_2, ResultReason::Sensitive), ResultReason::PermissionDenied);
    assert_eq!(failed(Version::V1_4, ResultReason::Sensitive), ResultReason::Sensitive);
}

/// An answer to one of the operations that change an attribute.
fn change(operation: &str, item: Item, index: usize) -> ResponseMessage {
    let unique_identifier = "k".to_owned();
    let instance = Instance::new(Some((item, index)));
    let response = match operation {
        "AddAttribute" => add_attribute::Response { unique_identifier, instance }.into(),
        "ModifyAttribute" => modify_attribute::Response { unique_identifier, instance }.into(),
        _ => Response::from(delete_attribute::Response { unique_identifier, instance }),
    };
    ResponseMessage::new(DateTime(0), None, vec![ResponseBatchItem::success(None, response)])
}

#[test]
fn a_changed_attribute_is_repeated_in_the_answers_of_1_x_and_in_no_other() {
    let purpose = VendorAttribute {
        vendor_identification: "x".to_owned(),
        name: "Purpose".to_owned(),
        value: Value::TextString("backup".to_owned()),
    };
    let purpose = Item::new(Tag::Attribute, purpose);
    let (name, contact) =
        (Item::new(Tag::Name, Name::text("two")), Item::new(Tag::ContactInformation, "me".to_owned()));
    let numbered = |name: &str, number: i32, value: &str| {
        format!(r#"<Attribute><AttributeName type="TextString" value="{name}"/>{}{value}</Attribute>"#, index(number))
    };
    let named = r#"<AttributeValue><NameValue type="TextString" value="two"/><NameType type="Enumeration" value="UninterpretedTextString"/></AttributeValue>"#;
    let expected = [
        (purpose, 0, numbered("x-Purpose", 0, r#"<AttributeValue type="TextString" value="backup"/>"#)),
        (name.clone(), 0, numbered("Name", 0, named)),
        (name, 1, numbered("Name", 1, named)),
        (contact, 0, attribute("Contact Information", r#"type="TextString" value="me""#)),
    ];
    for operation in ["AddAttribute", "ModifyAttribute", "DeleteAttribute"] {
        for (item, index, repeated) in &expected {
            let answer = change(operation, item.clone(), *index);
            for version in Version::ALL {
                let written = spelled(&downgrade(version, answer.clone()));
                let repeated = if version.has_templates() { repeated.as_str() } else { "" };
                assert!(written.contains(&format!(r#"value="k"/>{repeated}</ResponsePayload>"#)), "{written}");
            }
            assert!(spelled(&answer.into_document()).contains(r#"value="k"/></ResponsePayload>"#));
        }
    }
    // The version does not have the attribute.
    let sensitive = change("ModifyAttribute", Item::new(Tag::Sensitive, true), 0);
    assert!(spelled(&downgrade(Version::V1_3, sensitive)).contains(r#"value="k"/></ResponsePayload>"#));
}

fn index(index: i32) -> String {
    format!(r#"<AttributeIndex type="Integer" value="{index}"/>"#)
}

#[test]
fn an_attribute_is_named_by_name_and_index_and_an_absent_index_is_the_first() {
    let value = |index: &str| {
        format!(
            r#"<Attribute><AttributeName type="TextString" value="Object Group"/>{index}<AttributeValue type="TextString" value="g"/></Attribute>"#
        )
    };
    for version in ["1.0", "1.1", "1.2", "1.3", "1.4"] {
        for (given, expected) in
            [(String::new(), Some(0)), (index(0), Some(0)), (index(2), Some(2)), (index(-1), Some(-1))]
        {
            let Request::ModifyAttribute(asked) = upgraded(version, "ModifyAttribute", &value(&given)).unwrap() else {
                panic!("Modify Attribute was asked")
            };
            assert_eq!(asked.attribute_index, expected);
            assert_eq!(asked.new_attribute.item(), &Item::new(Tag::ObjectGroup, "g".to_owned()));
            let deleted = format!(r#"<AttributeName type="TextString" value="Object Group"/>{given}"#);
            let Request::DeleteAttribute(asked) = upgraded(version, "DeleteAttribute", &deleted).unwrap() else {
                panic!("Delete Attribute was asked")
            };
            assert_eq!(asked.attribute_index, expected);
            assert_eq!(asked.attribute_reference, Some(AttributeReference::Tag(Tag::ObjectGroup)));
        }
        for given in [String::new(), index(0)] {
            let asked = upgraded(version, "AddAttribute", &value(&given));
            assert!(matches!(asked, Ok(Request::AddAttribute(_))), "{asked:?}");
        }
        let refused = upgraded(version, "AddAttribute", &value(&index(1))).unwrap_err();
        assert_eq!(*refused.fault(), Fault::Unexpected(Tag::AttributeIndex));
        for operation in ["SetAttribute", "AdjustAttribute"] {
            let refused = upgraded(version, operation, "").unwrap_err();
            assert_eq!(refused.result_reason(), ResultReason::OperationNotSupported);
        }
    }
    let deleted = format!(r#"<AttributeReference type="Enumeration" value="Name"/>{}"#, index(1));
    assert!(upgraded("2.0", "DeleteAttribute", &deleted).is_err());
}

/// The answer to Get Attribute List of an object with these attributes, as text, in the client's version.
fn listed(version: Version, attributes: &Attributes) -> String {
    let response = get_attribute_list::Response {
        unique_identifier: "k".to_owned(),
        attribute_references: attributes.references(),
        attributes: Unwritten(Box::new(attributes.clone())),
    };
    let item = ResponseBatchItem::success(None, response.into());
    spelled(&downgrade(version, ResponseMessage::new(DateTime(0), None, vec![item])))
}

fn attributes_of(written: &str) -> Attributes {
    let mut answer =
        answer_of("GetAttributes", &format!(r#"<UniqueIdentifier type="TextString" value="k"/>{written}"#));
    match answer.items.pop().and_then(|item| item.response) {
        Some(Response::GetAttributes(own)) => *own.attributes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_of_attributes_names_what_the_version_returns() {
    let vendor = |vendor: &str, name: &str| {
        format!(
            r#"<Attribute><VendorIdentification type="TextString" value="{vendor}"/><AttributeName type="TextString" value="{name}"/><AttributeValue type="Integer" value="1"/></Attribute>"#
        )
    };
    let name = |value: &str| format!(r#"<Name><NameValue type="TextString" value="{value}"/></Name>"#);
    let all = [
        name("a"),
        name("b"),
        r#"<CryptographicAlgorithm type="Enumeration" value="EC"/><Sensitive type="Boolean" value="true"/>"#.to_owned(),
        vendor("x", "Purpose"),
        vendor("other", "n"),
    ];
    let attributes = attributes_of(&format!("<Attributes>{}</Attributes>", all.concat()));
    let named = |name| format!(r#"<AttributeName type="TextString" value="{name}"/>"#);
    let rows: [(Version, &[&str]); 4] = [
        (Version::V1_0, &["Name", "x-Purpose"]),
        (Version::V1_1, &["Name", "x-Purpose"]),
        (Version::V1_2, &["Name", "Cryptographic Algorithm", "x-Purpose"]),
        (Version::V1_4, &["Name", "Cryptographic Algorithm", "Sensitive", "x-Purpose"]),
    ];
    for (version, names) in rows {
        let written = listed(version, &attributes);
        let names: String = names.iter().map(named).collect();
        assert!(written.contains(&format!(r#"value="k"/>{names}</ResponsePayload>"#)), "{version}: {written}");
    }
    for version in [Version::V2_0, Version::V2_1] {
        assert_eq!(listed(version, &attributes).matches("<AttributeReference").count(), 5, "{version}");
    }
}

#[test]
fn an_answer_of_2_1_to_2_1_is_left_as_it_is() {
    let header = ResponseHeader {
        protocol_version: ProtocolVersion::V2_1,
        time_stamp: DateTime(0),
        attestation_types: Vec::new(),
        client_correlation_value: Some("c".to_owned()),
        server_correlation_value: None,
        batch_count: 1,
    };
    let item = ResponseBatchItem {
        operation: Some(Operation::Query),
        unknown_operation: None,
        unique_batch_item_id: Some(Bytes::from(vec![1])),
        result_status: ResultStatus::OperationFailed,
        result_reason: Some(ResultReason::WrongKeyLifecycleState),
        result_message: None,
        response: None,
    };
    let answer = ResponseMessage { header, items: vec![item] };
    let (version, _) = upgrade(request("2.1", "Query", "")).unwrap();
    assert_eq!(downgrade(version, answer.clone()), answer.into_document());
}

#[test]
fn an_attribute_is_named_once_in_a_request_for_attributes() {
    let named = |names: &[&str]| {
        names.iter().map(|name| format!(r#"<AttributeName type="TextString" value="{name}"/>"#)).collect::<String>()
    };
    let (once, twice) = (named(&["State", "Name", "x-a"]), ["State", "x-a", "Colour"].map(|name| [name, "Name", name]));
    for version in ["1.0", "1.1", "1.2", "1.3", "1.4"] {
        assert!(matches!(upgraded(version, "GetAttributes", &once), Ok(Request::GetAttributes(_))));
        for names in twice {
            let asked = upgraded(version, "GetAttributes", &named(&names));
            if version == "1.0" {
                assert!(asked.is_ok(), "{names:?}: {asked:?}");
                continue;
            }
            let refused = asked.unwrap_err();
            assert_eq!(*refused.fault(), Fault::Repeated(Tag::AttributeName), "{names:?} in {version}");
            assert_eq!(refused.result_reason(), ResultReason::InvalidMessage);
        }
    }
    let reference = r#"<AttributeReference type="Enumeration" value="State"/>"#;
    let vendor = |name: &str| {
        format!(
            r#"<AttributeReference><VendorIdentification type="TextString" value="x"/><AttributeName type="TextString" value="{name}"/></AttributeReference>"#
        )
    };
    for version in ["2.0", "2.1"] {
        assert!(upgraded(version, "GetAttributes", &[reference, &vendor("a"), &vendor("b")].concat()).is_ok());
        for repeated in [[reference, reference].concat(), [vendor("a"), reference.to_owned(), vendor("a")].concat()] {
            let refused = upgraded(version, "GetAttributes", &repeated).unwrap_err();
            assert_eq!(*refused.fault(), Fault::Repeated(Tag::AttributeReference), "{version}");
        }
    }
}

#[test]
fn a_template_is_refused_as_a_kind_of_object_and_not_as_an_absent_object() {
    let payload = r#"<ObjectType type="Enumeration" value="Template"/><TemplateAttribute/><Template/>"#;
    for version in ["1.0", "1.1", "1.2", "1.3", "1.4"] {
        let refused = upgraded(version, "Register", payload).unwrap_err();
        assert_eq!(*refused.fault(), Fault::UnsupportedObject("Template"), "{version}");
    }
}

const NAME: &str = "300F310D300B06035504030C044B4D4950";

/// The attributes of a certificate in an answer of 2.1.
fn identity() -> String {
    format!(
        r#"<Attributes><State type="Enumeration" value="Active"/>
        <X509CertificateIdentifier><IssuerDistinguishedName type="ByteString" value="{NAME}"/><CertificateSerialNumber type="ByteString" value="020900DADA16A58D2924D9"/></X509CertificateIdentifier>
        <X509CertificateIssuer><IssuerDistinguishedName type="ByteString" value="{NAME}"/></X509CertificateIssuer>
        <X509CertificateSubject><SubjectDistinguishedName type="ByteString" value="{NAME}"/>
        <SubjectAlternativeName type="ByteString" value="820161"/><SubjectAlternativeName type="ByteString" value="87047F000001"/>
        <SubjectAlternativeName type="ByteString" value="A411{NAME}"/><SubjectAlternativeName type="ByteString" value="88012A"/></X509CertificateSubject></Attributes>"#
    )
}

#[test]
fn a_certificate_is_identified_by_text_in_1_x_and_by_der_from_1_1() {
    let text = [
        r#"value="Certificate Identifier"/><AttributeValue><Issuer type="TextString" value="CN=KMIP"/><SerialNumber type="TextString" value="DADA16A58D2924D9"/></AttributeValue>"#,
        r#"value="Certificate Issuer"/><AttributeValue><CertificateIssuerDistinguishedName type="TextString" value="CN=KMIP"/></AttributeValue>"#,
        concat!(
            r#"value="Certificate Subject"/><AttributeValue><CertificateSubjectDistinguishedName type="TextString" value="CN=KMIP"/>"#,
            r#"<CertificateSubjectAlternativeName type="TextString" value="a"/><CertificateSubjectAlternativeName type="TextString" value="127.0.0.1"/>"#,
            r#"<CertificateSubjectAlternativeName type="TextString" value="CN=KMIP"/></AttributeValue>"#
        ),
    ];
    let der = ["X.509 Certificate Identifier", "X.509 Certificate Issuer", "X.509 Certificate Subject"];
    let der = der.map(|name| format!(r#"value="{name}"/><AttributeValue><"#));
    for version in Version::ALL {
        let answer = format!(r#"<UniqueIdentifier type="TextString" value="k"/>{}"#, identity());
        let written = answered(&version.to_string(), "GetAttributes", "", &answer);
        let (has_text, has_der) = (version.has_templates(), version > Version::V1_0 && version.has_templates());
        assert!(text.iter().all(|text| written.contains(text) == has_text), "{version}: {written}");
        assert!(der.iter().all(|name| written.contains(name) == has_der), "{version}: {written}");
        assert_eq!(written.contains("<X_509CertificateIssuer>"), !version.has_templates());
        assert_eq!(written.contains("CertificateIssuerDistinguishedName"), has_text, "{version}");
        let list = listed(version, &attributes_of(&identity()));
        for name in ["Certificate Identifier", "Certificate Issuer"] {
            assert_eq!(list.contains(&format!(r#"value="{name}"/>"#)), has_text, "{version}: {list}");
            assert_eq!(list.contains(&format!(r#"value="X.509 {name}"/>"#)), has_der, "{version}: {list}");
        }
    }
}

#[test]
fn a_client_gets_the_form_of_the_identity_that_it_has_named() {
    let (former, present) = ("Certificate Issuer", "X.509 Certificate Issuer");
    for (version, names, expected) in [
        ("1.0", &[former][..], &[former][..]),
        ("1.4", &[former], &[former]),
        ("1.1", &[present], &[present]),
        ("1.2", &[present, former], &[present, former]),
    ] {
        let payload: String =
            names.iter().map(|name| format!(r#"<AttributeName type="TextString" value="{name}"/>"#)).collect();
        let Request::GetAttributes(asked) = upgraded(version, "GetAttributes", &payload).unwrap() else {
            panic!("Get Attributes was asked")
        };
        let all = attributes_of(&identity());
        let attributes = all.select(&asked.attribute_references);
        assert_eq!((all.to_items().len(), attributes.to_items().len()), (4, 1));
        let response = get_attributes::Response {
            unique_identifier: "k".to_owned(),
            attributes: Box::new(attributes),
            asked: Unwritten(asked.attribute_references),
        };
        let item = ResponseBatchItem::success(None, response.into());
        let answer = ResponseMessage::new(DateTime(0), None, vec![item]);
        let (of, _) = upgrade(request(version, "GetAttributes", &payload)).unwrap();
        let written = spelled(&downgrade(of, answer));
        for name in [former, present] {
            let is_told = written.contains(&format!(r#"value="{name}"/><AttributeValue>"#));
            assert_eq!(is_told, expected.contains(&name), "{names:?} in {version}: {written}");
        }
    }
}

#[test]
fn an_exported_certificate_can_be_imported_and_a_client_does_not_set_its_identity() {
    let object = r#"<Certificate><CertificateType type="Enumeration" value="X_509"/><CertificateValue type="ByteString" value="30"/></Certificate>"#;
    let own = format!(
        r#"<Attribute><AttributeName type="TextString" value="Certificate Issuer"/><AttributeValue><CertificateIssuerDistinguishedName type="TextString" value="CN=KMIP"/></AttributeValue></Attribute>
        <Attribute><AttributeName type="TextString" value="X.509 Certificate Issuer"/><AttributeValue><IssuerDistinguishedName type="ByteString" value="{NAME}"/></AttributeValue></Attribute>"#
    );
    let kind = r#"<ObjectType type="Enumeration" value="Certificate"/>"#;
    let import = format!(r#"<UniqueIdentifier type="TextString" value="k"/>{kind}{own}{object}"#);
    let Request::Import(import) = upgraded("1.4", "Import", &import).unwrap() else { panic!("Import was asked") };
    assert!(import.attributes.certificate_identity.issuer.is_some());
    let register = format!("{kind}<TemplateAttribute>{own}</TemplateAttribute>{object}");
    let refused = upgraded("1.4", "Register", &register).unwrap_err();
    assert_eq!(*refused.fault(), Fault::UnsupportedAttribute(Tag::CertificateIssuer));
}
