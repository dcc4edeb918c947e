//! Get (KMIP 2.1 section 6.1.19), and the part that it shares with Export.

use openssl::rand::rand_bytes;

use super::super::gate::{Grant, Usable};
use super::super::kept;
use super::super::kept_fault::KeptFault;
use super::super::key_fault::KeyFault;
use super::super::key_formats::{formats, write_private, write_public};
use super::super::key_pair::pair_kind;
use super::super::key_wrapping::{IV, parameters, way, wrap_bytes};
use super::super::object::Object;
use super::super::object_kind::Form;
use super::super::{Call, Error, Kms};
use super::Purpose;
use crate::custody::{self, AesWrap, KeyWrap, PairKind};
use crate::kmip::enumerations::{
    EncodingOption, KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType, Operation, WrappingMethod,
};
use crate::kmip::key_block::{
    KeyBlock, KeyInformation, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification,
};
use crate::kmip::objects::{PrivateKey, PublicKey, SymmetricKey};
use crate::kmip::payloads::get::{Request, Response};
use crate::kmip::versions::Version;
use crate::kmip::{ManagedObject, Tag};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?.undestroyed()?;
    let wanted = Wanted {
        format: request.key_format_type,
        compression: request.key_compression_type,
        wrap_type: request.key_wrap_type,
        wrapping: request.key_wrapping_specification.as_deref(),
    };
    let object = wanted.object(kms, call, &grant)?;
    grant.note_giving()?;
    Ok(Response { object_type: object.object_type(), unique_identifier: grant.object().id.clone(), object })
}

/// The requested form of an object. Key Wrap Type has an effect only on an object that was registered in wrapped form.
pub(in crate::kms) struct Wanted<'a> {
    pub(super) format: Option<KeyFormatType>,
    pub(super) compression: Option<KeyCompressionType>,
    pub(super) wrap_type: Option<KeyWrapType>,
    pub(super) wrapping: Option<&'a KeyWrappingSpecification>,
}

