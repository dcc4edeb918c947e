//! What a server takes of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::{Server, eventually};

impl Server {
    /// Its resident memory now (proc(5), `/proc/pid/status`), in bytes.
    pub fn resident(&self) -> usize {
        self.status("VmRSS")
    }

    /// The most of it since [`Self::reset_peak`], in bytes.
    pub fn peak(&self) -> usize {
        self.status("VmHWM")
    }

    pub fn reset_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn status(&self, name: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    }

    /// Its CPU time ([`cpu`]).
    pub fn cpu(&self) -> Duration {
        cpu(self.pid())
    }

    pub fn meter(&self) -> Meter {
        Meter(self.pid())
    }
}

/// Measures the CPU time that a process spends on something, by nanoseconds: what else the machine does is not in it.
#[derive(Clone, Copy)]
pub struct Meter(u32);

impl Meter {
    /// What the process spends until it is at rest again, except by threads that end meanwhile.
    pub fn spent(self, run: impl FnOnce()) -> Duration {
        let before = self.at_rest();
        run();
        let after = self.at_rest();
        let own =
            |(thread, time): (&String, &u64)| time.saturating_sub(before.get(thread).copied().unwrap_or_default());
        Duration::from_nanos(after.iter().map(own).sum())
    }

    /// The least of three: of what changes nothing.
    pub fn least(self, mut run: impl FnMut()) -> Duration {
        (0..3).map(|_| self.spent(&mut run)).min().unwrap()
    }

    /// The CPU time of each thread. The kernel writes it down when a thread stops running.
    fn at_rest(self) -> BTreeMap<String, u64> {
        eventually("no thread of the server runs", || {
            let mut times = BTreeMap::new();
            for entry in fs::read_dir(format!("/proc/{}/task", self.0)).unwrap() {
                let path = entry.unwrap().path();
                // A thread may end between the list and these files.
                let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
                if stat.rsplit_once(") ").unwrap().1.starts_with('R') {
                    return None;
                }
                let Ok(time) = fs::read_to_string(path.join("schedstat")) else { continue };
                let time = time.split_whitespace().next().unwrap().parse().unwrap();
                times.insert(path.display().to_string(), time);
            }
            Some(times)
        })
    }
}

/// The CPU time of a process, in steps of 10 ms (`/proc/pid/stat`).
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}
