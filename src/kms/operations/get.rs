//! Get (KMIP 2.1 section 6.1.19), and the part that it shares with Export.

use openssl::rsa::Rsa;

use super::super::gate::Grant;
use super::super::object_kind::Form;
use super::super::{Call, Error, Kms};
use super::Purpose;
use crate::custody;
use crate::kmip::enumerations::{
    BlockCipherMode, CryptographicAlgorithm, EncodingOption, KeyFormatType, Operation, WrappingMethod,
};
use crate::kmip::key_block::{
    KeyBlock, KeyInformation, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification,
};
use crate::kmip::objects::{PublicKey, SymmetricKey};
use crate::kmip::payloads::get::{Request, Response};
use crate::kmip::{CryptographicParameters, ManagedObject, Tag};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let wanted = Wanted {
        format: request.key_format_type,
        compressed: request.key_compression_type.is_some(),
        wrapping: request.key_wrapping_specification.as_deref(),
    };
    let object = wanted.object(kms, call, &grant)?;
    Ok(Response { object_type: object.object_type(), unique_identifier: grant.object().id.clone(), object })
}

/// The requested form of a key. Key Wrap Type has no effect: no key is registered in wrapped form.
pub(in crate::kms) struct Wanted<'a> {
    pub(super) format: Option<KeyFormatType>,
    pub(super) compressed: bool,
    pub(super) wrapping: Option<&'a KeyWrappingSpecification>,
}

impl Wanted<'_> {
    /// The key in the requested form.
    pub(in crate::kms) fn object(&self, kms: &Kms, call: &Call<'_>, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        if self.compressed {
            return Err(Error::Invalid { tag: Tag::KeyCompressionType, fault: "it is for elliptic curve points" });
        }
        match grant.object().kind.form() {
            Form::PublicKey => return self.public(grant),
            Form::Never => return Err(Error::NotExtractable),
            Form::Key => {}
        }
        // The format that was requested when the key was made. A wrapped key is always its bytes.
        let own = grant.object().attributes.key_format_type.filter(|_| self.wrapping.is_none());
        let format = self.format.or(own).unwrap_or(KeyFormatType::Raw);
        let mut block = match (self.wrapping, format) {
            (None, KeyFormatType::Raw) => KeyBlock::raw(clear(grant)?),
            (None, KeyFormatType::TransparentSymmetricKey) => KeyBlock {
                key_format_type: format,
                key_value: Some(KeyValue::Plain {
                    material: KeyMaterial::TransparentSymmetricKey(clear(grant)?),
                    attributes: None,
                }),
                ..KeyBlock::raw(Bytes::from(Vec::new()))
            },
            (Some(specification), KeyFormatType::Raw) => wrapped(kms, call, grant, specification)?,
            (_, other) => return Err(Error::KeyFormat(other)),
        };
        describe(&mut block, grant);
        Ok(ManagedObject::SymmetricKey(SymmetricKey { key_block: block }))
    }

    /// A public key: as X.509's SubjectPublicKeyInfo, or for RSA as PKCS#1's RSAPublicKey (section 11.22).
    fn public(&self, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        if self.wrapping.is_some() {
            return Err(Error::KeyWrap("a public key is not wrapped"));
        }
        let own = grant.object().attributes.key_format_type;
        let (info, format) = (grant.public_key()?, self.format.or(own).unwrap_or(KeyFormatType::X_509));
        let is_rsa = grant.object().algorithm() == Some(CryptographicAlgorithm::RSA);
        let bytes = match format {
            KeyFormatType::X_509 => info.to_vec(),
            KeyFormatType::PKCS_1 if is_rsa => Rsa::public_key_from_der(info)
                .and_then(|key| key.public_key_to_der_pkcs1())
                .map_err(|error| Error::Internal(custody::Error::PublicKey(error)))?,
            other => return Err(Error::PublicKeyFormat(other)),
        };
        let mut block = KeyBlock { key_format_type: format, ..KeyBlock::raw(Bytes::from(bytes)) };
        describe(&mut block, grant);
        Ok(ManagedObject::PublicKey(PublicKey { key_block: block }))
    }
}

/// Sets the algorithm and length in a key block.
fn describe(block: &mut KeyBlock, grant: &Grant<'_>) {
    let attributes = &grant.object().attributes;
    block.cryptographic_algorithm = attributes.cryptographic_algorithm;
    block.cryptographic_length = attributes.cryptographic_length;
}

fn clear(grant: &Grant<'_>) -> Result<Bytes, Error> {
    Ok(Bytes::from(grant.value()?.expose()))
}

/// The key wrapped under another key that the caller may use, by AES key wrap inside the HSM token.
fn wrapped(
    kms: &Kms,
    call: &Call<'_>,
    grant: &Grant<'_>,
    specification: &KeyWrappingSpecification,
) -> Result<KeyBlock, Error> {
    if specification.wrapping_method != WrappingMethod::Encrypt || specification.mac_signature_key_information.is_some()
    {
        return Err(Error::KeyWrap("only WrappingMethod Encrypt is supported"));
    }
    if specification.encoding_option != Some(EncodingOption::NoEncoding) {
        return Err(Error::EncodingOption);
    }
    if !specification.attribute_names.is_empty() {
        return Err(Error::KeyWrap("attributes are not wrapped with the key"));
    }
    let information =
        specification.encryption_key_information.as_ref().ok_or(Error::Missing(Tag::EncryptionKeyInformation))?;
    let mode = information.cryptographic_parameters.as_ref().and_then(|parameters| parameters.block_cipher_mode);
    if mode.is_some_and(|mode| mode != BlockCipherMode::NISTKeyWrap) {
        return Err(Error::KeyWrap("only BlockCipherMode NISTKeyWrap (RFC 3394) is supported"));
    }
    // The use of the wrapping key is decided as every use of a key; it needs the permission to encrypt.
    let wrapping = kms
        .authorize_beside(call, Operation::Encrypt, Some(&information.unique_identifier))?
        .usable_for(Purpose::WRAP_KEY)?;
    let blob = Bytes::from(grant.wrapped_under(&wrapping)?);
    let data = KeyWrappingData {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(KeyInformation {
            unique_identifier: information.unique_identifier.clone(),
            cryptographic_parameters: Some(CryptographicParameters {
                block_cipher_mode: Some(BlockCipherMode::NISTKeyWrap),
                ..CryptographicParameters::default()
            }),
        }),
        mac_signature_key_information: None,
        mac_signature: None,
        iv_counter_nonce: None,
        encoding_option: Some(EncodingOption::NoEncoding),
    };
    Ok(KeyBlock { key_wrapping_data: Some(data), ..KeyBlock::raw(blob) })
}
