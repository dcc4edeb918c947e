//! Subjects of certificates, encoded by hand.

use openssl::x509::X509Name;

/// ASN.1 tags of string types (X.680).
pub const UTF8: u8 = 12;
pub const PRINTABLE: u8 = 19;
pub const T61: u8 = 20;
pub const IA5: u8 = 22;
pub const UNIVERSAL: u8 = 28;
pub const BMP: u8 = 30;

/// Last arcs of the attribute types below 2.5.4.
pub const CN: u8 = 3;
pub const O: u8 = 10;
pub const OU: u8 = 11;

/// One attribute: type, string type, bytes.
pub type Attribute<'a> = (u8, u8, &'a [u8]);

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![tag];
    match content.len() {
        short @ 0..128 => all.push(short as u8),
        long => all.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    all.extend_from_slice(content);
    all
}

/// Returns a Name (RFC 5280 section 4.1.2.4), encoded by hand, because no library makes most of these.
pub fn name(rdns: &[&[Attribute<'_>]]) -> X509Name {
    let mut sequence = Vec::new();
    for rdn in rdns {
        let mut attributes: Vec<Vec<u8>> = rdn
            .iter()
            .map(|(arc, tag, bytes)| {
                let id = der(6, &[0x55, 4, *arc]);
                der(0x30, &[id, der(*tag, bytes)].concat())
            })
            .collect();
        // A SET OF is sorted in DER.
        attributes.sort();
        sequence.extend(der(0x31, &attributes.concat()));
    }
    X509Name::from_der(&der(0x30, &sequence)).unwrap()
}
