//! The trusted authorities and CRLs, and the verification of client certificates. The state is built from the files and
//! then swapped as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::sha::sha256;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext};

use super::authority::{self, AuthorityError};
use super::certificate::{self, NameError, subject, unix_time};
use super::error_queue::discard_errors;
use super::revocation::{Revocation, Status};
use crate::config::{Authority, ClientCertUsername, ClientCertificates};
use crate::principal::Username;
use crate::public_key::{self, Unsound};

/// The present authorities and CRLs.
pub struct Trust {
    /// Distinguishes this state from every other state of the process.
    generation: u64,
    store: X509Store,
    authorities: Vec<Anchors>,
    revocation: Revocation,
    source: ClientCertUsername,
}

/// One authority file.
struct Anchors {
    certificates: Vec<X509>,
    username_prefix: String,
    foreign_prefixes: Vec<String>,
}

/// A client certificate from a handshake, with its last verdict.
#[derive(Debug)]
pub struct ClientCertificate {
    certificate: X509,
    /// The other certificates that the client sent, to find the path to an authority.
    chain: Vec<X509>,
    thumbprint: [u8; 32],
    judged: Mutex<Option<(u64, Verdict)>>,
}

/// The user that a certificate proves.
#[derive(Debug, Clone)]
pub struct Proved {
    /// The user.
    pub username: Username,
    /// SHA-256 of the certificate's DER.
    pub thumbprint: [u8; 32],
    /// The time until which it is proved, in seconds since 1970-01-01 UTC: the first end of the certificates on its
    /// path and of their CRLs.
    until: i64,
}

type Verdict = Result<Proved, CertificateError>;

/// The reason for which a certificate is refused. It is only logged; the caller does not receive it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The certificate has no valid path to an authority, is not a client certificate, or is not valid yet or no
    /// longer.
    #[error("the client certificate does not verify: {0}")]
    Chain(String),
    /// A certificate on the path has a key with which anyone could sign.
    #[error("the key of {subject} cannot be trusted: {source}")]
    Key {
        /// The subject of the certificate.
        subject: String,
        /// The problem of the key.
        source: Unsound,
    },
    /// A certificate on the path was revoked by its issuer.
    #[error("{0} is revoked")]
    Revoked(String),
    /// The CRL of the issuer has passed its nextUpdate, or the certificate its notAfter.
    #[error("the client certificate, or the CRL of its issuer, has expired")]
    Expired,
    /// The certificate names no user.
    #[error("{0}")]
    Name(#[from] NameError),
    /// OpenSSL failed.
    #[error("the client certificate cannot be checked: {0}")]
    OpenSsl(String),
}

impl From<ErrorStack> for CertificateError {
    fn from(error: ErrorStack) -> Self {
        Self::OpenSsl(error.to_string())
    }
}

impl ClientCertificate {
    /// Takes the certificates that a connection presented.
    ///
    /// # Errors
    /// OpenSSL cannot encode it.
    pub fn new(certificate: X509, chain: Vec<X509>) -> Result<Self, ErrorStack> {
        let thumbprint = sha256(&certificate.to_der()?);
        Ok(Self { certificate, chain, thumbprint, judged: Mutex::new(None) })
    }
}

impl Trust {
    /// Reads authorities and CRLs.
    ///
    /// # Errors
    /// A file is missing or invalid.
    pub fn load(config: &ClientCertificates, now: i64) -> Result<Self, AuthorityError> {
        static GENERATIONS: AtomicU64 = AtomicU64::new(1);
        let authorities: Vec<Anchors> = config.authorities.iter().map(anchors).collect::<Result<_, _>>()?;
        let mut store = X509StoreBuilder::new()?;
        let all: Vec<&X509Ref> =
            authorities.iter().flat_map(|file| file.certificates.iter().map(|certificate| &**certificate)).collect();
        refuse_duplicates(&authorities)?;
        for certificate in authorities.iter().flat_map(|file| &file.certificates) {
            store.add_cert(certificate.clone())?;
        }
        // Allows an intermediate certificate as a trust anchor, because the file names it as one.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        store.set_purpose(X509PurposeId::SSL_CLIENT)?;
        let revocation = Revocation::load(&config.crl_files, &all, now)?;
        revocation.warn(now);
        revocation.warn_of_unlisted(&all)?;
        Ok(Self {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            store: store.build(),
            revocation,
            source: config.username,
            authorities,
        })
    }

