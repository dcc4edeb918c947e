//! Identifiers, names and tags of objects: identifiers have a narrow grammar, names and tags have bounds.

use crate::harness::kmip::{
    all, create, encrypt, enumeration, find, import, integer, name, named, register, replace, string, structure, tags,
    text, vendor_attribute,
};
use crate::harness::{Connection, Server};

fn make(alice: &mut Connection, id: &str) -> u16 {
    alice.kmip(&create("AES", 256, &[text("UniqueIdentifier", id)])).status
}

#[test]
fn identifiers_of_the_callers_choice() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let longest = "x".repeat(128);
    for good in ["a", "0", "A-b._:@+=9", "key:prod/db".replace('/', ".").as_str(), &longest, "a..b", "urn:x=y"] {
        assert_eq!(make(&mut alice, good), 200, "{good}");
        let sealed = alice.seal(good, b"x");
        assert_eq!(alice.open(&sealed), b"x");
    }
    let too_long = "x".repeat(129);
    let much_too_long = "x".repeat(5000);
    for bad in [
        "",
        " ",
        "a b",
        " a",
        "a ",
        "-a",
        ".a",
        "..",
        "../x",
        "a/b",
        "/a",
        "a\\b",
        "*",
        "a*",
        "a?",
        "[a]",
        "a%",
        "a#b",
        "a\n",
        "a\0b",
        "a\u{7f}",
        "ä",
        "aä",
        "e\u{301}",
        "а",
        "\u{200b}a",
        "a\u{202e}b",
        "😀",
        "a,b",
        "a;b",
        "a'b",
        "a\"b",
        "{a}",
        "a|b",
        "a&b",
        "$a",
        "a$b",
        "~",
        "a~",
        "`a`",
        "<a>",
        "a!",
        "(a)",
        &too_long,
        &much_too_long,
    ] {
        let request = create("AES", 256, &[text("UniqueIdentifier", bad)]);
        let answer = alice.kmip(&request);
        assert_eq!(answer.status, 400, "{bad:?}: {}", String::from_utf8_lossy(&answer.body));
    }
    // The server chooses a UUID that is greater than all that it chose before.
    let ids: Vec<String> = (0..20).map(|_| alice.aes()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let id = &ids[0];
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'7'));
    assert!(id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()));
    // A request for an identifier that cannot exist is 404, as for one that does not exist.
    for odd in ["../x", "*", "%", "a' OR '1'='1", "ä", &too_long] {
        alice.refused(&encrypt(odd, b"x"), 404, "Object_Not_Found");
    }
    for malformed in ["", &much_too_long] {
        assert_eq!(alice.kmip(&encrypt(malformed, b"x")).status, 400);
    }
}

#[test]
fn identifiers_are_compared_byte_for_byte() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    for id in ["Key", "key", "KEY"] {
        assert_eq!(make(&mut alice, id), 200);
    }
    assert_eq!(make(&mut alice, "key"), 409);
    assert_eq!(string(&alice.attributes("KEY"), "UniqueIdentifier"), "KEY");
    alice.refused(&named("Get", "kEY"), 404, "Object_Not_Found");
    alice.refused(&named("Get", "key "), 404, "Object_Not_Found");
}

#[test]
fn names() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let longest = "n".repeat(1024);
    let odd = "Schlüssel \u{1f511} ' \" % _ * \\ \u{0} \n";
    let many: Vec<_> = (0..32).map(|number| name(&number.to_string())).collect();
    for names in [vec![name(&longest)], vec![name(odd)], many] {
        let id = alice.new_key(&create("AES", 256, &names));
        let kept = alice.attributes(&id);
        assert_eq!(all(&kept, "Name").len(), names.len());
        assert_eq!(find(&kept, "NameValue"), find(&names[0], "NameValue"));
        assert_eq!(alice.located(&crate::harness::kmip::locate(&names, &[])).0, [id]);
    }
    let too_many: Vec<_> = (0..33).map(|number| name(&number.to_string())).collect();
    for names in [vec![name(&"n".repeat(1025))], too_many] {
        alice.refused(&create("AES", 256, &names), 400, "Invalid_Attribute_Value");
    }
    // A name must not be empty, as a tag.
    let alternative = structure(
        "AlternativeName",
        &[text("AlternativeNameValue", ""), enumeration("AlternativeNameType", "UninterpretedTextString")],
    );
    alice.ok(&import("k", None, "AES", &[7; 32], &[]));
    for names in [vec![name("")], vec![name("good"), name("")], vec![alternative]] {
        let common = structure("CommonAttributes", &names);
        let half = |mask| {
            let algorithm = [enumeration("CryptographicAlgorithm", "EC"), integer("CryptographicLength", 256)];
            [&algorithm[..], &[integer("CryptographicUsageMask", mask)]].concat()
        };
        let (private, public) = (half(1), half(2));
        let halves = [structure("PrivateKeyAttributes", &private), structure("PublicKeyAttributes", &public)];
        let pair = [&[common], halves.as_slice()].concat();
        for request in [
            create("AES", 256, &names),
            register("AES", &[7; 32], &names),
            import("new", None, "AES", &[7; 32], &names),
            replace("k", "AES", &[7; 32], &names),
            structure("CreateKeyPair", &pair),
        ] {
            alice.refused(&request, 400, "Invalid_Field");
        }
    }
}

#[test]
fn tags_and_vendor_attributes() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let longest = "t".repeat(255);
    let many: Vec<String> = (0..32).map(|number| format!("tag {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for given in [&[longest.as_str()][..], &["ä \u{1f511} % '"], &many] {
        let id = alice.new_key(&create("AES", 256, &[tags(given)]));
        assert_eq!(alice.located(&crate::harness::kmip::locate(&[tags(given)], &[])).0, [id]);
    }
    let too_many: Vec<&str> = [&many[..], &["one more"]].concat();
    let too_long = "t".repeat(256);
    for given in [&too_many[..], &[too_long.as_str()]] {
        alice.refused(&create("AES", 256, &[tags(given)]), 400, "Invalid_Attribute_Value");
    }
    alice.refused(&create("AES", 256, &[tags(&[""])]), 400, "Invalid_Field");
    for text in ["", "prod", "{}", "[1]", "[\"a\"", "null"] {
        let attribute = vendor_attribute("claviger", "tag", text);
        alice.refused(&create("AES", 256, &[attribute]), 400, "Invalid_Attribute_Value");
    }
    // The vendor of an older system, which its clients still use.
    let older = vendor_attribute("cosmian", "tag", "[\"old\"]");
    let id = alice.new_key(&create("AES", 256, &[older]));
    assert_eq!(alice.located(&crate::harness::kmip::locate(&[tags(&["old"])], &[])).0, [id]);
    let large = vendor_attribute("acme", "blob", &"b".repeat(20_000));
    alice.refused(&create("AES", 256, &[large]), 400, "Invalid_Attribute_Value");
    // Only the server sets the attribute that counts the values of a secret. An attribute of another vendor with this
    // name is like any other.
    let counter = |vendor: &str| {
        let mut attribute = vendor_attribute(vendor, "secret_version", "");
        attribute["value"][2] = serde_json::json!({"tag": "AttributeValue", "type": "LongInteger", "value": 5});
        attribute
    };
    alice.refused(&create("AES", 256, &[counter("claviger")]), 400, "Attribute_Read_Only");
    let forged = crate::harness::kmip::import("forged", None, "AES", &[7; 32], &[counter("claviger")]);
    alice.refused(&forged, 400, "Attribute_Read_Only");
    let id = alice.new_key(&create("AES", 256, &[counter("acme")]));
    alice.seal(&id, b"data");
}
