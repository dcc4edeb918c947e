//! Base64 as it comes from clients (RFC 4648 sections 4 and 5): in either alphabet, with padding or without.
//!
//! What the server writes is in the one form that each client reads. A credential has one text: JWTs and the API token are read strictly.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

/// The bytes of a text in base64. Both alphabets are read, not mixed in one text; padding is whole or left out; bits that encode
/// nothing must be zero (RFC 4648 section 3.5), so that in each form there is one text for the bytes.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let is_url = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let encoding = match (is_url, text.ends_with(b"=")) {
        (false, true) => BASE64,
        (false, false) => BASE64_NOPAD,
        (true, true) => BASE64URL,
        (true, false) => BASE64URL_NOPAD,
    };
    encoding.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_one_text() {
        let bytes = [0xfb, 0xff, 0xbf, 0x01];
        for text in ["+/+/AQ==", "+/+/AQ", "-_-_AQ==", "-_-_AQ"] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(&bytes[..]), "{text}");
        }
        assert_eq!(decode(b""), Some(Vec::new()));
        for text in ["+/-_AQ==", "+/+/AQ=", "+/+/AR==", "+/+/A", "+/+/ AQ", "+/+/AQ==\n", "=", "+/+/AQ===", "+/+=AQ=="]
        {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
