//! Clocks that a test sets. libfaketime cannot be used, because with it a wait of Rust's standard library never ends.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use super::server::Place;
use super::{Options, postgres, preload};

/// The offsets of the numbers that `preload/clock.c` reads, and the length of its file.
const STANDS: u64 = 0;
const AHEAD: u64 = 8;
const LENGTH: u64 = 16;

/// Returns the options for a server whose clocks can be moved by [`advance`], also the clock of its deadlines, and
/// whose clocks of the day can be stopped by [`stand`].
pub fn moved(place: &Place, options: Options) -> Options {
    File::create(place.path("clock")).unwrap().set_len(LENGTH).unwrap();
    preload::with(place, "clock", "CLAVIGER_TEST_CLOCK", options)
}

/// Moves the clocks of the servers here forward. This may end idle connections.
pub fn advance(place: &Place, seconds: u64) {
    let mut ahead = [0; 8];
    file(place).read_exact_at(&mut ahead, AHEAD).unwrap();
    put(place, AHEAD, i64::from_ne_bytes(ahead) + i64::try_from(seconds).unwrap());
    if postgres::is_chosen() {
        // By these clocks PostgreSQL has not answered for long, until it answers again.
        std::thread::park_timeout(Duration::from_millis(700));
    }
}

/// Stops the clocks of the day of the servers here, at a time in seconds since 1970. The clock of deadlines continues.
pub fn stand(place: &Place, at: i64) {
    put(place, STANDS, at);
}

fn put(place: &Place, field: u64, number: i64) {
    file(place).write_all_at(&number.to_ne_bytes(), field).unwrap();
}

fn file(place: &Place) -> File {
    File::options().read(true).write(true).open(place.path("clock")).unwrap()
}
