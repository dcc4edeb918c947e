//! The first and the last line of a file. They show which log the file belongs to.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use memchr::memchr_iter;
use serde::Deserialize;

use crate::audit::line::{Hash, Header, MAX_LINE, hash};
use crate::audit::lines::Backwards;
use crate::config::is_server_name;
use crate::file::{Unreadable, unreadable};
use crate::hexadecimal;

/// The number of bytes that are compared at a time.
const BLOCK: usize = 1 << 18;

/// So many lines at the end of a file are searched for the name of the server: a checkpoint does not have it.
const NEAR: usize = 16;

/// The smallest number of digits of the first sequence number in the name of a rotated file.
const DIGITS: usize = 12;

/// The first and the last line of a file.
pub(super) struct Ends {
    pub(super) path: PathBuf,
    /// The place among the given files.
    pub(super) given: usize,
    pub(super) inode: (u64, u64),
    pub(super) len: u64,
    /// `None` if there is no first line in the strict form.
    pub(super) first: Option<First>,
    /// The sequence number of the last whole line and the digits of its hash, if it has the strict form.
    pub(super) last: Option<(u64, Vec<u8>)>,
    /// The name of the server, if the first line or one of the last lines has it.
    pub(super) server: Option<String>,
}

pub(super) struct First {
    pub(super) seq: u64,
    pub(super) prev: Vec<u8>,
    pub(super) hash: Hash,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    server: Option<Cow<'a, str>>,
}

impl Ends {
    pub(super) fn read(path: &Path, given: usize) -> Result<Self, Unreadable> {
        let unreadable = unreadable("", path);
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let mut line = Vec::new();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        BufReader::new(&file).take(limit).read_until(b'\n', &mut line).map_err(unreadable)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let first =
            Header::read(&line).map(|header| First { seq: header.seq, prev: header.prev.to_vec(), hash: hash(&line) });
        // What is wrong with the lines is found where they are verified.
        let ends: Vec<Vec<u8>> =
            Backwards::whole(file).map(|lines| lines.take(NEAR).map_while(Result::ok).collect()).unwrap_or_default();
        let last =
            ends.first().and_then(|line| Some((Header::read(line)?.seq, hexadecimal::lower(&hash(line)).into_bytes())));
        // A log may have begun before the server had a name.
        let server = server_in(&line).or_else(|| ends.iter().find_map(|line| server_in(line)));
        let (inode, len) = ((metadata.dev(), metadata.ino()), metadata.len());
        Ok(Self { path: path.to_owned(), given, inode, len, first, last, server })
    }

    /// The sequence number of the first line. A file without one counts as the newest.
    pub(super) fn seq(&self) -> u64 {
        self.first.as_ref().map_or(u64::MAX, |first| first.seq)
    }

    pub(super) fn begins_as(&self, other: &Self) -> bool {
        let same = self.first.as_ref().zip(other.first.as_ref()).is_some_and(|(own, other)| own.hash == other.hash);
        same || self.inode == other.inode
    }
}

/// The name of the server in a line. It is not verified, so only what can be a name is accepted.
fn server_in(line: &[u8]) -> Option<String> {
    let Named { server } = serde_json::from_slice(line).ok()?;
    server.map(Cow::into_owned).filter(|name| is_server_name(name))
}

/// A path without the sequence numbers that a rotated file has at its end.
pub(super) fn base(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let base = name.rsplit_once('.').filter(|(_, range)| {
        let range = range.split_once('-');
        range.is_some_and(|(first, last)| first.len() >= DIGITS && is_number(first) && is_number(last))
    });
    path.with_file_name(base.map_or(name.as_str(), |(base, _)| base))
}

/// Returns the number of the first line in which two files differ; `None` if one is the beginning of the other.
pub(super) fn difference(one: &Path, other: &Path) -> Result<Option<u64>, Unreadable> {
    let open =
        |path: &Path| File::open(path).map(|file| BufReader::with_capacity(BLOCK, file)).map_err(unreadable("", path));
    let (mut left, mut right) = (open(one)?, open(other)?);
    let mut line = 1;
    loop {
        let (own, its) =
            (left.fill_buf().map_err(unreadable("", one))?, right.fill_buf().map_err(unreadable("", other))?);
        let length = own.len().min(its.len());
        let same = own.iter().zip(its).take_while(|(own, its)| own == its).count();
        line += u64::try_from(memchr_iter(b'\n', own.get(..same).unwrap_or_default()).count()).unwrap_or(u64::MAX);
        match length {
            0 => return Ok(None),
            length if same < length => return Ok(Some(line)),
            length => {
                left.consume(length);
                right.consume(length);
            }
        }
    }
}
