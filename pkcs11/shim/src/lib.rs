//! A PKCS#11 module that forwards every call to another module, and misbehaves as files in a directory say. The files
//! may change while the program that loaded the module runs.
//!
//! The environment names the other module ([`MODULE`]) and the directory ([`CONTROL`]). Each file in the directory is
//! one [`Fault`]. Tests write and remove these files through [`Control`].
//!
//! A new kind of misbehaviour is a [`Deed`] in `fault`. If it can be done before the call, it needs an arm in `deeds`.
//! If it must see the arguments, it needs a function in a file of its own, which a row of the table in `forward` names
//! by `via`.

mod attributes;
mod control;
mod damage;
mod deeds;
mod end;
mod fault;
mod forward;
mod mechanisms;
mod own_iv;
mod scramble;
mod state;

pub use control::{CONTROL, Control, MODULE, ONE_BY_ONE};
pub use fault::{Deed, Fault, Only, OwnIv};
pub use forward::C_GetFunctionList;
pub use scramble::scrambled;
