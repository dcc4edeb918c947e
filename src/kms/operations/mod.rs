//! The operations of KMIP: one file each, and one table of the facts about all of them.

pub(super) mod activate;
pub(super) mod add_attribute;
pub(super) mod adjust_attribute;
pub(super) mod check;
pub(super) mod create;
pub(super) mod create_key_pair;
pub(super) mod decrypt;
pub(super) mod delete_attribute;
pub(super) mod derive_key;
pub(super) mod destroy;
pub(super) mod discover_versions;
pub(super) mod encrypt;
pub(super) mod export;
pub(super) mod get;
pub(super) mod get_attribute_list;
pub(super) mod get_attributes;
pub(super) mod get_usage_allocation;
pub(super) mod hash;
pub(super) mod import;
pub(super) mod interop;
pub(super) mod locate;
pub(super) mod log;
pub(super) mod mac;
pub(super) mod mac_verify;
pub(super) mod modify_attribute;
pub(super) mod obtain_lease;
pub(super) mod ping;
pub(super) mod query;
pub(super) mod re_key;
pub(super) mod re_key_key_pair;
pub(super) mod register;
pub(super) mod revoke;
pub(super) mod rng_retrieve;
pub(super) mod rng_seed;
pub(super) mod set_attribute;
pub(super) mod sign;
pub(super) mod signature_verify;

use crate::kmip::UsageMask;
use crate::kmip::enumerations::Operation;
use crate::kmip::state::Use;
use crate::policy::Action;

/// Calls a macro with the table. A row names the operation and its file. The defaults of a row are those of Query: the
/// right is the operation's own, the HSM token needs no special support, no key is used, and no object is touched.
macro_rules! table {
    ($then:ident) => {
        $then! {
            Create create { touches: Touches::New }
            CreateKeyPair create_key_pair { touches: Touches::New, needs: Needs::Pairs }
            DeriveKey derive_key { touches: Touches::Source, uses: &[Purpose::DERIVE_KEY], needs: Needs::Derivation }
            Register register { touches: Touches::New }
            ReKey re_key { touches: Touches::Replaced }
            ReKeyKeyPair re_key_key_pair { right: RE_KEY, touches: Touches::Replaced, needs: Needs::Pairs }
            Locate locate { touches: Touches::Found }
            Get get { touches: Touches::GivenOut }
            GetAttributes get_attributes { touches: Touches::Named }
            GetAttributeList get_attribute_list { right: READ_ATTRIBUTES, touches: Touches::Named }
            AddAttribute add_attribute { right: CHANGE_ATTRIBUTES, touches: Touches::Changed }
            ModifyAttribute modify_attribute { right: CHANGE_ATTRIBUTES, touches: Touches::Changed }
            DeleteAttribute delete_attribute { right: CHANGE_ATTRIBUTES, touches: Touches::Changed }
            SetAttribute set_attribute { right: CHANGE_ATTRIBUTES, touches: Touches::Changed }
            AdjustAttribute adjust_attribute { right: CHANGE_ATTRIBUTES, touches: Touches::Changed }
            ObtainLease obtain_lease { right: READ_ATTRIBUTES, touches: Touches::Named }
            GetUsageAllocation get_usage_allocation { touches: Touches::Named }
            Activate activate { touches: Touches::Changed }
            Revoke revoke { touches: Touches::Changed }
            Destroy destroy { touches: Touches::Ended }
            Query query {}
            DiscoverVersions discover_versions {}
            // The right to encrypt by a key includes the right to wrap keys by it.
            Encrypt encrypt { touches: Touches::Named, uses: &[Purpose::ENCRYPT, Purpose::WRAP_KEY] }
            Decrypt decrypt { touches: Touches::Named, uses: &[Purpose::DECRYPT, Purpose::UNWRAP_KEY] }
            MAC mac { touches: Touches::Named, uses: &[Purpose::MAC_GENERATE] }
            MACVerify mac_verify { touches: Touches::Named, uses: &[Purpose::MAC_VERIFY] }
            Sign sign { touches: Touches::Named, uses: &[Purpose::SIGN] }
            SignatureVerify signature_verify { touches: Touches::Named, uses: &[Purpose::VERIFY] }
            RNGRetrieve rng_retrieve {}
            Import import { touches: Touches::NewOrNamed }
            Export export { touches: Touches::GivenOut }
            Check check { touches: Touches::Named, right: Action::Operation(Operation::GetAttributes) }
            Hash hash {}
            RNGSeed rng_seed { right: Action::Operation(Operation::RNGRetrieve) }
            Log log {}
            Ping ping {}
            Interop interop { needs: Needs::Interop }
        }
    };
}
pub(super) use table;

/// The right to read the attributes of an object.
const READ_ATTRIBUTES: Action = Action::Operation(Operation::GetAttributes);

/// The right to replace a key by a new one.
const RE_KEY: Action = Action::Operation(Operation::ReKey);

/// The right to change attributes of an object, by any operation.
const CHANGE_ATTRIBUTES: Action = Action::Operation(Operation::ModifyAttribute);

