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
mod derivation;
mod device;
mod digest;
mod error;
mod files;
mod key;
mod mac;
mod memory;
mod module;
mod object;
mod pair;
mod parts;
mod process;
mod protection;
mod quirk;
mod random;
mod raw;
mod root;
mod secret;
mod secret_key;
mod session;
mod signing;
mod suspicion;
mod token;
mod token_info;
mod wrap;

pub use bounds::{Bounded, FirstTry};
pub use capability::{Capability, Extent, Extractable, Failure, Need};
pub use cipher::{Cipher, Encrypted, IvRule};
pub use derivation::{Derivation, DerivationKind};
pub use device::Device;
pub use error::{Answer, Error, InvalidInput, Loss, OpenError, PinState, RootMismatch};
pub use files::sync;
pub use key::{Key, KeyId, TokenKey};
pub use mac::MacMechanism;
pub use memory::{Wiping, give_back, keep_little};
pub use pair::{Hash, PairKind, PublicParts, SignatureMechanism};
pub use parts::in_parts;
pub use process::{end, overwrite_variable};
pub use raw::Direction;
pub use root::{RootKind, UnwrapTemplate, Weakness, Weaknesses};
pub use secret::{Pin, PinSource, Secret};
pub use secret_key::{SecretKeyKind, SecretKeySpec, Uses};
pub use session::Sessions;
pub use signing::{SigningKey, SigningObjects};
pub use suspicion::Suspicion;
pub use token::{Config, DeviceGuard, Token};
pub use token_info::TokenInfo;
pub use wrap::WrapMechanisms;
