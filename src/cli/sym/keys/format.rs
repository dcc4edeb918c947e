//! Formats of key files.

use std::borrow::Cow;
use std::path::Path;

use data_encoding::BASE64;

use crate::base64;
use crate::cli::error::{Error, KeyFileFault};
use crate::kmip::Dialect;
use crate::kmip::key_block::{KeyBlock, KeyValue};
use crate::kmip::objects::SymmetricKey;
use crate::kmip::ttlv::{Document, Field as _, json};
use crate::secret::Bytes;

/// The format of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// The bytes of the key in base64, without a line end; this is also the form of an API token
    Base64,
    /// The bytes of the key
    Raw,
    /// The KMIP object in JSON, with algorithm and length
    JsonTtlv,
}

/// The name of the only document that is read and written.
const DOCUMENT: &str = "SymmetricKey";

impl Format {
    /// Returns the content of a key file; `None` if the answer holds no key.
    pub(super) fn write(self, key: SymmetricKey) -> Option<Bytes> {
        match self {
            Self::Raw => key_bytes(&key.key_block).cloned(),
            Self::Base64 => Some(Bytes::from(BASE64.encode(key_bytes(&key.key_block)?).into_bytes())),
            Self::JsonTtlv => {
                let document = Document { name: Cow::Borrowed(DOCUMENT), value: key.write() };
                let mut text = Vec::new();
                json::write(&document, Dialect::Bare, &mut text);
                text.push(b'\n');
                Some(Bytes::from(text))
            }
        }
    }

    /// Reads the key in a file.
    pub(super) fn read(self, path: &Path, content: Bytes) -> Result<SymmetricKey, Error> {
        let fault = |format, fault| Error::KeyFile { path: path.to_owned(), format, fault };
        match self {
            Self::Raw => Ok(SymmetricKey { key_block: KeyBlock::raw(content) }),
            Self::Base64 => {
                // Editors and `base64` add line ends.
                let digits = content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>();
                let digits = Bytes::from(digits);
                let bytes = match base64::decode(&digits) {
                    Some(bytes) => bytes,
                    // This decoder's error has the position of the fault.
                    None => BASE64.decode(&digits).map_err(|error| fault("base64", KeyFileFault::Base64(error)))?,
                };
                Ok(SymmetricKey { key_block: KeyBlock::raw(Bytes::from(bytes)) })
            }
            Self::JsonTtlv => read_json(&content).map_err(|error| fault("a key in KMIP's JSON", error)),
        }
    }
}

fn read_json(content: &[u8]) -> Result<SymmetricKey, KeyFileFault> {
    let document = json::read(content)?;
    if document.name != DOCUMENT {
        return Err(KeyFileFault::NotSymmetricKey(document.name.into_owned()));
    }
    Ok(SymmetricKey::read(document.value)?)
}

/// Returns the bytes of a plain or wrapped key.
fn key_bytes(block: &KeyBlock) -> Option<&Bytes> {
    match block.key_value.as_ref()? {
        KeyValue::Plain { material, .. } => material.bytes(),
        KeyValue::Wrapped(wrapped) => Some(wrapped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::enumerations::CryptographicAlgorithm;

    fn key() -> SymmetricKey {
        let mut key_block = KeyBlock::raw(Bytes::from(vec![0, 1, 0xFE, 0xFF]));
        key_block.cryptographic_algorithm = Some(CryptographicAlgorithm::AES);
        key_block.cryptographic_length = Some(32);
        SymmetricKey { key_block }
    }

    #[test]
    fn formats_are_written_and_read() {
        let path = Path::new("file");
        assert_eq!(Format::Base64.write(key()).unwrap().as_slice(), b"AAH+/w==");
        assert_eq!(Format::Raw.write(key()).unwrap().as_slice(), [0, 1, 0xFE, 0xFF]);
        for format in [Format::Base64, Format::Raw] {
            let read = format.read(path, format.write(key()).unwrap()).unwrap();
            assert_eq!(key_bytes(&read.key_block), key_bytes(&key().key_block));
        }
        let json = Format::JsonTtlv.write(key()).unwrap();
        assert!(json.starts_with(br#"{"tag":"SymmetricKey","value":["#) && json.ends_with(b"}\n"));
        assert_eq!(Format::JsonTtlv.read(path, json).unwrap(), key());
        let lines = Bytes::from(&b"AAH+\r\n/w==\n"[..]);
        assert_eq!(key_bytes(&Format::Base64.read(path, lines).unwrap().key_block).unwrap().len(), 4);
    }

    #[test]
    fn faults_do_not_show_the_key() {
        for (format, content) in [
            (Format::Base64, "AAH+/w="),
            (Format::Base64, "AAH_AAH+"),
            (Format::JsonTtlv, "AAH+"),
            (Format::JsonTtlv, r#"{"tag":"Get","value":[]}"#),
            (Format::JsonTtlv, r#"{"tag":"SymmetricKey","value":[]}"#),
        ] {
            let error = format.read(Path::new("file"), Bytes::from(content.as_bytes())).unwrap_err().to_string();
            assert!(error.starts_with("file is not ") && !error.contains("AAH"), "{error}");
        }
    }
}
