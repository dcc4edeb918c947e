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

/// Every action that a policy or a grant may name: its word, the capability that it takes, and whether it permits something on an
/// object that exists. Whoever has one of those may know of the object.
const ACTIONS: [(Action, &str, Capability, bool); 26] = [
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
    (Action::Operation(Operation::DeriveKey), "derive_key", Capability::Use, true),
    (Action::Operation(Operation::GetUsageAllocation), "get_usage_allocation", Capability::Use, true),
    (Action::Operation(Operation::Get), "get", Capability::Export, true),
    (Action::Operation(Operation::Export), "export", Capability::Export, true),
    (Action::Operation(Operation::Activate), "activate", Capability::Manage, true),
    (Action::Operation(Operation::Revoke), "revoke", Capability::Manage, true),
    (Action::Operation(Operation::Destroy), "destroy", Capability::Manage, true),
    (Action::Operation(Operation::ReKey), "re_key", Capability::Manage, true),
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
    /// Returns the action of a name: the KMIP name of the operation in any spelling, or one of the names in `ACTIONS`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let own = ACTIONS.iter().find(|(_, own, ..)| *own == word).map(|(action, ..)| *action);
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
            (_, Some((_, word, ..))) => word,
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
        ACTIONS.iter().find(|(action, ..)| *action == self).map(|(_, _, capability, _)| *capability)
    }

    /// The names of all actions that a policy or a grant may name, for messages.
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
