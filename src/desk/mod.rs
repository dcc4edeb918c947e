//! The front desk: admits requests before their bodies are read, and bounds how much each caller can delay the others.
//! It does not depend on HTTP, keys or operations.
//!
//! A request passes it in this order: a place among the requests under way ([`Desk::admit`]), room in memory for its body
//! ([`Admission::room`]), a place among those that work ([`Admission::turn`]), and room for its answer until that is on the wire.
//! [`perform`] is where its work leaves the connection's task.

mod admission;
mod clock;
mod full;
mod memory;
mod places;
mod refusals;
mod ticket;
mod who;
mod work;

pub use admission::{Admission, Desk, Discarding, Turn, UNREAD};
pub use clock::{Calling, asking, calling, on_behalf};
pub use full::Full;
pub use memory::{PART, Room};
pub use refusals::Refused;
pub use ticket::{Name, Ticket};
pub use who::Who;
pub use work::{Ended, accompany, guard, perform};
