//! The certificate revocation list of an authority (RFC 5280 section 5). It is made from the record of the authority.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::x509::extension::AuthorityKeyIdentifier;
use openssl::x509::{CrlNumber, X509Builder, X509Crl, X509CrlBuilder, X509Extension, X509Ref, X509RevokedBuilder};
use serde::{Deserialize, Serialize};

use super::authority::{self, Authority};
use super::directory::Directory;
use super::error::Error as PkiError;
use crate::cli::error::Error;
use crate::x509::unix_time;

/// The file of the list.
pub(super) const FILE: &str = "crl.pem";

/// The most bits of the number of a list. `CrlNumber` takes 159.
const MOST_BITS: i32 = 128;

/// A revoked certificate.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Revoked {
    /// The serial number in hexadecimal digits.
    #[serde(rename = "revoked")]
    pub(super) serial: String,
    /// When it was revoked, in seconds since 1970-01-01 UTC.
    pub(super) at: i64,
}

/// Reads the present list: the revoked certificates, and its number. Without a list, there are no certificates, and the
/// number is zero.
pub(super) fn read(directory: &Directory) -> Result<(Vec<Revoked>, BigNum), Error> {
    let Some(pem) = directory.read(FILE)? else { return Ok((Vec::new(), BigNum::new().map_err(PkiError::from)?)) };
    let unusable = |_| PkiError::Unusable { path: directory.path(FILE), fault: "it is not a CRL in PEM" };
    let list = X509Crl::from_pem(&pem).map_err(unusable)?;
    let number = list.extension::<CrlNumber>().map_err(unusable)?;
    let number = number.map_or_else(BigNum::new, |(_, number)| number.to_bn()).map_err(unusable)?;
    check_number(&number).map_err(unusable)?;
    let all = list.get_revoked().into_iter().flatten();
    let all = all.map(|own| {
        Ok(Revoked {
            serial: authority::digits(&*own.serial_number().to_bn()?)?,
            at: unix_time(own.revocation_date())?,
        })
    });
    Ok((all.collect::<Result<_, ErrorStack>>().map_err(unusable)?, number))
}

/// Refuses a number to which one could not be added many times.
pub(super) fn check_number(number: &BigNum) -> Result<(), ErrorStack> {
    if number.is_negative() || number.num_bits() >= MOST_BITS { Err(ErrorStack::get()) } else { Ok(()) }
}

/// Makes a list of these certificates, valid for some seconds.
pub(super) fn make(
    authority: &Authority,
    all: &[Revoked],
    number: BigNum,
    now: i64,
    seconds: i64,
) -> Result<X509Crl, ErrorStack> {
    let mut builder = X509CrlBuilder::new()?;
    builder.set_issuer_name(authority.certificate.subject_name())?;
    builder.set_last_update(&*Asn1Time::from_unix(now)?)?;
    builder.set_next_update(&*Asn1Time::from_unix(now + seconds)?)?;
    for own in all {
        let mut revoked = X509RevokedBuilder::new()?;
        revoked.set_serial_number(&*Asn1Integer::from_bn(&*BigNum::from_hex_str(&own.serial)?)?)?;
        revoked.set_revocation_date(&*Asn1Time::from_unix(own.at)?)?;
        builder.add_revoked(revoked.build())?;
    }
    builder.sort()?;
    builder.append_extension(key_identifier(&authority.certificate)?)?;
    builder.append_extension(openssl::x509::extension::CrlNumber::new(number)?.build()?)?;
    builder.sign(&authority.key, MessageDigest::sha256())?;
    builder.build()
}

/// Returns the identifier of the authority's key.
fn key_identifier(authority: &X509Ref) -> Result<X509Extension, ErrorStack> {
    let builder = X509Builder::new()?;
    AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(authority), None))
}
