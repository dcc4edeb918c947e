//! Behaviour against a real module: the one in `TEST_PKCS11_MODULE`, or SoftHSM where Debian has it.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "allowed in tests, which clippy does not see that the functions beside them are"
)]

mod cipher;
mod harness;
mod key;
mod mac;
mod opening;
mod pair;
mod recovery;
mod root;
mod session;
mod signing;
mod wrap;
