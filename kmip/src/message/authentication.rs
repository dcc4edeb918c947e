//! Credentials in the header of a request (KMIP 2.1, sections 9.4 and 9.11).

use super::super::enumerations::CredentialType;
use super::super::error::Error;
use super::super::structure::structure;
use super::super::tag::Tag;
use super::super::ttlv::{Field, Fields, Item, Value};

structure! {
    /// Section 9.4.
    #[derive(Eq)]
    pub struct Authentication {
        /// The credentials.
        credentials: Vec<Credential> = Credential,
    }
}

/// Section 9.11: what a credential claims. What would prove it (passwords, tickets, attestations) is dropped when it is
/// read, so that it does not stay in memory with the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The type.
    pub credential_type: CredentialType,
    /// The user that it names, if its type has one.
    pub username: Option<String>,
}

impl Field for Credential {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let credential_type = fields.required(Tag::CredentialType)?;
        let claims: Value = fields.required(Tag::CredentialValue)?;
        fields.finish()?;
        let mut claims = Fields::of(claims).map_err(|error| error.within(Tag::CredentialValue))?;
        let username = claims.optional(Tag::Username).map_err(|error| error.within(Tag::CredentialValue))?;
        Ok(Self { credential_type, username })
    }

    fn write(self) -> Value {
        let claims = self.username.map(|username| Item::new(Tag::Username, username)).into_iter().collect();
        let value = Item { tag: Tag::CredentialValue, value: Value::Structure(claims) };
        Value::Structure(vec![Item::new(Tag::CredentialType, self.credential_type), value])
    }
}
