//! CRLs in DER, encoded by hand (RFC 5280 section 5.1), because OpenSSL's builder makes only valid ones.

use openssl::hash::MessageDigest;
use openssl::sign::Signer;
use openssl::x509::{X509, X509Crl};
use time::OffsetDateTime;

use super::Authority;
use super::jwt::now;

/// ecdsa-with-SHA256.
const ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// The extension issuingDistributionPoint for attribute certificates only: critical, and not supported by most
/// verifiers.
const CRITICAL: &[u8] = &[
    0xa0, 0x13, 0x30, 0x11, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x1c, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x85,
    0x01, 0xff,
];

/// A CRL before it is signed.
#[derive(Clone, Default)]
pub struct Crl {
    pub serials: Vec<Vec<u8>>,
    /// Seconds from now.
    pub this_update: i64,
    pub next_update: Option<i64>,
    pub critical: bool,
}

impl Crl {
    /// Returns a CRL of these certificates that is valid for a day.
    pub fn of(revoked: &[&X509]) -> Self {
        let serial = |certificate: &&X509| certificate.serial_number().to_bn().unwrap().to_vec();
        Self {
            serials: revoked.iter().map(serial).collect(),
            this_update: -60,
            next_update: Some(86_400),
            critical: false,
        }
    }

    /// Returns the CRL in PEM, signed by an authority.
    pub fn by(&self, authority: &Authority) -> Vec<u8> {
        let name = authority.certificate.subject_name().to_der().unwrap();
        let mut list = [&[0x02, 0x01, 0x01][..], ALGORITHM, &name, &time(now() + self.this_update)].concat();
        list.extend(self.next_update.map(|seconds| time(now() + seconds)).unwrap_or_default());
        if !self.serials.is_empty() {
            let entries = self.serials.iter().flat_map(|serial| {
                let sign = if serial.first().is_some_and(|byte| byte & 0x80 != 0) { &[0][..] } else { &[] };
                element(0x30, &[element(0x02, &[sign, serial].concat()), time(now() - 60)].concat())
            });
            list.extend(element(0x30, &entries.collect::<Vec<u8>>()));
        }
        if self.critical {
            list.extend(CRITICAL);
        }
        let list = element(0x30, &list);
        let signature =
            Signer::new(MessageDigest::sha256(), &authority.key).unwrap().sign_oneshot_to_vec(&list).unwrap();
        let signature = element(0x03, &[&[0], &signature[..]].concat());
        let der = element(0x30, &[&list, ALGORITHM, &signature].concat());
        X509Crl::from_der(&der).unwrap().to_pem().unwrap()
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ ..0x80 => element.push(length as u8),
        length => element.extend([&[0x82][..], &(length as u16).to_be_bytes()].concat()),
    }
    element.extend(content);
    element
}

/// UTCTime.
fn time(seconds: i64) -> Vec<u8> {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let (year, month, day) = (time.year() % 100, u8::from(time.month()), time.day());
    let text = format!("{year:02}{month:02}{day:02}{:02}{:02}{:02}Z", time.hour(), time.minute(), time.second());
    element(0x17, text.as_bytes())
}
