//! The operations of KMIP, one file each, and one table of what the service knows of each beside its file.

pub(super) mod activate;
pub(super) mod create;
pub(super) mod create_key_pair;
pub(super) mod decrypt;
pub(super) mod destroy;
pub(super) mod discover_versions;
pub(super) mod encrypt;
pub(super) mod export;
pub(super) mod get;
pub(super) mod get_attributes;
pub(super) mod import;
pub(super) mod locate;
pub(super) mod mac;
pub(super) mod mac_verify;
pub(super) mod query;
pub(super) mod register;
pub(super) mod revoke;
pub(super) mod rng_retrieve;
pub(super) mod sign;
pub(super) mod signature_verify;

use crate::kmip::UsageMask;
use crate::kmip::enumerations::Operation;
use crate::kmip::state::Use;
use crate::policy::Action;

/// Applies a macro to the table. A row names the operation and its file. What a row does not state is as for Query: the right is
/// the operation's own, the token needs nothing that some cannot do, no key is used, and no object is touched.
macro_rules! table {
    ($then:ident) => {
        $then! {
            Create create { touches: Touches::New }
            CreateKeyPair create_key_pair { touches: Touches::New, needs: Needs::Pairs }
            Register register { touches: Touches::New, needs: Needs::Imports }
            Locate locate { touches: Touches::Found }
            Get get { touches: Touches::GivenOut }
            GetAttributes get_attributes { touches: Touches::Named }
            Activate activate { touches: Touches::Changed }
            Revoke revoke { touches: Touches::Changed }
            Destroy destroy { touches: Touches::Ended }
            Query query {}
            DiscoverVersions discover_versions {}
            // The right to encrypt with a key is also that to have keys wrapped by it.
            Encrypt encrypt { touches: Touches::Named, uses: &[Purpose::ENCRYPT, Purpose::WRAP_KEY] }
            Decrypt decrypt { touches: Touches::Named, uses: &[Purpose::DECRYPT] }
            MAC mac { touches: Touches::Named, uses: &[Purpose::MAC_GENERATE] }
            MACVerify mac_verify { touches: Touches::Named, uses: &[Purpose::MAC_VERIFY] }
            Sign sign { touches: Touches::Named, uses: &[Purpose::SIGN] }
            SignatureVerify signature_verify { touches: Touches::Named, uses: &[Purpose::VERIFY] }
            RNGRetrieve rng_retrieve {}
            Import import { touches: Touches::NewOrNamed, needs: Needs::Imports }
            Export export { touches: Touches::GivenOut }
        }
    };
}
pub(super) use table;

/// What the service knows of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The right that it takes.
    pub(super) right: Action,
    /// What the token must be able to do.
    pub(super) needs: Needs,
    /// What it uses a key for: the first of these. The right to perform it is also the right to the others.
    pub(super) uses: &'static [Purpose],
    /// What objects it touches. A message decides by it which items are committed together.
    pub(super) touches: Touches,
}

/// What an operation needs that some tokens cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing of the kind.
    Nothing,
    /// To take keys in.
    Imports,
    /// To keep the private keys of pairs.
    Pairs,
}

/// What objects an operation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touches {
    /// None.
    Nothing,
    /// Those that it finds.
    Found,
    /// Those that it adds.
    New,
    /// One that it adds, or that it puts in the place of the one that it names.
    NewOrNamed,
    /// The one that it names, which stays as it is.
    Named,
    /// The one that it names, whose key it gives out.
    GivenOut,
    /// The one that it names, which it changes.
    Changed,
    /// The one that it names, which it destroys.
    Ended,
}

/// What a key is used for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose {
    /// Whether that protects or processes.
    pub(super) kind: Use,
    /// What its usage mask has to permit.
    pub(super) mask: UsageMask,
    /// That, for errors.
    pub(super) name: &'static str,
}

impl Purpose {
    const ENCRYPT: Self = Self::new(Use::Protect, UsageMask::ENCRYPT, "Encrypt");
    pub(super) const DECRYPT: Self = Self::new(Use::Process, UsageMask::DECRYPT, "Decrypt");
    pub(super) const WRAP_KEY: Self = Self::new(Use::Protect, UsageMask::WRAP_KEY, "Wrap Key");
    const MAC_GENERATE: Self = Self::new(Use::Protect, UsageMask::MAC_GENERATE, "MAC Generate");
    const MAC_VERIFY: Self = Self::new(Use::Process, UsageMask::MAC_VERIFY, "MAC Verify");
    const SIGN: Self = Self::new(Use::Protect, UsageMask::SIGN, "Sign");
    const VERIFY: Self = Self::new(Use::Process, UsageMask::VERIFY, "Verify");

    const fn new(kind: Use, mask: UsageMask, name: &'static str) -> Self {
        Self { kind, mask, name }
    }
}

impl Touches {
    /// Whether the operation fills the ID placeholder, or empties it where it fails or finds nothing that is unambiguous (KMIP 2.1
    /// section 6.1.28). That Destroy empties it is an extension of ours.
    pub(super) fn sets_placeholder(self) -> bool {
        matches!(self, Self::Found | Self::New | Self::NewOrNamed | Self::Ended)
    }

    /// Whether it adds an object, or may.
    pub(super) fn adds(self) -> bool {
        matches!(self, Self::New | Self::NewOrNamed)
    }
}

/// What objects the operation of an action touches; `None` for an action that permits no operation of KMIP.
pub(super) fn touched_by(action: Action) -> Option<Touches> {
    match action {
        Action::Operation(operation) => Facts::of(operation).map(|facts| facts.touches),
        _ => None,
    }
}

macro_rules! facts {
    ($($operation:ident $module:ident { $($fact:ident: $value:expr),* })*) => {
        /// The operations that are served, in the order of the table.
        pub(super) const SERVED: &[Operation] = &[$(Operation::$operation),*];

        impl Facts {
            /// What is known of an operation, if it is served.
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
