//! The certificate revocation list of an authority (RFC 5280 section 5). The list itself is the record of what was
//! revoked.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::x509::extension::AuthorityKeyIdentifier;
use openssl::x509::{
    CrlNumber, CrlStatus, X509Builder, X509Crl, X509CrlBuilder, X509Extension, X509Ref, X509RevokedBuilder,
    X509RevokedRef,
};

use super::authority::Authority;
use super::directory::Directory;
use super::error::Error as PkiError;
use crate::cli::error::Error;

/// The file of the list.
pub(super) const FILE: &str = "crl.pem";

/// The most bits of the number of a list. `CrlNumber` takes 159.
const MOST_BITS: i32 = 128;

/// Reads the list; `None` if nothing was ever revoked.
pub(super) fn read(directory: &Directory) -> Result<Option<X509Crl>, Error> {
    let Some(pem) = directory.read(FILE)? else { return Ok(None) };
    let unusable = |_| PkiError::Unusable { path: directory.path(FILE), fault: "it is not a CRL in PEM" };
    let list = X509Crl::from_pem(&pem).map_err(unusable)?;
    if number(Some(&list)).map_err(unusable)?.num_bits() > MOST_BITS {
        return Err(unusable(ErrorStack::get()).into());
    }
    Ok(Some(list))
}

/// Returns whether a list names the serial number.
pub(super) fn has(list: Option<&X509Crl>, serial: &str) -> Result<bool, ErrorStack> {
    let Some(list) = list else { return Ok(false) };
    let serial = Asn1Integer::from_bn(&*BigNum::from_hex_str(serial)?)?;
    Ok(matches!(list.get_by_serial(&serial), CrlStatus::Revoked(_)))
}

/// Returns the serial numbers of a list, as [`has`] takes them.
pub(super) fn serials(list: &X509Crl) -> Result<Vec<String>, ErrorStack> {
    let serial = |revoked: &X509RevokedRef| Ok(revoked.serial_number().to_bn()?.to_hex_str()?.to_lowercase());
    list.get_revoked().into_iter().flatten().map(serial).collect()
}

/// Makes a list of everything that `former` has and of these serial numbers, valid for some seconds.
pub(super) fn make(
    authority: &Authority,
    former: Option<&X509Crl>,
    serials: &[&str],
    now: i64,
    seconds: i64,
) -> Result<X509Crl, ErrorStack> {
    let mut builder = X509CrlBuilder::new()?;
    let this_update = Asn1Time::from_unix(now)?;
    builder.set_issuer_name(authority.certificate.subject_name())?;
    builder.set_last_update(&this_update)?;
    builder.set_next_update(&*Asn1Time::from_unix(now + seconds)?)?;
    for revoked in former.and_then(|former| former.get_revoked()).into_iter().flatten() {
        builder.add_revoked(revoked.to_owned()?)?;
    }
    for serial in serials {
        let mut revoked = X509RevokedBuilder::new()?;
        revoked.set_serial_number(&*Asn1Integer::from_bn(&*BigNum::from_hex_str(serial)?)?)?;
        revoked.set_revocation_date(&this_update)?;
        builder.add_revoked(revoked.build())?;
    }
    builder.sort()?;
    builder.append_extension(key_identifier(&authority.certificate)?)?;
    builder.append_extension(openssl::x509::extension::CrlNumber::new(number(former)?)?.build()?)?;
    builder.sign(&authority.key, MessageDigest::sha256())?;
    builder.build()
}

/// Returns the number of the next list: a later one is larger (RFC 5280 section 5.2.3).
fn number(former: Option<&X509Crl>) -> Result<BigNum, ErrorStack> {
    let former = former.map(|former| former.extension::<CrlNumber>()).transpose()?.flatten();
    let mut number = former.map_or_else(BigNum::new, |(_, number)| number.to_bn())?;
    number.add_word(1)?;
    Ok(number)
}

/// Returns the identifier of the authority's key.
fn key_identifier(authority: &X509Ref) -> Result<X509Extension, ErrorStack> {
    let builder = X509Builder::new()?;
    AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(authority), None))
}