    /// Keeps the CRLs of a former state that are newer than those of this one, by their CRL numbers.
    ///
    /// # Errors
    /// OpenSSL fails.
    pub fn keep_newer(&mut self, former: &Self) -> Result<(), AuthorityError> {
        let all: Vec<&X509Ref> =
            self.authorities.iter().flat_map(|file| &file.certificates).map(|own| &**own).collect();
        Ok(self.revocation.keep_newer(&former.revocation, &all)?)
    }

    /// Returns every certificate of the authority files.
    pub fn certificates(&self) -> impl Iterator<Item = &X509> {
        self.authorities.iter().flat_map(|file| &file.certificates)
    }

    /// Returns the first nextUpdate of the CRLs, in seconds since 1970-01-01 UTC. `None` without CRLs.
    #[must_use]
    pub fn next_update(&self) -> Option<i64> {
        self.revocation.next_update()
    }

    /// Logs which CRLs have ended, or will end soon.
    pub fn warn(&self, now: i64) {
        self.revocation.warn(now);
    }

    /// Judges a certificate at `now`. The verdict is computed once for each state of authorities and CRLs; only its end
    /// is checked each time.
    ///
    /// # Errors
    /// The reason for which the certificate is refused.
    pub fn judge(&self, presented: &ClientCertificate, now: i64) -> Result<Proved, CertificateError> {
        let mut judged = presented.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = match &*judged {
            Some((generation, verdict)) if *generation == self.generation => verdict.clone(),
            _ => {
                let verdict = self.verdict(presented);
                *judged = Some((self.generation, verdict.clone()));
                verdict
            }
        };
        drop(judged);
        let proved = verdict?;
        if now > proved.until { Err(CertificateError::Expired) } else { Ok(proved) }
    }

    fn verdict(&self, presented: &ClientCertificate) -> Verdict {
        let mut path = self.path(presented)?;
        let judged = path.len();
        self.extend(&mut path)?;
        let mut until = i64::MAX;
        let mut anchor = None;
        for (number, certificate) in path.iter().enumerate() {
            // Certificates above an anchor may have revoked it, but otherwise an anchor is trusted itself, however long
            // they are valid.
            if number < judged {
                until = until.min(unix_time(certificate.not_after())?);
                self.check_key(certificate)?;
            }
            // The last certificate is a root, or its issuer is not configured.
            if let Some(issuer) = path.get(number + 1) {
                match self.revocation.status(certificate, issuer)? {
                    Status::Unlisted => {}
                    Status::Good(end) => until = until.min(end),
                    Status::Revoked => return Err(CertificateError::Revoked(subject(certificate))),
                }
            }
            // The authority nearest to the certificate vouches for it.
            anchor = anchor.or_else(|| self.authorities.iter().find(|file| file.holds(certificate)));
        }
        let (prefix, foreign) = anchor.map_or(("", &[][..]), |own| (&own.username_prefix, &own.foreign_prefixes));
        let name = certificate::name(&presented.certificate.to_der()?, self.source)?;
        // Checked without the prefix: a blank or wildcard name is refused whatever the prefix is.
        Username::new(&name).map_err(NameError::from)?;
        let username = Username::new(&format!("{prefix}{name}")).map_err(NameError::from)?;
        if foreign.iter().any(|foreign| username.as_str().starts_with(foreign)) {
            return Err(NameError::ForeignPrefix.into());
        }
        Ok(Proved { username, thumbprint: presented.thumbprint, until })
    }

