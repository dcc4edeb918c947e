//! What can be permitted: actions, their names in policies and grants, and the capabilities that include them.

use std::fmt;

use crate::kmip::enumerations::Operation;

/// An action that a caller requests on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A KMIP operation.
    Operation(Operation),
    /// List, give and take grants, and put the object into a project.
    ManageAccess,
    /// Make another user the owner. Only the owner may, whatever a role says.
    Transfer,
    /// Read the value of a secret.
    ReadSecret,
    /// Write the value of a secret.
    WriteSecret,
    /// Become the owner of an object that is offered to the caller.
    Accept,
    /// Read the audit log and the inventory.
    Audit,
    /// Propose and approve recoveries.
    Recover,
    /// Get, renew and revoke the caller's own access token, and change the caller's own API key.
    AccessToken,
    /// Administer the server. It cannot be granted on an object.
    Administer,
}

/// A group of actions that a role may include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Add objects.
    Create,
    /// See attributes.
    Read,
    /// Use keys without seeing them.
    Use,
    /// Get keys out.
    Export,
    /// Change the lifecycle.
    Manage,
    /// Give access to others.
    Access,
    /// Read and write secrets.
    Secrets,
}

/// Every action that a policy or a grant may name, with its name there and the capability that includes it.
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

/// The operations on existing objects. A caller who may do any of them with an object may know that the object exists.
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
    /// Returns the action of a name: the KMIP name of the operation in any spelling, or one of the names in `ACTIONS`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let own = ACTIONS.iter().find(|(_, own, _)| *own == word).map(|(action, ..)| *action);
        own.or_else(|| {
            let action = Self::Operation(Operation::from_name(word)?);
            ACTIONS.iter().any(|(own, ..)| *own == action).then_some(action)
        })
    }

    /// The name of the action in policies, grants and the audit log: the KMIP name in small letters, words joined by
    /// `_`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match (self, ACTIONS.iter().find(|(action, ..)| *action == self)) {
            (_, Some((_, word, _))) => word,
            // The actions below are not in `ACTIONS`: no role and no grant can give them.
            (Self::Operation(operation), None) => operation.name(crate::kmip::Dialect::Oasis),
            (Self::AccessToken, None) => "access_token",
            (Self::Administer, None) => "administer",
            (Self::Accept, None) => "accept",
            (Self::Audit, None) => "audit",
            (Self::Recover, None) => "recover",
            (Self::ManageAccess | Self::Transfer | Self::ReadSecret | Self::WriteSecret, None) => "unknown",
        }
    }

    /// The capability that includes the action; `None` for an action that no role or grant can give.
    pub(super) fn capability(self) -> Option<Capability> {
        ACTIONS.iter().find(|(action, ..)| *action == self).map(|(.., capability)| *capability)
    }

    /// The names of all actions that a policy or a grant may name, for messages.
    #[must_use]
    pub fn words() -> String {
        ACTIONS.map(|(_, word, _)| word).join(", ")
    }

    /// All actions on existing objects that let the caller know of the object.
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
    /// Returns the capability of a name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        CAPABILITIES.iter().find(|(_, own)| *own == word).map(|(capability, _)| *capability)
    }

    /// The name of the capability in roles.
    #[must_use]
    pub fn word(self) -> &'static str {
        CAPABILITIES.iter().find(|(own, _)| *own == self).map_or("unknown", |(_, word)| word)
    }

    /// The names of all capabilities, for messages.
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
