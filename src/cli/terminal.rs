//! Passwords that are typed at a terminal and not shown.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::error::{Error, Signal};
use super::stream::DASH;
use crate::secret::Password;

/// The longest text that is typed, in bytes: that of a JWT.
const LONGEST: usize = 16 << 10;

/// Asks for a text that is not shown, if `file` is standard input, or none is named, and standard input is a terminal.
/// Returns `None` otherwise.
///
/// # Errors
/// The process has no terminal, or Ctrl-C was typed.
pub(super) fn typed(file: Option<&Path>, question: &str) -> Result<Option<Password>, Error> {
    if file.is_some_and(|file| file != Path::new(DASH)) || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut terminal = Terminal::open().ok_or_else(|| Error::Terminal(io::ErrorKind::NotFound.into()))?;
    terminal.ask(question).map(Some)
}

/// The terminal of the process, without echo, and without the signals of its keys, which would leave it like this. Its
/// former settings return when it is dropped.
pub(super) struct Terminal {
    file: File,
    former: Termios,
}

impl Terminal {
    /// Opens the terminal; `None` if the process has none.
    pub(super) fn open() -> Option<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let former = tcgetattr(&file).ok()?;
        Some(Self { file, former })
    }

    /// Asks for a text that is not shown.
    pub(super) fn ask(&mut self, question: &str) -> Result<Password, Error> {
        let mut hidden = self.former.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&self.file, OptionalActions::Flush, &hidden).map_err(|error| Error::Terminal(error.into()))?;
        let typed = self.file.write_all(question.as_bytes()).and_then(|()| self.read_line());
        let _ = self.file.write_all(b"\n");
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.former);
        match typed {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Error::Interrupted(Signal::Interrupt)),
            typed => typed.map_err(Error::Terminal),
        }
    }

    fn read_line(&mut self) -> io::Result<Password> {
        // Allocated with its full length: a growing text would leave copies of the password in freed memory.
        let mut line = Zeroizing::new(vec![0; LONGEST]);
        let mut length = 0;
        loop {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            match byte {
                [b'\n' | b'\r'] => break,
                // Ctrl-C, and Ctrl-D at the beginning.
                [0x03] => return Err(io::ErrorKind::Interrupted.into()),
                [0x04] if length == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                // Ctrl-U.
                [0x15] => length = 0,
                // Backspace removes a character of UTF-8.
                [0x08 | 0x7f] => {
                    while length > 0 {
                        length -= 1;
                        if line.get(length).is_some_and(|byte| byte & 0xc0 != 0x80) {
                            break;
                        }
                    }
                }
                [byte] => {
                    *line.get_mut(length).ok_or(io::ErrorKind::InvalidInput)? = byte;
                    length += 1;
                }
            }
        }
        let text = std::str::from_utf8(line.get(..length).unwrap_or_default());
        Ok(Password::from(text.map_err(io::Error::other)?.to_owned()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.former);
    }
}
