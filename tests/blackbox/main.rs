//! Tests through the real programs: real TLS, real SoftHSM, real SQLite, each with its own temporary directory,
//! authority, token and port. One binary, so that there is one link.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::string_slice,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

mod harness;

mod smoke;
