//! `claviger audit tail`

use std::path::PathBuf;

use super::{Error, Report, lines};
use crate::audit::search::{Filter, search};

/// Print the last lines of the audit trail
#[derive(clap::Args)]
pub(in crate::cli) struct Tail {
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// The files of the trail
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Tail {
    pub(super) fn run(self) -> Result<Report, Error> {
        Ok(lines(search(&self.files, &Filter::default(), self.lines)?))
    }
}