impl Wanted<'_> {
    /// The key in the requested form.
    pub(in crate::kms) fn object(&self, kms: &Kms, call: &Call<'_>, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        let mut object = self.formed(kms, call, grant)?;
        // PyKMIP, which speaks up to 2.0, and clients of the bare dialect read only a structure around wrapped key
        // material.
        if self.wrapping.is_some() && call.context.way.version == Some(Version::V2_1) {
            kept::unstructure(&mut object);
        }
        Ok(object)
    }

    fn formed(&self, kms: &Kms, call: &Call<'_>, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        let form = grant.object().kind.form();
        if self.compression.is_some() && form != Form::Kept {
            return Err(Error::Invalid { tag: Tag::KeyCompressionType, fault: "it is for elliptic curve points" });
        }
        match form {
            Form::Kept => return self.kept(kms, call, grant),
            Form::PublicKey => return self.public(grant),
            Form::PrivateKey => return self.private(kms, call, grant),
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
            (_, other) => return Err(KeyFault::symmetric(other).into()),
        };
        describe(&mut block, grant);
        Ok(ManagedObject::SymmetricKey(SymmetricKey { key_block: block }))
    }

    /// An object that is kept: as it was registered, or wrapped.
    fn kept(&self, kms: &Kms, call: &Call<'_>, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        if let Some(specification) = self.wrapping {
            return self.kept_wrapped(kms, call, grant, specification);
        }
        let mut object = grant.kept()?;
        let own = kept::format(&object);
        // Of an object that was registered in one format, another one may have been requested for Get.
        let wanted = self.format.or(grant.object().attributes.key_format_type).unwrap_or(own);
        if wanted != own && !kept::is_converted(&object, wanted) {
            return Err(KeptFault::Format { wanted, own }.into());
        }
        if let Some(block) = object.key_block() {
            if block.key_wrapping_data.is_some() && self.wrap_type == Some(KeyWrapType::NotWrapped) {
                return Err(Error::KeyWrap("the key was registered wrapped, and the server does not unwrap it"));
            }
            if self.compression.is_some() && self.compression != block.key_compression_type {
                return Err(Error::Invalid { tag: Tag::KeyCompressionType, fault: "it is not that of the object" });
            }
        }
        if wanted != own {
            kept::convert(&mut object, wanted);
        }
        Ok(object)
    }

    /// The key material of a kept object, wrapped under another key inside the HSM token.
    fn kept_wrapped(
        &self,
        kms: &Kms,
        call: &Call<'_>,
        grant: &Grant<'_>,
        specification: &KeyWrappingSpecification,
    ) -> Result<ManagedObject, Error> {
        use ObjectType::{PrivateKey, SecretData, SymmetricKey};
        if !matches!(grant.object().kind.object_type(), SymmetricKey | SecretData | PrivateKey) {
            return Err(Error::KeyWrap("only symmetric keys, private keys and secret data are wrapped"));
        }
        let is_secret_data = grant.object().kind.object_type() == SecretData;
        let is_sensitive = grant.object().attributes.sensitive == Some(true);
        let wrapping = wrapping_key(kms, call, specification)?;
        let (data, how) = wrapping_data(specification, wrapping.object())?;
        if grant.object().kind.object_type() == PrivateKey {
            check_authentic(how)?;
        }
        let mut object = grant.kept_for(&wrapping, how)?;
        let own = kept::format(&object);
        if let Some(wanted) = self.format.filter(|wanted| *wanted != own) {
            return Err(KeptFault::Format { wanted, own }.into());
        }
        let Some(block) = kept::key_block(&mut object) else { return Err(Error::Missing(Tag::KeyBlock)) };
        if block.key_wrapping_data.is_some() {
            return Err(Error::KeyWrap("the key was registered wrapped: it is not wrapped again"));
        }
        let value = kept::clear(block)
            .ok_or(Error::KeyWrap("only key material that is bytes is wrapped: the key was registered as a structure"))?
            .clone();
        if is_sensitive && (is_secret_data || value.len() < kept::MIN_DIGESTED) {
            return Err(Error::KeyWrap(
                "Sensitive secret data and Sensitive keys below 16 bytes are not wrapped: key wrap gives equal results for equal values, so that a caller could try values",
            ));
        }
        if own == KeyFormatType::TransparentSymmetricKey {
            block.key_format_type = KeyFormatType::Raw;
        }
        block.key_value = Some(if data.encoding_option == Some(EncodingOption::NoEncoding) {
            let material = KeyMaterial::Bytes(wrap_bytes(&wrapping, how, &value)?);
            KeyValue::Plain { material, attributes: None }
        } else {
            let plain = KeyValue::Plain { material: KeyMaterial::Bytes(value), attributes: None };
            KeyValue::Wrapped(wrap_bytes(&wrapping, how, &kept::key_value(plain)?)?)
        });
        block.key_wrapping_data = Some(data);
        Ok(object)
    }

    /// A public key in one of its formats (section 11.22).
    fn public(&self, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        if self.wrapping.is_some() {
            return Err(Error::KeyWrap("a public key is not wrapped"));
        }
        let own = &grant.object().attributes;
        let (info, format) = (grant.public_key()?, self.format.or(own.key_format_type).unwrap_or(KeyFormatType::X_509));
        let material = write_public(info, format)?
            .ok_or_else(|| KeyFault::Format { format, formats: formats(pair_kind(own).ok(), false) })?;
        Ok(ManagedObject::PublicKey(PublicKey { key_block: block(grant, format, material) }))
    }

    /// A private key that may leave, in one of its formats (section 11.22).
    fn private(&self, kms: &Kms, call: &Call<'_>, grant: &Grant<'_>) -> Result<ManagedObject, Error> {
        let own = &grant.object().attributes;
        let kind = pair_kind(own)?;
        if let Some(specification) = self.wrapping {
            return private_wrapped(kms, call, grant, specification, (self.format, kind));
        }
        let format = self.format.or(own.key_format_type).unwrap_or(KeyFormatType::PKCS_8);
        let material = private_material(grant, kind, format)?;
        Ok(ManagedObject::PrivateKey(PrivateKey { key_block: block(grant, format, material) }))
    }
}

