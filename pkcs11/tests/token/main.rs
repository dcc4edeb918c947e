//! Tests with real modules: SoftHSM, or Kryoptic with TEST_TOKEN=kryoptic.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "allowed in tests, which clippy does not see that the functions beside them are"
)]

mod cipher;
mod harness;
mod hsm;
mod key;
mod mac;
mod opening;
mod pair;
mod private_key;
mod recovery;
mod root;
mod session;
mod signing;
mod wrap;
