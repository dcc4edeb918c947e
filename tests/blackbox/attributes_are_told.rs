//! GetAttributes returns all attributes of an object, or the requested ones, of the standard and of vendors.

use serde_json::Value;

use crate::harness::Server;
use crate::harness::kmip::{
    all, create, date, enumeration, find, integer, name, named, string, structure, tags, text, vendor_attribute, with,
};

fn tags_of(attributes: &Value) -> Vec<&str> {
    attributes["value"].as_array().unwrap().iter().map(|field| field["tag"].as_str().unwrap()).collect()
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        all_or_some,
        export_tells_the_same,
        what_the_server_sets_and_what_it_does_not_honour_is_refused_by_name,
    ]);
}

fn all_or_some(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create(
        "AES",
        192,
        &[
            name("first"),
            name("second"),
            tags(&["prod", "db"]),
            vendor_attribute("acme", "colour", "red"),
            vendor_attribute("acme", "size", "big"),
            text("Comment", "a comment"),
            text("ContactInformation", "ops"),
            text("Description", "described"),
            text("ObjectGroup", "group"),
        ],
    ));
    let found = alice.attributes(&id);
    assert_eq!(string(&found, "UniqueIdentifier"), id);
    for (tag, value) in [
        ("ObjectType", "SymmetricKey"),
        ("CryptographicAlgorithm", "AES"),
        ("State", "Active"),
        ("ActivationDate", "2024-01-01T00:00:00Z"),
        ("KeyFormatType", "Raw"),
        ("Comment", "a comment"),
        ("ContactInformation", "ops"),
        ("Description", "described"),
        ("ObjectGroup", "group"),
    ] {
        assert_eq!(find(&found, tag).unwrap(), value);
    }
    assert_eq!(find(&found, "CryptographicLength").unwrap(), 192);
    assert_eq!(find(&found, "CryptographicUsageMask").unwrap(), 396);
    for (tag, value) in
        [("Sensitive", false), ("Extractable", true), ("AlwaysSensitive", false), ("NeverExtractable", false)]
    {
        assert_eq!(find(&found, tag).unwrap(), value);
    }
    for tag in ["InitialDate", "OriginalCreationDate", "LastChangeDate"] {
        assert!(string(&found, tag).starts_with("20"), "{tag}");
    }
    assert_eq!(all(&found, "Name").len(), 2);
    assert_eq!(all(&found, "Attribute").len(), 3);

    let reference = |tag: &str| enumeration("AttributeReference", tag);
    let vendor =
        structure("AttributeReference", &[text("VendorIdentification", "acme"), text("AttributeName", "colour")]);
    let some = [reference("State"), reference("Name"), vendor, reference("DestroyDate")];
    let answer = alice.ok(&with(named("GetAttributes", &id), &some));
    let found = structure("Attributes", find(&answer, "Attributes").unwrap().as_array().unwrap());
    let mut told = tags_of(&found);
    told.sort_unstable();
    assert_eq!(told, ["Attribute", "Name", "Name", "State"]);
    assert_eq!(string(&found, "AttributeValue"), "red");
    alice.refused(&with(named("GetAttributes", &id), &[reference("NoSuchThing")]), 400, "Unknown_Enumeration");
}

fn export_tells_the_same(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &[name("n"), tags(&["t"])]));
    // The first answer with the key ends Fresh.
    let got = alice.ok(&named("Get", &id));
    let exported = alice.ok(&named("Export", &id));
    assert_eq!(find(&exported, "Attributes").unwrap(), &alice.attributes(&id)["value"]);
    assert!(find(&got, "Attributes").is_none());
    for answer in [&got, &exported] {
        assert_eq!(string(answer, "ObjectType"), "SymmetricKey");
        assert_eq!(string(answer, "KeyFormatType"), "Raw");
        assert_eq!(string(answer, "CryptographicAlgorithm"), "AES");
        assert_eq!(find(answer, "CryptographicLength").unwrap(), 256);
    }
    assert_eq!(find(&got, "KeyMaterial"), find(&exported, "KeyMaterial"));
}

fn what_the_server_sets_and_what_it_does_not_honour_is_refused_by_name(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let digest = structure("Digest", &[enumeration("HashingAlgorithm", "SHA256")]);
    let reason = structure("RevocationReason", &[enumeration("RevocationReasonCode", "Superseded")]);
    for attribute in [
        enumeration("State", "Active"),
        date("InitialDate", "2024-01-01T00:00:00Z"),
        date("OriginalCreationDate", "2024-01-01T00:00:00Z"),
        date("DestroyDate", "2024-01-01T00:00:00Z"),
        date("CompromiseDate", "2024-01-01T00:00:00Z"),
        date("CompromiseOccurrenceDate", "2024-01-01T00:00:00Z"),
        date("LastChangeDate", "2024-01-01T00:00:00Z"),
        reason,
        digest,
        crate::harness::kmip::boolean("Fresh", true),
        crate::harness::kmip::boolean("AlwaysSensitive", true),
        crate::harness::kmip::boolean("NeverExtractable", true),
        crate::harness::kmip::boolean("KeyValuePresent", true),
    ] {
        let problem = alice.refused(&create("AES", 256, std::slice::from_ref(&attribute)), 400, "Attribute_Read_Only");
        let tag = attribute["tag"].as_str().unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(tag), "{problem}");
    }
    for attribute in [
        serde_json::json!({"tag": "LeaseTime", "type": "Interval", "value": 5}),
        date("ArchiveDate", "2024-01-01T00:00:00Z"),
        crate::harness::kmip::bytes("ShortUniqueIdentifier", b"x"),
    ] {
        let answer = alice.kmip(&create("AES", 256, std::slice::from_ref(&attribute)));
        assert!([400, 422].contains(&answer.status));
        assert_eq!(answer.json()["result_reason"], "Unsupported_Attribute");
        assert!(answer.detail().contains(attribute["tag"].as_str().unwrap()), "{}", answer.detail());
    }
    alice.refused(&create("AES", 256, &[integer("CertificateLength", 5)]), 400, "Attribute_Read_Only");
}
