//! Claims of what one server at a time decides about.

use super::change::Change;
use super::command::Command;

/// Claims names of things that one server at a time decides about, each with the last commit that was known before the
/// decision. Nothing else is changed.
///
/// # Errors
/// [`super::Error::Conflict`] if another server has claimed one since.
pub fn claim(names: Vec<(String, i64)>) -> Command {
    Command::new(move |transaction| {
        for (name, since) in &names {
            let change = Change::Claim(name.clone());
            transaction.check_unclaimed(&change, *since)?;
            transaction.note(change);
        }
        Ok(())
    })
}
