//! Certificate revocation lists (RFC 5280 section 5).

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::x509::{CrlNumber, CrlStatus, X509, X509Crl, X509KeyUsage, X509NameRef, X509Ref};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::authority::{AuthorityError, MAX_FILE};
use super::certificate::{subject, unix_time};
use super::error_queue::discard_errors;
use crate::file;
use crate::pem::{self, Block, Holds, Kind, PemError, Skipped};

/// The time before the end of a CRL at which warnings begin, in seconds.
const WARNING: i64 = 3 * 86_400;

/// The CRLs of the configured authorities. An issuer without a CRL has revoked nothing.
#[derive(Default)]
pub(super) struct Revocation {
    lists: Vec<Arc<List>>,
}

struct List {
    crl: X509Crl,
    issuer: String,
    /// The key that signed it, as SubjectPublicKeyInfo. Names are not sufficient, because anyone can choose them.
    signer: Vec<u8>,
    this_update: i64,
    next_update: i64,
    /// Its CRL number; a later list of one signer has a larger one (RFC 5280 section 5.2.3).
    number: Option<BigNum>,
}

/// The status of a certificate in the lists.
pub(super) enum Status {
    /// Its issuer has no list.
    Unlisted,
    /// It is not revoked. The list is valid until this time.
    Good(i64),
    /// Revoked by its issuer.
    Revoked,
}

impl Revocation {
    /// Reads the CRLs of PEM files. Each must be signed by one of `authorities`.
    pub(super) fn load(paths: &[PathBuf], authorities: &[&X509Ref], now: i64) -> Result<Self, AuthorityError> {
        let mut lists = Vec::new();
        for path in paths {
            let pem = file::bytes("CRL file", path, MAX_FILE)?;
            let not_crl = |detail: String| AuthorityError::NotCrl { path: path.clone(), detail };
            let before = lists.len();
            let mut skipped = Vec::new();
            for Block { label, line, text } in pem::blocks(&pem).map_err(|error| not_crl(format!(": {error}")))? {
                match pem::kind(&label) {
                    Kind::Crl => {
                        let crl = X509Crl::from_pem(&text).and_then(|crl| crl.to_der());
                        let der = crl.map_err(|error| not_crl(format!(": line {line}: {error}")))?;
                        lists.push(Arc::new(List::new(&der, path, authorities, now)?));
                    }
                    Kind::Other => return Err(not_crl(format!(": {}", PemError::Refused { label, line }))),
                    _ => skipped.push(Skipped { label, line }),
                }
            }
            if lists.len() == before {
                let holds = if skipped.is_empty() { ": it is empty".to_owned() } else { Holds(&skipped).to_string() };
                return Err(not_crl(holds));
            }
            pem::log_skipped(path, &skipped);
        }
        Ok(Self { lists })
    }

    /// Keeps the lists of a former state that are newer by their CRL number than those of the same signer here, or the
    /// last ones of a signer: a certificate must not be accepted again because a list was replaced by an older one, or was
    /// lost. Lists without a number, and those of keys that none of `authorities` has any more, are not kept.
    pub(super) fn keep_newer(&mut self, former: &Self, authorities: &[&X509Ref]) -> Result<(), ErrorStack> {
        let signers: Vec<Vec<u8>> =
            authorities.iter().map(|own| own.public_key()?.public_key_to_der()).collect::<Result<_, _>>()?;
        let present = self.lists.clone();
        for list in former.lists.iter().filter(|list| signers.contains(&list.signer)) {
            let Some(number) = &list.number else { continue };
            let mut others = present.iter().filter(|own| own.signer == list.signer);
            if !others.any(|own| own.number.as_ref().is_none_or(|own| own >= number)) {
                let issuer = &list.issuer;
                tracing::warn!(issuer, %number, "the CRL is missing or has a smaller number than the former one, which stays in use");
                self.lists.push(Arc::clone(list));
            }
        }
        Ok(())
    }

    /// Logs which authorities have no list, if others have one.
    pub(super) fn warn_of_unlisted(&self, authorities: &[&X509Ref]) -> Result<(), ErrorStack> {
        for authority in authorities.iter().filter(|_| !self.lists.is_empty()) {
            let signer = authority.public_key()?.public_key_to_der()?;
            if self.lists.iter().all(|list| list.signer != signer) {
                let subject = subject(authority);
                tracing::warn!(
                    subject,
                    "the authority has no CRL, but others have one: it counts as having revoked nothing"
                );
            }
        }
        Ok(())
    }

