//! Which client certificates are believed, and whom they name. Built whole from the files, then swapped.

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
    /// Sets this state apart from every other of the process.
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

/// A client certificate as the handshake brought it, with what was last thought of it.
#[derive(Debug)]
pub struct ClientCertificate {
    certificate: X509,
    /// What the client sent along, to find the way to an authority.
    chain: Vec<X509>,
    thumbprint: [u8; 32],
    judged: Mutex<Option<(u64, Verdict)>>,
}

/// Who a certificate proves its bearer to be.
#[derive(Debug, Clone)]
pub struct Proved {
    /// The user.
    pub username: Username,
    /// SHA-256 of the certificate's DER.
    pub thumbprint: [u8; 32],
    /// Until when, in seconds since 1970-01-01 UTC: the end of the certificates on its way, and of their CRLs.
    until: i64,
}

type Verdict = Result<Proved, CertificateError>;

/// Why a certificate proves nothing. This goes to the log only; the caller gets no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It does not lead to an authority, or is not for clients, or not yet or no longer valid.
    #[error("the client certificate does not verify: {0}")]
    Chain(String),
    /// A key by which anybody could sign, its own or one on the way to its authority.
    #[error("the key of {subject} cannot be trusted: {source}")]
    Key {
        /// The subject of the certificate.
        subject: String,
        /// Why.
        source: Unsound,
    },
    /// Its issuer revoked it, or one on the way to its authority.
    #[error("{0} is revoked")]
    Revoked(String),
    /// The CRL of its issuer has passed its nextUpdate, or the certificate its notAfter.
    #[error("the client certificate, or the CRL of its issuer, has expired")]
    Expired,
    /// It names no user.
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
    /// Takes over what a connection presented.
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
    /// A file is missing or bad.
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
        // Lets an intermediate stand alone as trust anchor, which is what naming it in the file says.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        store.set_purpose(X509PurposeId::SSL_CLIENT)?;
        let revocation = Revocation::load(&config.crl_files, &all, now)?;
        revocation.warn(now);
        Ok(Self {
            generation: GENERATIONS.fetch_add(1, Ordering::Relaxed),
            store: store.build(),
            revocation,
            source: config.username,
            authorities,
        })
    }

    /// Every certificate of the authority files.
    pub fn certificates(&self) -> impl Iterator<Item = &X509> {
        self.authorities.iter().flat_map(|file| &file.certificates)
    }

    /// The first nextUpdate among the CRLs, in seconds since 1970-01-01 UTC; `None` without CRLs.
    #[must_use]
    pub fn next_update(&self) -> Option<i64> {
        self.revocation.next_update()
    }

    /// Says which CRLs have ended, or will soon.
    pub fn warn(&self, now: i64) {
        self.revocation.warn(now);
    }

    /// Judges a certificate at `now`; once for each state of authorities and CRLs, but for its end.
    ///
    /// # Errors
    /// Why it proves nothing.
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
            // What is above an anchor may have revoked it, but an anchor is good by itself, however long those last.
            if number < judged {
                until = until.min(unix_time(certificate.not_after())?);
                self.check_key(certificate)?;
            }
            // The last one is a root, or nobody above it is known here.
            if let Some(issuer) = path.get(number + 1) {
                match self.revocation.status(certificate, issuer)? {
                    Status::Unlisted => {}
                    Status::Good(end) => until = until.min(end),
                    Status::Revoked => return Err(CertificateError::Revoked(subject(certificate))),
                }
            }
            // The authority nearest to the certificate is the one that vouches for it.
            anchor = anchor.or_else(|| self.authorities.iter().find(|file| file.holds(certificate)));
        }
        let (prefix, foreign) = anchor.map_or(("", &[][..]), |own| (&own.username_prefix, &own.foreign_prefixes));
        let name = certificate::name(&presented.certificate.to_der()?, self.source)?;
        // A blank name stays blank, and a wildcard one, whatever is put before it.
        Username::new(&name).map_err(NameError::from)?;
        let username = Username::new(&format!("{prefix}{name}")).map_err(NameError::from)?;
        if foreign.iter().any(|foreign| username.as_str().starts_with(foreign)) {
            return Err(NameError::ForeignPrefix.into());
        }
        Ok(Proved { username, thumbprint: presented.thumbprint, until })
    }

    /// Refuses a certificate whose key proves nothing. Those of the authorities were looked at when they were read.
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

    /// The way from the certificate to an authority, as OpenSSL finds it (RFC 5280 section 6).
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
    /// Goes on to the authorities above the end of a way: OpenSSL stops at the first certificate that is configured, and
    /// one that is configured too may have revoked it.
    fn extend(&self, path: &mut Vec<X509>) -> Result<(), ErrorStack> {
        // After as many steps as there are authorities a circle has come round.
        for _ in self.certificates() {
            let Some(last) = path.last() else { break };
            let Some(issuer) = self.issuer(last)? else { break };
            path.push(issuer.clone());
        }
        discard_errors();
        Ok(())
    }

    /// The configured issuer of an authority: of several certificates of one key a root, else the one that lasts longest.
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

/// Whole certificates are compared: names and serial numbers are anybody's to choose.
fn is_same(one: &X509, other: &X509) -> bool {
    matches!((one.to_der(), other.to_der()), (Ok(one), Ok(other)) if one == other)
}

/// The present state, or none where no authority is configured.
pub type SharedTrust = arc_swap::ArcSwapOption<Trust>;

/// Shares a state.
#[must_use]
pub fn shared(trust: Option<Trust>) -> SharedTrust {
    SharedTrust::from(trust.map(Arc::new))
}
