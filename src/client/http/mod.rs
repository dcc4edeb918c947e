//! HTTP/1.1 over native TLS: bounded in time and size, without redirects, proxies or cookies.

mod connection;
mod error;
mod settings;
mod socket;
mod tls;

pub use connection::Answer;
pub(crate) use connection::{Connection, Question};
pub use error::Error;
pub use settings::{Http, Limits};
pub use tls::Trust;
