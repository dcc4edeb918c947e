//! Curves of key pairs: their names in the templates of PKCS#11, and their points.

/// Header of a point in uncompressed form (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

/// Tag of an OCTET STRING in DER.
const OCTET_STRING: u8 = 0x04;

/// A curve of ECDSA (SEC 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
    /// secp256k1.
    Secp256k1,
}

impl Curve {
    /// All curves.
    pub const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::Secp256k1];

    /// Returns the length in bytes of a coordinate, and of a number below the order.
    pub fn bytes(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Returns CKA_EC_PARAMS: the DER of the object identifier.
    pub(crate) fn params(self) -> &'static [u8] {
        match self {
            Self::P256 => &crate::signing::PRIME256V1,
            Self::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
            Self::Secp256k1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        }
    }

    /// Decodes CKA_EC_POINT to an uncompressed point.
    pub(crate) fn point(self, encoded: &[u8]) -> Option<Vec<u8>> {
        let point = octets(encoded, 2 * self.bytes() + 1)?;
        (point.first() == Some(&UNCOMPRESSED)).then(|| point.to_vec())
    }
}

/// CKA_EC_PARAMS of Ed25519: the DER of its object identifier (RFC 8410, 3).
pub(crate) const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];

/// Length in bytes of a public key, and of a seed, of Ed25519 (RFC 8032, 5.1.5).
pub(crate) const ED25519_BYTES: usize = 32;

/// CKA_EC_PARAMS of X25519: the DER of its object identifier (RFC 8410, 3).
pub(crate) const X25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x6e];

/// Length in bytes of a public key, of a private key and of a shared secret of X25519 (RFC 7748, 5).
pub(crate) const X25519_BYTES: usize = 32;

/// Returns the content of CKA_EC_POINT, which has this length: the DER of an OCTET STRING, or, of some tokens, the
/// content itself. Only the length distinguishes the two.
pub(crate) fn octets(encoded: &[u8], bytes: usize) -> Option<&[u8]> {
    if encoded.len() == bytes {
        return Some(encoded);
    }
    let rest = encoded.strip_prefix(&[OCTET_STRING])?;
    // A length from 128 has a byte of its own in front, which says how many bytes the length has.
    let content = match bytes {
        0..=0x7f => rest.strip_prefix(&[u8::try_from(bytes).ok()?]),
        _ => rest.strip_prefix(&[0x81, u8::try_from(bytes).ok()?]),
    }?;
    (content.len() == bytes).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_with_and_without_an_octet_string() {
        for curve in Curve::ALL {
            let mut bare = vec![7; 2 * curve.bytes() + 1];
            bare[0] = UNCOMPRESSED;
            let length = u8::try_from(bare.len()).unwrap();
            let header = if length < 0x80 { vec![0x04, length] } else { vec![0x04, 0x81, length] };
            let whole = [header.as_slice(), &bare].concat();
            for encoded in [&bare, &whole] {
                assert_eq!(curve.point(encoded).as_ref(), Some(&bare), "{curve:?}");
                assert_eq!(curve.point(&encoded[..encoded.len() - 1]), None, "{curve:?}");
                assert_eq!(curve.point(&[encoded.as_slice(), &[0]].concat()), None, "{curve:?}");
            }
            bare[0] = 0x02;
            assert_eq!(curve.point(&bare), None, "{curve:?}");
        }
        assert_eq!(octets(&[&[4, 32][..], &[9; 32]].concat(), ED25519_BYTES), Some(&[9; 32][..]));
    }
}