    /// Looks up a certificate by its serial number, only in the lists of the issuer that signed it.
    pub(super) fn status(&self, certificate: &X509, issuer: &X509) -> Result<Status, ErrorStack> {
        let signer = issuer.public_key()?.public_key_to_der()?;
        let of_signer = |list: &&Arc<List>| list.signer == signer;
        let is_revoked = |list: &Arc<List>| matches!(list.crl.get_by_cert(certificate), CrlStatus::Revoked(_));
        if self.lists.iter().filter(of_signer).any(is_revoked) {
            return Ok(Status::Revoked);
        }
        let good_until = self.newest().filter(of_signer).map(|list| list.next_update).min();
        Ok(good_until.map_or(Status::Unlisted, Status::Good))
    }

    /// Returns the last list of each signer. After its nextUpdate (RFC 5280 section 5.1.2.5) it is unknown what is
    /// revoked, even if an older list has a later nextUpdate.
    fn newest(&self) -> impl Iterator<Item = &Arc<List>> {
        let is_newer = |one: &List, other: &List| one.signer == other.signer && one.this_update > other.this_update;
        self.lists.iter().filter(move |list| !self.lists.iter().any(|other| is_newer(other, list)))
    }

    /// Returns the first nextUpdate of the lists in use.
    pub(super) fn next_update(&self) -> Option<i64> {
        self.newest().map(|list| list.next_update).min()
    }

    /// Logs which lists have ended, or will end soon.
    pub(super) fn warn(&self, now: i64) {
        for list in self.newest() {
            let (issuer, end) = (&list.issuer, list.next_update);
            if end < now {
                tracing::error!(issuer, "the CRL has passed its nextUpdate: certificates of this issuer are refused");
            } else if end < now + WARNING {
                tracing::warn!(issuer, hours = (end - now) / 3600, "the CRL ends soon");
            }
        }
    }
}

impl List {
    fn new(der: &[u8], path: &Path, authorities: &[&X509Ref], now: i64) -> Result<Self, AuthorityError> {
        let not_crl = |detail: String| AuthorityError::NotCrl { path: path.to_owned(), detail };
        let crl = X509Crl::from_der(der).map_err(|error| not_crl(format!(": {error}")))?;
        let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|error| not_crl(format!(": {error}")))?;
        let issuer = parsed.issuer().to_string();
        if parsed.extensions().iter().any(|extension| extension.critical) {
            return Err(AuthorityError::CriticalExtension { path: path.to_owned(), issuer });
        }
        let (mut signer, mut may_sign) = (None, false);
        for authority in authorities.iter().filter(|own| is_same(own.subject_name(), crl.issuer_name())) {
            let key = authority.public_key()?;
            if !may_sign && crl.verify(&key)? {
                signer = Some(key.public_key_to_der()?);
                may_sign = may_sign_crls(authority);
            }
        }
        discard_errors();
        let Some(signer) = signer else {
            return Err(AuthorityError::ForeignCrl { path: path.to_owned(), issuer });
        };
        if !may_sign {
            return Err(AuthorityError::NotCrlSigner { path: path.to_owned(), issuer });
        }
        let this_update = unix_time(crl.last_update())?;
        if this_update > now {
            tracing::warn!(issuer, "the thisUpdate of the CRL is in the future: check the clocks");
        }
        let Some(end) = crl.next_update() else {
            return Err(AuthorityError::NoNextUpdate { path: path.to_owned(), issuer });
        };
        let next_update = unix_time(end)?;
        let number = crl.extension::<CrlNumber>()?.map(|(_, number)| number.to_bn()).transpose()?;
        Ok(Self { crl, issuer, signer, this_update, next_update, number })
    }
}

/// Whether a certificate may sign CRLs: it has no keyUsage, or one with cRLSign (RFC 5280 section 6.3.3 (f)).
fn may_sign_crls(authority: &X509Ref) -> bool {
    authority.key_usage().is_none_or(|usage| usage.contains(X509KeyUsage::CRL_SIGN))
}

fn is_same(one: &X509NameRef, other: &X509NameRef) -> bool {
    matches!(one.try_cmp(other), Ok(Ordering::Equal))
}
