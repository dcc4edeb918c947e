//! Authorities and certificates that tests make.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder, X509NameRef};

use super::jwt::now;

/// A certificate authority.
pub struct Authority {
    pub key: PKey<Private>,
    pub certificate: X509,
}

/// The properties of a certificate to issue.
#[derive(Clone)]
pub struct Leaf {
    pub subject: Vec<(Nid, String)>,
    pub client: bool,
    pub server: bool,
    /// Days from now.
    pub not_before: i64,
    pub not_after: i64,
    /// Seconds from now, in place of days.
    pub seconds: Option<i64>,
    pub authority: bool,
    pub alternative: Vec<Alternative>,
    /// The serial number; by default the authority chooses it.
    pub serial: Option<u32>,
    /// An existing key; by default a new one is made.
    pub key: Option<PKey<Private>>,
}

/// The properties of a root to make.
#[derive(Clone)]
pub struct Root {
    pub name: String,
    pub key: Option<PKey<Private>>,
    pub key_identifier: bool,
    /// Whether its key usage has cRLSign in addition to keyCertSign; `None` for no key usage.
    pub key_usage: Option<bool>,
    /// Days from now.
    pub not_before: i64,
    pub not_after: i64,
}

impl Root {
    pub fn new(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, key: None, key_identifier: false, key_usage: Some(true), not_before: -2, not_after: 60 }
    }
}

/// A subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone)]
pub enum Alternative {
    Uri(&'static str),
    Email(&'static str),
    Dns(&'static str),
}

impl Leaf {
    pub fn client(name: &str) -> Self {
        Self {
            subject: vec![(Nid::COMMONNAME, name.to_owned())],
            client: true,
            server: false,
            not_before: -1,
            not_after: 30,
            seconds: None,
            authority: false,
            alternative: Vec::new(),
            serial: None,
            key: None,
        }
    }

    pub fn server() -> Self {
        Self { client: false, server: true, ..Self::client("localhost") }
    }
}

/// A key with its certificate and the intermediate certificates below its root.
#[derive(Clone)]
pub struct Identity {
    pub key: PKey<Private>,
    pub certificate: X509,
    pub chain: Vec<X509>,
}

impl Identity {
    pub fn pkcs12(&self, password: &str) -> Vec<u8> {
        let mut builder = Pkcs12::builder();
        builder.name("identity").pkey(&self.key).cert(&self.certificate);
        if !self.chain.is_empty() {
            let mut stack = Stack::new().unwrap();
            for certificate in &self.chain {
                stack.push(certificate.clone()).unwrap();
            }
            builder.ca(stack);
        }
        builder.build2(password).unwrap().to_der().unwrap()
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self::of(&Root::new(name))
    }

    /// Makes an authority whose certificates have an authority key identifier, for several keys with one name.
    pub fn with_key_identifier(name: &str) -> Self {
        Self::of(&Root { key_identifier: true, ..Root::new(name) })
    }

    pub fn of(root: &Root) -> Self {
        let key = root.key.clone().unwrap_or_else(key);
        let subject = name_of(&[(Nid::COMMONNAME, root.name.clone())]);
        let mut builder = builder(&subject, &subject, &key, root.not_before, root.not_after);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        if let Some(crl_sign) = root.key_usage {
            let mut usage = KeyUsage::new();
            usage.critical().key_cert_sign();
            if crl_sign {
                usage.crl_sign();
            }
            builder.append_extension(usage.build().unwrap()).unwrap();
        }
        if root.key_identifier {
            let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(identifier).unwrap();
        }
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    pub fn issue(&self, leaf: &Leaf) -> Identity {
        self.issue_to(&name_of(&leaf.subject), leaf)
    }

    /// Issues a certificate for any subject.
    pub fn issue_to(&self, subject: &X509NameRef, leaf: &Leaf) -> Identity {
        let key = leaf.key.clone().unwrap_or_else(key);
        let mut builder = builder(subject, self.certificate.subject_name(), &key, leaf.not_before, leaf.not_after);
        if let Some(serial) = leaf.serial {
            let serial = BigNum::from_u32(serial).unwrap();
            builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        }
        if let Some(seconds) = leaf.seconds {
            builder.set_not_after(&Asn1Time::from_unix(now() + seconds).unwrap()).unwrap();
        }
        if leaf.authority {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        } else {
            let mut usage = ExtendedKeyUsage::new();
            if leaf.client {
                usage.client_auth();
            }
            if leaf.server {
                usage.server_auth();
            }
            builder.append_extension(usage.build().unwrap()).unwrap();
        }
        if leaf.server {
            let context = builder.x509v3_context(Some(&self.certificate), None);
            let names =
                SubjectAlternativeName::new().dns("localhost").ip("127.0.0.1").ip("::1").build(&context).unwrap();
            builder.append_extension(names).unwrap();
        }
        if !leaf.alternative.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for name in &leaf.alternative {
                match name {
                    Alternative::Uri(uri) => names.uri(uri),
                    Alternative::Email(address) => names.email(address),
                    Alternative::Dns(host) => names.dns(host),
                };
            }
            let context = builder.x509v3_context(Some(&self.certificate), None);
            let names = names.build(&context).unwrap();
            builder.append_extension(names).unwrap();
        }
        if self.certificate.subject_key_id().is_some() {
            let context = builder.x509v3_context(Some(&self.certificate), None);
            let identifier = AuthorityKeyIdentifier::new().keyid(true).build(&context).unwrap();
            builder.append_extension(identifier).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        Identity { key, certificate: builder.build(), chain: Vec::new() }
    }

    /// An authority below this one.
    pub fn subordinate(&self, name: &str) -> Self {
        let issued = self.issue(&Leaf { authority: true, ..Leaf::client(name) });
        Self { key: issued.key, certificate: issued.certificate }
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name_of(entries: &[(Nid, String)]) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    for (nid, text) in entries {
        builder.append_entry_by_nid(*nid, text).unwrap();
    }
    builder.build()
}

fn builder(subject: &X509NameRef, issuer: &X509NameRef, key: &PKey<Private>, from: i64, to: i64) -> X509Builder {
    let mut builder = X509Builder::new().unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(now() + from * 86_400).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(now() + to * 86_400).unwrap()).unwrap();
    builder
}
