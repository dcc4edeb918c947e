//! What certificates say, for messages and logs.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::x509::{X509ExtendedKeyUsage, X509NameRef, X509Ref};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::text::Whole;

/// Returns the subject as one line for messages, escaped by [`crate::text`].
#[must_use]
pub fn subject(certificate: &X509Ref) -> String {
    name(certificate.subject_name())
}

/// Returns the issuer as one line for messages, escaped by [`crate::text`].
#[must_use]
pub fn issuer(certificate: &X509Ref) -> String {
    name(certificate.issuer_name())
}

/// Returns a distinguished name as one line for messages, escaped by [`crate::text`].
#[must_use]
pub fn name(name: &X509NameRef) -> String {
    let entries = name.entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        match entry.data().to_string() {
            Ok(value) => format!("{name}={}", Whole(value)),
            Err(_) => format!("{name}={}", entry.data().as_slice().escape_ascii()),
        }
    });
    entries.collect::<Vec<_>>().join(", ")
}

/// Converts a time to seconds since 1970-01-01 UTC.
///
/// # Errors
/// OpenSSL cannot read the time.
pub fn unix_time(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let since = epoch.diff(time)?;
    Ok(i64::from(since.days) * 86_400 + i64::from(since.secs))
}

/// Returns a time of seconds since 1970-01-01 UTC as RFC 3339 writes it.
#[must_use]
pub fn date(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_else(|| seconds.to_string())
}

/// Returns the notBefore of a certificate as RFC 3339 writes it.
#[must_use]
pub fn begin(certificate: &X509Ref) -> String {
    written(certificate.not_before())
}

/// Returns the notAfter of a certificate as RFC 3339 writes it.
#[must_use]
pub fn end(certificate: &X509Ref) -> String {
    written(certificate.not_after())
}

fn written(time: &Asn1TimeRef) -> String {
    unix_time(time).map_or_else(|_| time.to_string(), date)
}

/// Returns the purposes of the extended key usage (RFC 5280 section 4.2.1.12): `any` without this extension.
#[must_use]
pub fn purposes(certificate: &X509Ref) -> String {
    let Some(usage) = certificate.extended_key_usage() else { return "any".to_owned() };
    let words = [
        (X509ExtendedKeyUsage::SSL_CLIENT, "clientAuth"),
        (X509ExtendedKeyUsage::SSL_SERVER, "serverAuth"),
        (X509ExtendedKeyUsage::ANYEKU, "anyExtendedKeyUsage"),
    ];
    let named = words.into_iter().filter(|(bit, _)| usage.contains(*bit)).map(|(_, word)| word);
    let named = named.collect::<Vec<_>>().join(" and ");
    if named.is_empty() { "neither clientAuth nor serverAuth".to_owned() } else { named }
}
