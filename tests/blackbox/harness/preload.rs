//! Libraries that are loaded into a server before the C library: `preload/NAME.c`.

use std::path::PathBuf;
use std::process::Command;

use super::Options;
use super::server::{Place, run};

/// Compiles the library into the place.
fn library(place: &Place, name: &str) -> PathBuf {
    let library = place.path(&format!("{name}.so"));
    let source = format!("{}/tests/blackbox/harness/preload/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", &source, "-o"]).arg(&library);
    let (status, _, error) = run(&mut compiler);
    assert!(status.success(), "{error}");
    library
}

/// Returns the options with the library. `variable` is the environment variable that names the library's file in the
/// place.
pub fn with(place: &Place, name: &str, variable: &str, options: Options) -> Options {
    let mut environment = options.environment;
    let own = [("LD_PRELOAD", library(place, name)), (variable, place.path(name))];
    environment.extend(own.map(|(name, path)| (name.to_owned(), path.display().to_string())));
    Options { environment, ..options }
}