/// The private key in clear, if its class permits it.
fn private_material(grant: &Grant<'_>, kind: PairKind, format: KeyFormatType) -> Result<KeyMaterial, Error> {
    let key = grant.private_key(kind)?;
    let material = write_private(&key, kind, format)?;
    material.ok_or_else(|| KeyFault::Format { format, formats: formats(Some(kind), true) }.into())
}

/// A private key wrapped under another key. In clear, its bytes are wrapped as those of other objects are. A sensitive one
/// is wrapped inside the HSM token, as PKCS#8, by AES key wrap with padding.
fn private_wrapped(
    kms: &Kms,
    call: &Call<'_>,
    grant: &Grant<'_>,
    specification: &KeyWrappingSpecification,
    (format, kind): (Option<KeyFormatType>, PairKind),
) -> Result<ManagedObject, Error> {
    let wrapping = wrapping_key(kms, call, specification)?;
    let (data, how) = wrapping_data(specification, wrapping.object())?;
    check_authentic(how)?;
    let format = format.or(grant.object().attributes.key_format_type).unwrap_or(KeyFormatType::PKCS_8);
    let is_bare = data.encoding_option == Some(EncodingOption::NoEncoding);
    let (format, value) = if how == AesWrap::Padded.into() {
        if !is_bare {
            return Err(Error::EncodingOption);
        }
        let blob = Bytes::from(grant.private_wrapped_under(&wrapping)?);
        (KeyFormatType::PKCS_8, KeyValue::Plain { material: KeyMaterial::Bytes(blob), attributes: None })
    } else {
        let material = match private_material(grant, kind, format) {
            Err(Error::Sensitive | Error::NoneInClear) => {
                return Err(Error::KeyWrap(
                    "a Sensitive private key is wrapped with BlockCipherMode AESKeyWrapPadding and EncodingOption NoEncoding",
                ));
            }
            material => material?,
        };
        let value = match (is_bare, &material) {
            (false, _) => {
                let plain = KeyValue::Plain { material, attributes: None };
                KeyValue::Wrapped(wrap_bytes(&wrapping, how, &kept::key_value(plain)?)?)
            }
            (true, KeyMaterial::Bytes(bytes)) => {
                let wrapped = wrap_bytes(&wrapping, how, bytes)?;
                KeyValue::Plain { material: KeyMaterial::Bytes(wrapped), attributes: None }
            }
            (true, _) => return Err(Error::EncodingOption),
        };
        (format, value)
    };
    let mut block = block(grant, format, KeyMaterial::Bytes(Bytes::from(Vec::new())));
    (block.key_value, block.key_wrapping_data) = (Some(value), Some(data));
    Ok(ManagedObject::PrivateKey(PrivateKey { key_block: block }))
}

