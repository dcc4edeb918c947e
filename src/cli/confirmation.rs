//! Confirmation of changes that cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::error::Error;
use crate::text::Whole;

/// The confirmation of a change that cannot be undone.
#[derive(clap::Args)]
pub(super) struct Confirmation {
    /// Do it without asking; required if standard input is not a terminal
    #[arg(short, long)]
    yes: bool,
}

impl Confirmation {
    /// Asks a person whether to go on, unless `--yes` is given. `what` is the operation, for the error; `question` says
    /// what is about to be done.
    ///
    /// # Errors
    /// The answer is not yes, or there is no terminal to ask at.
    pub(super) fn ask(&self, what: &'static str, question: &str) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Err(Error::Unconfirmed(what));
        }
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{} This cannot be undone. Go on? [y/N] ", Whole(question));
        let _ = stderr.flush();
        let mut answer = String::new();
        // A failed read is not a yes.
        let _ = stdin.lock().read_line(&mut answer);
        let is_yes = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
        if is_yes { Ok(()) } else { Err(Error::Declined) }
    }
}
