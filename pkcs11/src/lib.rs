//! Keys in a PKCS#11 token: sessions, key wrapping, ciphers, MACs, and recovery when the device fails.
//!
//! A [`Token`] owns the module and its recovery. A [`Device`] is one generation of the token: from one C_Initialize to
//! the next C_Finalize. A [`Key`] belongs to the device that made it. Every later device refuses it ([`Error::Stale`]).
//!
//! References are to PKCS#11 2.40 (OASIS Standard, base specification and current mechanisms), which is what SoftHSM 2.6.1 speaks.

mod bounds;
mod canary;
mod capability;
mod cipher;
mod cipher_trials;
mod curve;
mod derivation;
mod device;
mod digest;
mod enciphering;
mod error;
mod files;
mod key;
mod key_wrap;
mod key_wrap_trials;
mod mac;
mod memory;
mod mode;
mod module;
mod oaep;
mod object;
mod pair;
mod pair_trials;
mod parts;
mod private_key;
mod process;
mod protection;
mod quirk;
mod random;
mod raw;
mod root;
mod rsa;
mod secret;
mod secret_key;
mod session;
mod signature;
mod signing;
mod suspicion;
mod token;
mod token_info;
mod wrap;

pub use bounds::{Bounded, FirstTry};
pub use capability::{Capability, Extent, Extractable, Failure, Need};
pub use cipher::{Cipher, IvRule};
pub use curve::Curve;
pub use derivation::{Derivation, DerivationKind};
pub use device::Device;
pub use enciphering::Encrypted;
pub use error::{Answer, Error, InvalidInput, Loss, OpenError, PinState, RootMismatch};
pub use files::sync;
pub use key::{Key, KeyId, TokenKey};
pub use key_wrap::{AesWrap, KeyWrap};
pub use mac::MacMechanism;
pub use memory::{Wiping, give_back, keep_little};
pub use pair::{PairKind, PublicParts};
pub use parts::{Chain, in_parts};
pub use private_key::{Part, PrivateKeySpec, PrivateParts};
pub use process::{end, overwrite_variable};
pub use raw::Direction;
pub use root::{RootKind, UnwrapTemplate, Weakness, Weaknesses};
pub use rsa::{Oaep, RsaPadding};
pub use secret::{Pin, PinSource, Secret};
pub use secret_key::{SecretKeyKind, SecretKeySpec, Uses};
pub use session::Sessions;
pub use signature::{Hash, SignatureMechanism};
pub use signing::{SigningKey, SigningObjects};
pub use suspicion::Suspicion;
pub use token::{Config, DeviceGuard, Token};
pub use token_info::TokenInfo;
pub use wrap::WrapMechanisms;