/// The key block of a private or public key.
fn block(grant: &Grant<'_>, format: KeyFormatType, material: KeyMaterial) -> KeyBlock {
    let mut block = KeyBlock {
        key_format_type: format,
        key_value: Some(KeyValue::Plain { material, attributes: None }),
        ..KeyBlock::raw(Bytes::from(Vec::new()))
    };
    describe(&mut block, grant);
    block
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

/// The key wrapped under another key that the caller may use: under an AES key inside the HSM token.
fn wrapped(
    kms: &Kms,
    call: &Call<'_>,
    grant: &Grant<'_>,
    specification: &KeyWrappingSpecification,
) -> Result<KeyBlock, Error> {
    let wrapping = wrapping_key(kms, call, specification)?;
    let (data, how) = wrapping_data(specification, wrapping.object())?;
    if data.encoding_option == Some(EncodingOption::NoEncoding) {
        let blob = match how {
            KeyWrap::Aes(how) => Bytes::from(grant.wrapped_under(&wrapping, how)?),
            KeyWrap::Oaep(_) => wrap_bytes(&wrapping, how, &clear(grant)?)?,
        };
        return Ok(KeyBlock { key_wrapping_data: Some(data), ..KeyBlock::raw(blob) });
    }
    // The HSM has the bytes of the key, and not their encoding. It gets the encoding only of a key that may leave in
    // clear anyway.
    let value = match grant.value() {
        Ok(value) => KeyValue::Plain { material: KeyMaterial::Bytes(Bytes::from(value.expose())), attributes: None },
        Err(Error::Sensitive | Error::NoneInClear) => return Err(Error::EncodingOption),
        Err(error) => return Err(error),
    };
    let wrapped = KeyValue::Wrapped(wrap_bytes(&wrapping, how, &kept::key_value(value)?)?);
    Ok(KeyBlock { key_value: Some(wrapped), key_wrapping_data: Some(data), ..KeyBlock::raw(Bytes::from(Vec::new())) })
}

/// The wrapping key. Its use is decided as every use of a key; it needs the permission to encrypt.
fn wrapping_key<'a>(
    kms: &'a Kms,
    call: &'a Call<'a>,
    specification: &KeyWrappingSpecification,
) -> Result<Usable<'a>, Error> {
    if specification.wrapping_method != WrappingMethod::Encrypt || specification.mac_signature_key_information.is_some()
    {
        return Err(Error::KeyWrap("only WrappingMethod Encrypt is supported"));
    }
    if !specification.attribute_names.is_empty() {
        return Err(Error::KeyWrap("attributes are not wrapped with the key"));
    }
    let information =
        specification.encryption_key_information.as_ref().ok_or(Error::Missing(Tag::EncryptionKeyInformation))?;
    kms.authorize_beside(call, Operation::Encrypt, Some(&information.unique_identifier))?.usable_for(Purpose::WRAP_KEY)
}

/// Checks how a key is to be wrapped by this one, and says it for the answer.
fn wrapping_data<'a>(
    specification: &'a KeyWrappingSpecification,
    by: &'a Object,
) -> Result<(KeyWrappingData, KeyWrap<'a>), Error> {
    let information =
        specification.encryption_key_information.as_ref().ok_or(Error::Missing(Tag::EncryptionKeyInformation))?;
    let how = way(by, information.cryptographic_parameters.as_ref(), || {
        let mut iv = [0; IV];
        rand_bytes(&mut iv).map_err(custody::Error::Random)?;
        Ok(iv)
    })?;
    let iv = if let KeyWrap::Aes(AesWrap::Cbc { iv }) = how { Some(Bytes::from(iv.to_vec())) } else { None };
    let data = KeyWrappingData {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(KeyInformation {
            unique_identifier: information.unique_identifier.clone(),
            cryptographic_parameters: Some(parameters(how)),
        }),
        mac_signature_key_information: None,
        mac_signature: None,
        iv_counter_nonce: iv,
        encoding_option: specification.encoding_option,
    };
    Ok((data, how))
}

/// Refuses AES-CBC for a private key: the signatures of one that was changed on its way can reveal it.
fn check_authentic(how: KeyWrap<'_>) -> Result<(), Error> {
    match how {
        KeyWrap::Aes(AesWrap::Cbc { .. }) => {
            Err(Error::KeyWrap("a private key is not wrapped by AES-CBC, which does not show that it was changed"))
        }
        KeyWrap::Oaep(_) => Err(Error::KeyWrap("a private key is too long to be wrapped under an RSA key")),
        KeyWrap::Aes(AesWrap::Plain | AesWrap::Padded) => Ok(()),
    }
}
