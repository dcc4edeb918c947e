//! Clocks that stand where a test puts them, by libfaketime.

use std::fs;

use super::Options;
use super::server::Place;

const LIBRARY: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"];

/// The library, which Debian has in the package `faketime`.
pub fn library() -> &'static str {
    LIBRARY.into_iter().find(|path| fs::exists(path).unwrap()).expect("libfaketime (Debian: faketime)")
}

/// The same options for a server whose clocks, that of its deadlines too, go as ever until [`advance`] moves them.
pub fn moved(place: &Place, options: Options) -> Options {
    put(place, 0);
    let mut environment = options.environment;
    let own = [
        ("LD_PRELOAD", library().to_owned()),
        ("FAKETIME_TIMESTAMP_FILE", place.path("clock").display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
    ];
    environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Options { environment, ..options }
}

/// Moves the clocks of the servers here. Idle connections may end by it.
pub fn advance(place: &Place, seconds: u64) {
    let text = fs::read_to_string(place.path("clock")).unwrap();
    put(place, text.trim_start_matches('+').parse::<u64>().unwrap() + seconds);
}

fn put(place: &Place, seconds: u64) {
    // Never half-written.
    fs::write(place.path("clock.next"), format!("+{seconds}")).unwrap();
    fs::rename(place.path("clock.next"), place.path("clock")).unwrap();
}