    /// Refuses a certificate with an unsafe key. The keys of authorities were checked when they were read.
    fn check_key(&self, certificate: &X509) -> Result<(), CertificateError> {
        if self.authorities.iter().any(|file| file.holds(certificate)) {
            return Ok(());
        }
        let key = certificate.public_key()?;
        let told = public_key::check(&key);
        let told = told.map_err(|source| CertificateError::Key { subject: subject(certificate), source })?;
        if let Some(warning) = told {
            tracing::warn!(subject = subject(certificate), %warning, "the key of a client certificate is weak");
        }
        Ok(())
    }

    /// Returns the path from the certificate to an authority, as OpenSSL finds it (RFC 5280 section 6).
    fn path(&self, presented: &ClientCertificate) -> Result<Vec<X509>, CertificateError> {
        let mut chain = Stack::new()?;
        for certificate in &presented.chain {
            chain.push(certificate.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&self.store, &presented.certificate, &chain, |context| {
            if !context.verify_cert()? {
                discard_errors();
                return Ok(Err(CertificateError::Chain(context.error().error_string().to_owned())));
            }
            let path = context.chain().map(|path| path.iter().map(X509Ref::to_owned).collect());
            Ok(path.ok_or_else(|| CertificateError::Chain("no path".to_owned())))
        })?
    }
}

impl Trust {
    /// Extends the path to the authorities above its end. OpenSSL stops at the first configured certificate, but a
    /// configured certificate above it may have revoked it.
    fn extend(&self, path: &mut Vec<X509>) -> Result<(), ErrorStack> {
        // A circle is complete after as many steps as there are authorities.
        for _ in self.certificates() {
            let Some(last) = path.last() else { break };
            let Some(issuer) = self.issuer(last)? else { break };
            path.push(issuer.clone());
        }
        discard_errors();
        Ok(())
    }

    /// Returns the configured issuer of an authority. Of several certificates of one key, it prefers a root, then the
    /// one that is valid longest.
    fn issuer(&self, certificate: &X509) -> Result<Option<&X509>, ErrorStack> {
        if is_issuer(certificate, certificate)? {
            return Ok(None);
        }
        let mut found = Vec::new();
        for authority in self.certificates() {
            if is_issuer(authority, certificate)? {
                let is_root = is_issuer(authority, authority)?;
                found.push(((is_root, unix_time(authority.not_after())?), authority));
            }
        }
        Ok(found.into_iter().max_by_key(|(rank, _)| *rank).map(|(_, authority)| authority))
    }
}

impl Anchors {
    fn holds(&self, certificate: &X509) -> bool {
        self.certificates.iter().any(|own| is_same(own, certificate))
    }
}

fn anchors(authority: &Authority) -> Result<Anchors, AuthorityError> {
    Ok(Anchors {
        certificates: authority::load(&authority.file)?,
        username_prefix: authority.username_prefix.clone(),
        foreign_prefixes: authority.foreign_prefixes.clone(),
    })
}

fn refuse_duplicates(authorities: &[Anchors]) -> Result<(), AuthorityError> {
    for (number, file) in authorities.iter().enumerate() {
        for certificate in &file.certificates {
            if authorities.iter().skip(number + 1).any(|other| other.holds(certificate)) {
                return Err(AuthorityError::Twice { subject: subject(certificate) });
            }
        }
    }
    Ok(())
}

/// Whether `issuer` has the name and the key that signed `certificate`.
fn is_issuer(issuer: &X509, certificate: &X509) -> Result<bool, ErrorStack> {
    let is_named = issuer.subject_name().try_cmp(certificate.issuer_name())?.is_eq();
    Ok(is_named && certificate.verify(&*issuer.public_key()?)?)
}

/// Compares whole certificates, because anyone can choose names and serial numbers.
fn is_same(one: &X509, other: &X509) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}

/// The present state. `None` if no authority is configured.
pub type SharedTrust = arc_swap::ArcSwapOption<Trust>;

/// Shares a state.
#[must_use]
pub fn shared(trust: Option<Trust>) -> SharedTrust {
    SharedTrust::from(trust.map(Arc::new))
}
