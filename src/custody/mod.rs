//! Custody: root keys, key wrapping, key handles, row bindings, and the recovery of the token.
//!
//! This module is the only user of `claviger-pkcs11`. The plaintext of a key crosses its boundary in few functions:
//! [`Custody::import`], [`Custody::import_private`] and [`Custody::derive`] from a [`Base::Value`] take it in, as
//! [`Custody::wrap_value`] does, and [`Custody::value`], [`Custody::private_parts`] and [`Custody::derive_value`] return it.

mod abilities;
mod beginning;
mod binding;
mod calls;
mod checking;
mod configuration;
mod credential;
mod derivation;
mod durability;
mod error;
mod error_queue;
mod handles;
mod in_time;
mod key;
mod lacking;
mod leaving;
mod opening;
mod operations;
mod original;
mod outcomes;
mod owner;
mod pairs;
mod parts;
mod placed;
mod private_keys;
mod recording;
mod refused;
mod root;
mod root_object;
mod signing;
mod slot;
mod softhsm;
mod starting;
mod state;
mod terms;
mod token_keys;
mod trying;
mod under_way;
mod unwrapping;
mod verified;
mod wrapping;

pub use abilities::{Optional, accepted};
pub use claviger_pkcs11::{
    AesWrap, Capability, Chain, Cipher, Curve, Derivation, DerivationKind, Direction, Encrypted, Error as TokenError,
    Extractable, Failure, Hash, InvalidInput, KeyWrap, MacMechanism as Mac, Need, Oaep, OpenError, PairKind, Part,
    PrivateParts, RsaPadding, Secret, SecretKeyKind, Sessions, SignatureMechanism as Signature, TokenInfo, Uses,
    Weaknesses, Wiping, end, give_back, keep_little, overwrite_variable,
};
pub use credential::CredentialKind;
pub use derivation::Base;
pub use error::{Error, RootError};
pub use key::{KeyKind, ManagedKey};
pub use lacking::Lacking;
pub use original::Original;
pub use owner::Owner;
pub use pairs::{curve_name, is_signature, md};
pub use softhsm::{SoftHsmFault, is_softhsm, softhsm_directory, softhsm_fault};
pub use state::Custody;
pub use terms::{hinders_wrapping, waits_for_another_start};
pub use token_keys::TokenKey;
pub use trying::{MOST_IN_ONE_CALL, Tried};
