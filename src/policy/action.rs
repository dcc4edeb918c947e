//! What can be permitted: operations, the words for them, and the capabilities that hold them.

use std::fmt;

use crate::kmip::enumerations::Operation;

/// Something that a caller may want to do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A KMIP operation.
    Operation(Operation),
    /// To list, give and take grants, and to put the object into a project.
    ManageAccess,
    /// To make another user the owner: only the owner may, whatever a role says.
    Transfer,
    /// To read the value of a secret.
    ReadSecret,
    /// To write it.
    WriteSecret,
    /// To become the owner of an object that is offered to one.
    Accept,
    /// To read the audit log and the inventory.
    Audit,
    /// To propose and approve recoveries.
    Recover,
    /// To get, renew and end an access token of one's own, and to change one's own API key.
    AccessToken,
    /// To administer: what nobody is given on an object.
    Administer,
}

/// A kind of operations, as roles have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// To add objects.
    Create,
    /// To see attributes.
    Read,
    /// To use keys without seeing them.
    Use,
    /// To get keys out.
    Export,
    /// To change the lifecycle.
    Manage,
    /// To give access to others.
    Access,
    /// To read and write secrets.
    Secrets,
}

/// Every action that a policy or a grant may name, with its word and the capability that it takes.
const ACTIONS: [(Action, &str, Capability); 23] = [
    (Action::Operation(Operation::Create), "create", Capability::Create),
    (Action::Operation(Operation::CreateKeyPair), "create_key_pair", Capability::Create),
    (Action::Operation(Operation::Register), "register", Capability::Create),
    (Action::Operation(Operation::Import), "import", Capability::Create),
    (Action::Operation(Operation::GetAttributes), "get_attributes", Capability::Read),
    (Action::Operation(Operation::Locate), "locate", Capability::Read),
    (Action::Operation(Operation::Encrypt), "encrypt", Capability::Use),
    (Action::Operation(Operation::Decrypt), "decrypt", Capability::Use),
    (Action::Operation(Operation::MAC), "mac", Capability::Use),
    (Action::Operation(Operation::MACVerify), "mac_verify", Capability::Use),
    (Action::Operation(Operation::Sign), "sign", Capability::Use),
    (Action::Operation(Operation::SignatureVerify), "signature_verify", Capability::Use),
    (Action::Operation(Operation::Get), "get", Capability::Export),
    (Action::Operation(Operation::Export), "export", Capability::Export),
    (Action::Operation(Operation::Activate), "activate", Capability::Manage),
    (Action::Operation(Operation::Revoke), "revoke", Capability::Manage),
    (Action::Operation(Operation::Destroy), "destroy", Capability::Manage),
    (Action::Operation(Operation::ModifyAttribute), "modify_attribute", Capability::Manage),
    (Action::ReadSecret, "read_secret", Capability::Secrets),
    (Action::WriteSecret, "write_secret", Capability::Secrets),
    (Action::ManageAccess, "manage_access", Capability::Access),
    (Action::Transfer, "transfer", Capability::Access),
    (Action::Operation(Operation::RNGRetrieve), "rng_retrieve", Capability::Use),
];

const CAPABILITIES: [(Capability, &str); 7] = [
    (Capability::Create, "create"),
    (Capability::Read, "read"),
    (Capability::Use, "use"),
    (Capability::Export, "export"),
    (Capability::Manage, "manage"),
    (Capability::Access, "access"),
    (Capability::Secrets, "secrets"),
];

/// The operations of which each permits something on an object that is there; whoever has one may know of the object.
const ON_OBJECTS: [Operation; 14] = [
    Operation::GetAttributes,
    Operation::Encrypt,
    Operation::Decrypt,
    Operation::MAC,
    Operation::MACVerify,
    Operation::Sign,
    Operation::SignatureVerify,
    Operation::Get,
    Operation::Export,
    Operation::Activate,
    Operation::Revoke,
    Operation::Destroy,
    Operation::ModifyAttribute,
    Operation::Import,
];

impl Action {
    /// The action of a word: KMIP's name of the operation in any spelling, `manage_access` or `transfer`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let own = ACTIONS.iter().find(|(_, own, _)| *own == word).map(|(action, ..)| *action);
        own.or_else(|| {
            let action = Self::Operation(Operation::from_name(word)?);
            ACTIONS.iter().any(|(own, ..)| *own == action).then_some(action)
        })
    }

    /// The word for it: KMIP's name in small letters, words joined by `_`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match (self, ACTIONS.iter().find(|(action, ..)| *action == self)) {
            (_, Some((_, word, _))) => word,
            // No role and no grant gives what is not served.
            (Self::Operation(operation), None) => operation.name(crate::kmip::Dialect::Oasis),
            (Self::AccessToken, None) => "access_token",
            (Self::Administer, None) => "administer",
            (Self::Accept, None) => "accept",
            (Self::Audit, None) => "audit",
            (Self::Recover, None) => "recover",
            (Self::ManageAccess | Self::Transfer | Self::ReadSecret | Self::WriteSecret, None) => "unknown",
        }
    }

    /// The capability that it takes; `None` for what is not served.
    pub(super) fn capability(self) -> Option<Capability> {
        ACTIONS.iter().find(|(action, ..)| *action == self).map(|(.., capability)| *capability)
    }

    /// The words of all actions, for messages.
    #[must_use]
    pub fn words() -> String {
        ACTIONS.map(|(_, word, _)| word).join(", ")
    }

    /// Every operation on objects that are there.
    pub fn on_objects() -> impl Iterator<Item = Self> {
        ON_OBJECTS.into_iter().map(Self::Operation).chain([Self::ReadSecret, Self::WriteSecret])
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Capability {
    /// The capability of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        CAPABILITIES.iter().find(|(_, own)| *own == word).map(|(capability, _)| *capability)
    }

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        CAPABILITIES.iter().find(|(own, _)| *own == self).map_or("unknown", |(_, word)| word)
    }

    /// The words of all capabilities, for messages.
    #[must_use]
    pub fn words() -> String {
        CAPABILITIES.map(|(_, word)| word).join(", ")
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
