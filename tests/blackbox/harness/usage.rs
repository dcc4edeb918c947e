//! What a server takes of the machine.

use std::fs;
use std::time::Duration;

use super::Server;

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
}

/// The CPU time of a process, in steps of 10 ms (`/proc/pid/stat`).
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}
