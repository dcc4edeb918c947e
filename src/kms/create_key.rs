//! Keys in the way of Hanzo's and Infisical's clients: Active at once, and never exported from the HSM.

use super::access::Held;
use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::operation::Operation;
use super::operations::create_key_pair;
use super::proposal;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, Operation as Kmip};
use crate::kmip::{Attributes, UsageMask};

/// The purpose of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeFor {
    /// Encrypt and Decrypt.
    Encryption,
    /// Sign and, by the public key that belongs to it, Signature Verify.
    Signatures,
}

/// The properties of a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The project that will hold it.
    pub project: Option<String>,
    /// Its name, unique within the project.
    pub name: String,
    /// A description for people.
    pub description: Option<String>,
    /// Its algorithm.
    pub algorithm: CryptographicAlgorithm,
    /// Its length in bits.
    pub length: i32,
    /// Its purpose.
    pub made_for: MadeFor,
}

impl Kms {
    /// Makes a key or a key pair. Of a pair, the private key has the name and is returned. Everything that can be
    /// checked is checked before the key is made, and the result needs no further look-up: a call that fails leaves no
    /// key.
    ///
    /// # Errors
    /// The caller may not add a key there, the project has a key of this name, or the HSM cannot make such a key.
    pub fn create_key(&self, context: &Context<'_>, key: NewKey) -> Result<Held, Error> {
        let operation = match key.made_for {
            MadeFor::Encryption => Kmip::Create,
            MadeFor::Signatures => Kmip::CreateKeyPair,
        };
        let call = Call::new(context, Operation::Kmip(operation));
        self.recorded(&call, || {
            let (project, name, made_for) = (key.project.clone(), key.name.clone(), key.made_for);
            let [mut own, mut public] = key.attributes(call.now)?;
            let grant = self.authorize_new(&call, &mut own)?;
            let (id, mut attributes) = if made_for == MadeFor::Encryption {
                let _turn = self.turn_of_key_name(&call, project.as_deref(), &name, None)?;
                proposal::create(&grant, &call, own)?
            } else {
                let other = self.authorize_new(&call, &mut public)?;
                let _turn = self.turn_of_key_name(&call, project.as_deref(), &name, None)?;
                let [private, _] = create_key_pair::make(&call, [(&grant, own), (&other, public)])?;
                private
            };
            if let Some(project) = &project {
                attributes.set_project(project);
            }
            Ok(Held { id, attributes })
        })
    }
}

impl NewKey {
    /// The attributes of the key, and those of the public key if it is a signing key.
    fn attributes(self, now: crate::kmip::ttlv::DateTime) -> Result<[Attributes; 2], Error> {
        let mut common = Attributes {
            cryptographic_algorithm: Some(self.algorithm),
            cryptographic_length: Some(self.length),
            activation_date: Some(now),
            ..Attributes::default()
        };
        if let Some(project) = &self.project {
            common.set_project(project);
        }
        let (mask, public_mask) = match self.made_for {
            MadeFor::Encryption => (UsageMask::ENCRYPT | UsageMask::DECRYPT, None),
            MadeFor::Signatures => (UsageMask::SIGN, Some(UsageMask::VERIFY)),
        };
        let own = Attributes {
            names: vec![Name::text(self.name)],
            description: self.description,
            sensitive: Some(true),
            extractable: Some(false),
            cryptographic_usage_mask: Some(mask),
            ..Attributes::default()
        };
        let public = Attributes { cryptographic_usage_mask: public_mask, ..Attributes::default() };
        Ok([common.overridden(Some(&own))?, common.overridden(Some(&public))?])
    }
}
