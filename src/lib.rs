//! Claviger: a key management server. Its callers authenticate with client certificates or tokens, and its keys are in
//! a PKCS#11 HSM. This library contains both programs, `clavigerd` and `claviger`.

pub mod api;
pub mod audit;
pub mod auth;
pub mod base64;
pub mod cli;
pub mod client;
pub mod config;
pub mod custody;
pub mod desk;
pub mod file;
pub mod http;
pub mod kms;
pub mod metrics;
pub mod network;
pub mod pem;
pub mod pkcs12;
pub mod policy;
pub mod principal;
pub mod public_key;
pub mod secret;
pub mod server;
pub mod signature;
pub mod store;
pub mod text;
pub mod tls;
pub mod turns;
pub mod wire;
pub mod x509;

pub use claviger_kmip as kmip;
pub use claviger_kmip::hexadecimal;
