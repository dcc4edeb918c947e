//! A watchdog: if a test does not end in time, it prints the name of the test and ends the whole run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time of a test: several times that of the longest test on a machine with four times its load.
const LIMIT: Duration = Duration::from_secs(900);

/// The threads that use the harness, with their start times.
static RUNNING: LazyLock<Mutex<BTreeMap<u64, (String, Instant)>>> = LazyLock::new(|| {
    thread::spawn(watch);
    Mutex::default()
});

thread_local! {
    static OWN: Running = Running::new();
}

/// The entry of a thread, until the thread ends.
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

/// Watches this thread from now on, if it is that of a test. A program that measures may take any time.
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
            // The macros cannot be used, because their output is only shown for tests that end.
            let _ = writeln!(std::io::stderr(), "not ended after {LIMIT:?}: {late:?}\nchildren:\n{children}");
            let _ = Command::new("pkill").args(["-9", "-P", &own]).status();
            std::process::exit(101);
        }
    }
}