/// The facts about an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The right that it needs.
    pub(super) right: Action,
    /// What the HSM token must support, or the configuration permit.
    pub(super) needs: Needs,
    /// The purposes of a key: the operation uses the first one. The right to perform the operation includes the others.
    pub(super) uses: &'static [Purpose],
    /// The objects that it touches. By this, a message decides which items are committed together.
    pub(super) touches: Touches,
}

/// A requirement that not every server meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// No special requirement.
    Nothing,
    /// Keeping the private keys of pairs.
    Pairs,
    /// Deriving keys inside the HSM token.
    Derivation,
    /// The option `--kmip-interop`.
    Interop,
}

/// The objects that an operation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touches {
    /// No object.
    Nothing,
    /// The objects that it finds.
    Found,
    /// The objects that it adds.
    New,
    /// An object that it adds, or the named object, which it replaces.
    NewOrNamed,
    /// The named object, without a change.
    Named,
    /// The named object, whose key it returns.
    GivenOut,
    /// The named object, which it changes.
    Changed,
    /// The named object, and an object that it makes of it.
    Source,
    /// The named object, and an object that it adds in its place.
    Replaced,
    /// The named object, which it destroys.
    Ended,
}

/// The purpose for which a key is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose {
    /// Whether the use protects or processes data.
    pub(super) kind: Use,
    /// The usage that the mask must permit.
    pub(super) mask: UsageMask,
    /// The name of the usage, for errors.
    pub(super) name: &'static str,
}

impl Purpose {
    const ENCRYPT: Self = Self::new(Use::Protect, UsageMask::ENCRYPT, "Encrypt");
    pub(super) const DECRYPT: Self = Self::new(Use::Process, UsageMask::DECRYPT, "Decrypt");
    pub(super) const WRAP_KEY: Self = Self::new(Use::Protect, UsageMask::WRAP_KEY, "Wrap Key");
    pub(super) const UNWRAP_KEY: Self = Self::new(Use::Process, UsageMask::UNWRAP_KEY, "Unwrap Key");
    const MAC_GENERATE: Self = Self::new(Use::Protect, UsageMask::MAC_GENERATE, "MAC Generate");
    const MAC_VERIFY: Self = Self::new(Use::Process, UsageMask::MAC_VERIFY, "MAC Verify");
    const DERIVE_KEY: Self = Self::new(Use::Protect, UsageMask::DERIVE_KEY, "Derive Key");
    const SIGN: Self = Self::new(Use::Protect, UsageMask::SIGN, "Sign");
    const VERIFY: Self = Self::new(Use::Process, UsageMask::VERIFY, "Verify");

    const fn new(kind: Use, mask: UsageMask, name: &'static str) -> Self {
        Self { kind, mask, name }
    }
}

impl Touches {
    /// Whether the operation sets the ID placeholder, or clears it if it fails or finds not exactly one object (KMIP
    /// 2.1 section 6.1.28). That Destroy clears it is an extension of this server.
    pub(super) fn sets_placeholder(self) -> bool {
        matches!(self, Self::Found | Self::New | Self::NewOrNamed | Self::Source | Self::Replaced | Self::Ended)
    }

    /// Whether the operation adds, or may add, an object.
    pub(super) fn adds(self) -> bool {
        matches!(self, Self::New | Self::NewOrNamed)
    }
}

/// Whether a failure of the operation clears the ID placeholder, which its success does not set: Check (KMIP 2.1 section
/// 6.1.7).
pub(super) fn clears_placeholder(operation: Operation) -> bool {
    operation == Operation::Check
}

/// The objects that the operation of an action touches; `None` for an action that permits no operation of KMIP.
pub(super) fn touched_by(action: Action) -> Option<Touches> {
    match action {
        Action::Operation(operation) => Facts::of(operation).map(|facts| facts.touches),
        _ => None,
    }
}

macro_rules! facts {
    ($($operation:ident $module:ident { $($fact:ident: $value:expr),* })*) => {
        /// The supported operations, in the order of the table.
        pub(super) const SERVED: &[Operation] = &[$(Operation::$operation),*];

        impl Facts {
            /// The facts about an operation, if it is supported.
            pub(super) const fn of(operation: Operation) -> Option<Self> {
                let plain = Self {
                    right: Action::Operation(operation),
                    needs: Needs::Nothing,
                    uses: &[],
                    touches: Touches::Nothing,
                };
                match operation {
                    $(Operation::$operation => Some(Self { $($fact: $value,)* ..plain }),)*
                    _ => None,
                }
            }
        }
    };
}
table!(facts);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::Dialect;
    use crate::kmip::versions::Version;

    #[test]
    fn the_table_of_operations_in_the_docs_is_that_of_the_code() {
        let page = include_str!("../../../docs/kmip.md");
        let (_, table) = page.split_once("## Operations").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
        let cells = rows.map_while(|row| row.split_once(" | ")).map(|(name, rest)| (name, rest.split(" | ").next()));
        let mut documented: Vec<(&str, Option<String>)> = cells
            .take_while(|(name, _)| *name != "client")
            .map(|(name, since)| (name, since.map(str::to_owned)))
            .collect();
        let mut served: Vec<(&str, Option<String>)> = SERVED
            .iter()
            .map(|own| (own.name(Dialect::Oasis), Some(Version::of_operation(*own).to_string())))
            .collect();
        documented.sort();
        served.sort();
        assert_eq!(documented, served);
    }
}
