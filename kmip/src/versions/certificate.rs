//! The attributes by which KMIP 1.0 identifies a certificate: the text of what later versions have as DER (KMIP 1.4,
//! sections 3.10 to 3.15).

use super::super::attributes::{AttributeReference, CertificateIdentity};
use super::super::hexadecimal;
use super::super::tag::Tag;
use super::super::ttlv::{Item, Value};
use super::distinguished_name;

/// Adds the attributes of KMIP 1.0 to those from which they follow. If the client has named attributes, those of either
/// form that it has not named are left out.
pub(super) fn with_former(attributes: Vec<Item>, asked: &[AttributeReference]) -> Vec<Item> {
    let is_asked = |tag: Tag| asked.is_empty() || asked.contains(&AttributeReference::Tag(tag));
    let mut all = Vec::with_capacity(attributes.len());
    for item in attributes {
        let Some(former) = CertificateIdentity::former(item.tag) else {
            all.push(item);
            continue;
        };
        let text = is_asked(former).then(|| former_of(&item)).flatten();
        if is_asked(item.tag) {
            all.push(item);
        }
        all.extend(text);
    }
    all
}

/// The attribute of KMIP 1.0 that follows from an attribute; `None` for other attributes, and if the DER is invalid.
fn former_of(item: &Item) -> Option<Item> {
    let tag = CertificateIdentity::former(item.tag)?;
    let Value::Structure(parts) = &item.value else { return None };
    let texts = parts.iter().filter_map(|Item { tag, value }| {
        let Value::ByteString(der) = value else { return None };
        let (tag, text) = match *tag {
            Tag::IssuerDistinguishedName if item.tag == Tag::X_509CertificateIdentifier => {
                (Tag::Issuer, distinguished_name::text(der)?)
            }
            Tag::CertificateSerialNumber => (Tag::SerialNumber, serial_number(der)?),
            Tag::IssuerDistinguishedName => (Tag::CertificateIssuerDistinguishedName, distinguished_name::text(der)?),
            Tag::SubjectDistinguishedName => (Tag::CertificateSubjectDistinguishedName, distinguished_name::text(der)?),
            Tag::IssuerAlternativeName => (Tag::CertificateIssuerAlternativeName, alternative_name(der)?),
            Tag::SubjectAlternativeName => (Tag::CertificateSubjectAlternativeName, alternative_name(der)?),
            _ => return None,
        };
        Some(Item::new(tag, text))
    });
    let texts: Vec<Item> = texts.collect();
    // Every form of the attribute begins with a name that the client needs.
    let has_name = texts.first().is_some_and(|text| {
        matches!(
            text.tag,
            Tag::Issuer | Tag::CertificateIssuerDistinguishedName | Tag::CertificateSubjectDistinguishedName
        )
    });
    has_name.then_some(Item { tag, value: Value::Structure(texts) })
}

/// The serial number as hexadecimal digits, without the octet that only holds the sign.
fn serial_number(der: &[u8]) -> Option<String> {
    let (0x02, content, []) = distinguished_name::element(der)? else { return None };
    let number = match content {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    Some(hexadecimal::upper(number))
}

/// A GeneralName that has a text form: an electronic mail address, a DNS name, a directory name, a URI or an IP address
/// (RFC 5280, section 4.2.1.6). `None` for the others.
fn alternative_name(der: &[u8]) -> Option<String> {
    let (kind, content, []) = distinguished_name::element(der)? else { return None };
    match kind {
        0x81 | 0x82 | 0x86 if content.is_ascii() => String::from_utf8(content.to_vec()).ok(),
        0xA4 => distinguished_name::text(content),
        0x87 => match content.len() {
            4 => <[u8; 4]>::try_from(content).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(content).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}
