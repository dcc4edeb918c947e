//! No test waits for ever: the one that has not ended long after it should have is named, and the whole run with it ends.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Several times what the longest test takes on a machine under four times its load.
const LIMIT: Duration = Duration::from_secs(900);

/// The threads that use the harness, and since when.
static RUNNING: LazyLock<Mutex<BTreeMap<u64, (String, Instant)>>> = LazyLock::new(|| {
    thread::spawn(watch);
    Mutex::default()
});

thread_local! {
    static OWN: Running = Running::new();
}

/// One of them, until its thread ends.
struct Running(u64);

impl Running {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = thread::current().name().unwrap_or("a thread of a test").to_owned();
        RUNNING.lock().unwrap().insert(number, (name, Instant::now()));
        Self(number)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.lock().unwrap().remove(&self.0);
    }
}

/// From now on this thread is watched, if it is a test's: a program that measures something may take as long as it wants.
pub fn begin() {
    if thread::current().name() != Some("main") {
        OWN.with(|_| ());
    }
}

fn watch() {
    loop {
        thread::sleep(Duration::from_secs(1));
        let running = RUNNING.lock().unwrap();
        let late: Vec<_> =
            running.values().filter(|(_, since)| since.elapsed() > LIMIT).map(|(name, _)| name).collect();
        if !late.is_empty() {
            let own = std::process::id().to_string();
            let children = Command::new("ps").args(["-o", "pid,etime,stat,args", "--ppid", &own]).output();
            let children =
                children.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            // Not by a macro: what those print is kept for tests that end.
            let _ = writeln!(std::io::stderr(), "not ended after {LIMIT:?}: {late:?}\nchildren:\n{children}");
            let _ = Command::new("pkill").args(["-9", "-P", &own]).status();
            std::process::exit(101);
        }
    }
}
