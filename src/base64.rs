//! Decoding of Base64 from clients (RFC 4648 sections 4 and 5): in either alphabet, with or without padding.
//!
//! It is not used for JWTs and the API token, which are read strictly, so that a credential has only one text. The
//! server writes only the one form that each client expects.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

/// Decodes a text in Base64; `None` if it is not valid. Both alphabets are accepted, but not mixed in one text. Padding
/// must be complete or absent. Unused bits must be zero (RFC 4648 section 3.5), so that in each form there is one text
/// for the bytes.
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
