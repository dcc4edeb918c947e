//! The front desk: admits requests before their bodies are read, and bounds how much each caller can delay the others.
//! It does not depend on HTTP, keys or operations.
//!
//! A request passes the desk in this order: a place among the requests in progress ([`Desk::admit`]), memory for its
//! body ([`Admission::room`]), a place among the requests that work ([`Admission::turn`]), and memory for its answer
//! until that is sent. [`perform`] moves the work from the connection's task to a thread of its own.

mod admission;
mod clock;
mod full;
mod hsm_call;
mod leaving;
mod memory;
mod places;
mod refusals;
mod threads;
mod ticket;
mod who;
mod work;

pub use admission::{Admission, Desk, Discarding, Turn, UNREAD};
pub use full::Full;
pub use hsm_call::{Calling, asking, calling, on_behalf};
pub use leaving::Leaving;
pub use memory::{PART, Room};
pub use refusals::Refused;
pub use ticket::{Name, Ticket};
pub use who::Who;
pub use work::{Ended, HSM_HANGS, accompany, guard, perform};
