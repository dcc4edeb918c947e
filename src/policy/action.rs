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

/// Every action that a policy or a grant may name: its word, the capability that it takes, and whether it permits something on an
/// object that exists. Whoever has one of those may know of the object.
const ACTIONS: [(Action, &str, Capability, bool); 23] = [
    (Action::Operation(Operation::Create), "create", Capability::Create, false),
    (Action::Operation(Operation::CreateKeyPair), "create_key_pair", Capability::Create, false),
    (Action::Operation(Operation::Register), "register", Capability::Create, false),
    (Action::Operation(Operation::GetAttributes), "get_attributes", Capability::Read, true),
    (Action::Operation(Operation::Locate), "locate", Capability::Read, false),
    (Action::Operation(Operation::Encrypt), "encrypt", Capability::Use, true),
    (Action::Operation(Operation::Decrypt), "decrypt", Capability::Use, true),
    (Action::Operation(Operation::MAC), "mac", Capability::Use, true),
    (Action::Operation(Operation::MACVerify), "mac_verify", Capability::Use, true),
    (Action::Operation(Operation::Sign), "sign", Capability::Use, true),
    (Action::Operation(Operation::SignatureVerify), "signature_verify", Capability::Use, true),
    (Action::Operation(Operation::Get), "get", Capability::Export, true),
    (Action::Operation(Operation::Export), "export", Capability::Export, true),
    (Action::Operation(Operation::Activate), "activate", Capability::Manage, true),
    (Action::Operation(Operation::Revoke), "revoke", Capability::Manage, true),
    (Action::Operation(Operation::Destroy), "destroy", Capability::Manage, true),
    (Action::Operation(Operation::ModifyAttribute), "modify_attribute", Capability::Manage, true),
    (Action::Operation(Operation::Import), "import", Capability::Create, true),
    (Action::ReadSecret, "read_secret", Capability::Secrets, true),
    (Action::WriteSecret, "write_secret", Capability::Secrets, true),
    (Action::ManageAccess, "manage_access", Capability::Access, false),
    (Action::Transfer, "transfer", Capability::Access, false),
    (Action::Operation(Operation::RNGRetrieve), "rng_retrieve", Capability::Use, false),
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

impl Action {
    /// The action of a word: KMIP's name of the operation in any spelling, `manage_access` or `transfer`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let own = ACTIONS.iter().find(|(_, own, ..)| *own == word).map(|(action, ..)| *action);
        own.or_else(|| {
            let action = Self::Operation(Operation::from_name(word)?);
            ACTIONS.iter().any(|(own, ..)| *own == action).then_some(action)
        })
    }

    /// The word for it: KMIP's name in small letters, words joined by `_`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match (self, ACTIONS.iter().find(|(action, ..)| *action == self)) {
            (_, Some((_, word, ..))) => word,
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
        ACTIONS.iter().find(|(action, ..)| *action == self).map(|(_, _, capability, _)| *capability)
    }

    /// The words of all actions, for messages.
    #[must_use]
    pub fn words() -> String {
        ACTIONS.map(|(_, word, ..)| word).join(", ")
    }

    /// Every action that permits something on an object that exists.
    pub fn on_objects() -> impl Iterator<Item = Self> {
        ACTIONS.iter().filter(|(.., on_objects)| *on_objects).map(|(action, ..)| *action)
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
