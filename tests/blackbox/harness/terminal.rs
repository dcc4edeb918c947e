//! A terminal, with a person who answers questions.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::within_patience;

/// Runs a command line at a terminal, with these variables, and types each text when its question has appeared. Returns the exit status and what
/// the terminal showed.
pub fn at_a_terminal(
    directory: &Path,
    line: &str,
    environment: &[(OsString, OsString)],
    conversation: &[(&str, &str)],
) -> (Option<i32>, String) {
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]).current_dir(directory).env_clear();
    command.env("PATH", std::env::var("PATH").unwrap()).process_group(0);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    within_patience(child.id(), || {
        let mut shown = Vec::new();
        for (question, typed) in conversation {
            let from = shown.len();
            while !String::from_utf8_lossy(&shown[from..]).contains(question) {
                let mut byte = [0];
                screen
                    .read_exact(&mut byte)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&shown)));
                shown.push(byte[0]);
            }
            keyboard.write_all(typed.as_bytes()).unwrap();
        }
        screen.read_to_end(&mut shown).unwrap();
        drop(keyboard);
        (child.wait().unwrap().code(), String::from_utf8(shown).unwrap())
    })
}
