//! The authority: its key and certificate, and what it signs.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, BigNumRef, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder, X509NameRef, X509Ref};

use super::directory::{Access, Directory};
use super::error::Error as PkiError;
use super::host::Host;
use super::password::PasswordOptions;
use crate::cli::error::Error;
use crate::hexadecimal;
use crate::secret::{Bytes, Password};
use crate::x509::{self, unix_time};

pub(super) const CERTIFICATE: &str = "ca.pem";
pub(super) const KEY: &str = "ca.key";

/// A certificate that is valid for this time is kept, in seconds.
pub(super) const WEEK: i64 = 7 * DAY;

const DAY: i64 = 24 * 60 * 60;

/// The time by which the clocks of others may be behind, in seconds.
const BEFORE: i64 = 5 * 60;

/// The bits of a serial number, of which RFC 5280 section 4.1.2.2 allows 160.
const SERIAL_BITS: i32 = 127;

/// An authority whose key is known.
pub(super) struct Authority {
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A certificate to issue.
pub(super) struct Subject<'a> {
    pub(super) common_name: &'a str,
    pub(super) purpose: Purpose,
    /// The names and addresses of a server.
    pub(super) hosts: &'a [Host],
    pub(super) days: u32,
}

impl Authority {
    /// Makes an authority that is valid for some days, and does not store it.
    pub(super) fn new(days: u32, now: i64) -> Result<Self, ErrorStack> {
        let key = key()?;
        // The name has a random number: a replaced authority has another key, and OpenSSL finds an issuer by its name.
        let mut random = [0; 4];
        openssl::rand::rand_bytes(&mut random)?;
        let name = name(&format!("Claviger authority {}", hexadecimal::lower(&random)))?;
        let mut builder = builder(&name, &name, &key, now, now + i64::from(days) * DAY)?;
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
        builder.append_extension(identifier)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self { certificate: builder.build(), key })
    }

    /// Returns the key as PKCS#8, encrypted by AES-256-CBC with a key derived from the password (RFC 8018).
    pub(super) fn encrypted_key(&self, password: &Password) -> Result<Vec<u8>, ErrorStack> {
        self.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes())
    }

    /// Returns the certificate of the authority, if the directory has an authority.
    pub(super) fn certificate(directory: &Directory) -> Result<Option<X509>, Error> {
        let (has_certificate, has_key) = (directory.has(CERTIFICATE), directory.has(KEY));
        match (has_certificate, has_key) {
            (false, false) => return Ok(None),
            (true, false) => return Err(PkiError::HalfAnAuthority(directory.path(KEY)).into()),
            (false, true) => return Err(PkiError::HalfAnAuthority(directory.path(CERTIFICATE)).into()),
            (true, true) => {}
        }
        let pem = directory.read(CERTIFICATE)?.unwrap_or_default();
        let unusable = || PkiError::Unusable { path: directory.path(CERTIFICATE), fault: "it is not a certificate" };
        Ok(Some(X509::from_pem(&pem).map_err(|_| unusable())?))
    }

    /// Opens the authority of a directory to issue certificates.
    pub(super) fn open(directory: &Directory, password: &PasswordOptions, now: i64) -> Result<Self, Error> {
        let certificate = Self::existing(directory)?;
        check_lasts(directory, &certificate, now)?;
        Self::with_key(directory, certificate, password)
    }

    fn existing(directory: &Directory) -> Result<X509, Error> {
        Ok(Self::certificate(directory)?.ok_or_else(|| PkiError::NoAuthority(directory.path("")))?)
    }

    /// Opens the authority of a directory, also one that ends soon and was replaced.
    pub(super) fn open_to_revoke(directory: &Directory, password: &PasswordOptions) -> Result<Self, Error> {
        Self::with_key(directory, Self::existing(directory)?, password)
    }

    fn with_key(directory: &Directory, certificate: X509, password: &PasswordOptions) -> Result<Self, Error> {
        let path = directory.path(KEY);
        let pem = directory.read_private("key of the authority", KEY)?.unwrap_or_default();
        let unusable = |fault| PkiError::Unusable { path: path.clone(), fault };
        let key = if pem.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            let password = password.existing(directory)?;
            let key = PKey::private_key_from_pem_passphrase(&pem, password.as_bytes());
            key.map_err(|_| PkiError::WrongPassword(path.clone()))?
        } else {
            return Err(unusable("it is not an encrypted private key: encrypt it with `openssl pkcs8 -topk8`").into());
        };
        let own = certificate.public_key().map_err(PkiError::from)?;
        if !key.public_eq(&own) {
            return Err(unusable("it is not the key of ca.pem").into());
        }
        Ok(Self { certificate, key })
    }

    /// Issues a certificate with a key of its own. It ends with the authority at the latest.
    pub(super) fn issue(&self, subject: &Subject<'_>, now: i64) -> Result<(PKey<Private>, X509), ErrorStack> {
        let key = key()?;
        let end = (now + i64::from(subject.days) * DAY).min(unix_time(self.certificate.not_after())?);
        let name = name(subject.common_name)?;
        let mut builder = builder(&name, self.certificate.subject_name(), &key, now, end)?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        let mut usage = ExtendedKeyUsage::new();
        match subject.purpose {
            Purpose::Server => usage.server_auth(),
            Purpose::Client => usage.client_auth(),
        };
        builder.append_extension(usage.build()?)?;
        if !subject.hosts.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for host in subject.hosts {
                match host {
                    Host::Name(name) => names.dns(name),
                    Host::Address(address) => names.ip(&address.to_string()),
                };
            }
            let names = names.build(&builder.x509v3_context(Some(&self.certificate), None))?;
            builder.append_extension(names)?;
        }
        let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(identifier)?;
        let context = builder.x509v3_context(Some(&self.certificate), None);
        let identifier = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(identifier)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok((key, builder.build()))
    }

    /// Returns whether this authority issued a certificate.
    pub(super) fn has_issued(&self, certificate: &X509Ref) -> bool {
        certificate.verify(&self.key).unwrap_or(false)
    }
}

/// Refuses an authority that ends within a week.
pub(super) fn check_lasts(directory: &Directory, certificate: &X509Ref, now: i64) -> Result<(), PkiError> {
    if unix_time(certificate.not_after())? >= now + WEEK {
        return Ok(());
    }
    Err(PkiError::Ending { path: directory.path(CERTIFICATE), end: x509::end(certificate) })
}

/// Returns the serial number of a certificate in hexadecimal digits.
pub(super) fn serial(certificate: &X509Ref) -> Result<String, ErrorStack> {
    digits(&*certificate.serial_number().to_bn()?)
}

/// Returns a number in hexadecimal digits.
pub(super) fn digits(number: &BigNumRef) -> Result<String, ErrorStack> {
    Ok(number.to_hex_str()?.to_ascii_lowercase())
}

/// Returns the files of a private key: PKCS#8 that is not encrypted.
pub(super) fn plain_key(key: &PKeyRef<Private>) -> Result<Bytes, ErrorStack> {
    key.private_key_to_pem_pkcs8().map(Bytes::from)
}

/// Returns which group may read the public files of the authority.
pub(super) fn public_access(directory: &Directory) -> Access {
    directory.access(CERTIFICATE).unwrap_or(Access::Owner)
}

fn key() -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(builder.build())
}

fn builder(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKeyRef<Private>,
    now: i64,
    end: i64,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509Builder::new()?;
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::ONE, false)?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::from_unix(now - BEFORE)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(end)?)?;
    Ok(builder)
}
