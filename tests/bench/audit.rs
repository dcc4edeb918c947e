//! Measures the time to write and to verify a large audit log: `scripts/bench audit LINES DIRECTORY`.

use std::path::Path;
use std::time::Instant;

use crate::harness::Trail;
use crate::harness::audit::use_of;

pub fn measure(lines: u64, directory: &Path) {
    let mut trail = Trail::new();
    let place = tempfile::tempdir_in(directory).unwrap();
    trail.settings.file = place.path().join("audit.jsonl");
    let (audit, _) = trail.open(None);
    let began = Instant::now();
    for number in 0..lines {
        // The queue is full: a server would answer 503.
        while audit.note(use_of(&format!("key-{}", number % 10_000))).is_err() {
            std::thread::yield_now();
        }
    }
    audit.close();
    let seconds = began.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(trail.log()).unwrap().len();
    println!("wrote {lines} lines, {bytes} bytes in {seconds:.1} s: {:.0} lines/s", lines as f64 / seconds);
    let began = Instant::now();
    let (status, said) = trail.verify(None, &[trail.log()]);
    assert_eq!(status, 0, "{said}");
    print!("verified in {:.1} s: {said}", began.elapsed().as_secs_f64());
}
