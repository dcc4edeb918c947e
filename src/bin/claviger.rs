//! `claviger`, the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    claviger::cli::main()
}
