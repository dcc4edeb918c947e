//! A PKCS#11 module that forwards every call to another module and misbehaves as files in a directory say, also while the program
//! that loaded it runs.
//!
//! The environment names the other module ([`MODULE`]) and the directory ([`CONTROL`]), in which each file is one [`Fault`].
//! Tests write and remove these files through [`Control`].
//!
//! A new kind of misbehaviour is a [`Deed`] in `fault`, and either an arm in `deeds`, if it can be done before the call, or a
//! function of its own file that a row of the table in `forward` names by `via`, if it has to see the arguments.

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

pub use control::{CONTROL, Control, MODULE};
pub use fault::{Deed, Fault, Only, OwnIv};
pub use forward::C_GetFunctionList;
pub use scramble::scrambled;
