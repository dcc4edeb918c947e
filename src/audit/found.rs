//! Reads the end of a log as the last process left it, and compares it with what the database knows.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use memchr::memrchr;
use serde::Deserialize;

use super::error::{End, Loss};
use super::file::{Log, rotated};
use super::line::{CHECKPOINT, Checkpoint, Head, Header, MAX_LINE, hash};
use super::lines::Backwards;
use super::record::records_changes;

/// The largest number of changes that are listed one by one.
const MAX_LISTED: usize = 1000;

/// The number of lines that are read backwards if the database knows no line of the log.
const MAX_BACK: usize = 4096;

/// The state of the log when it was opened.
#[derive(Debug, Default)]
pub struct Found {
    /// The number and hash of the last line; `None` for an empty log.
    pub end: End,
    /// The bytes of an incomplete line at the end, which the process was writing when it ended.
    pub torn: u64,
    /// Whether the process ended without recording that it stopped.
    pub unclean: bool,
    /// The sequence numbers of changes after the line that the database knows. They are not in the database. At most
    /// 1,000 are listed.
    pub not_in_database: Vec<u64>,
    /// The number of such changes.
    pub not_in_database_count: u64,
    /// The difference from what the database knows. An open log has one only if it was accepted.
    pub loss: Option<Loss>,
    /// The key of the last checkpoint that was read, in hexadecimal.
    pub signed_by: Option<Vec<u8>>,
}

/// The part of a file that contains whole lines.
struct Part {
    file: File,
    len: u64,
}

impl Part {
    fn of(file: File) -> io::Result<Self> {
        Ok(Self { len: whole_lines(file.try_clone()?)?, file })
    }
}

/// Reads the end of the log, from the line `head` or else from the last checkpoint.
pub(super) fn read(log: &Log, head: Option<Head>) -> io::Result<Found> {
    let own = Part::of(log.reader()?)?;
    let torn = log.len.saturating_sub(own.len);
    let mut older = rotated(log.path())?;
    let target = head.map_or(u64::MAX, |head| head.seq);
    // Begins with the file that contains the line, or with the oldest file.
    let start = match log.first.filter(|_| own.len > 0) {
        Some(first) if first <= target => older.len(),
        _ => older.iter().rposition(|file| file.first <= target).unwrap_or_default(),
    };
    let older = older.split_off(start).into_iter().map(|file| Part::of(File::open(file.path)?));
    let mut scan = Scan { head, ..Scan::default() };
    for (number, part) in older.chain([Ok(own)]).enumerate() {
        let part = part?;
        let offset = if number == 0 { start_in(&part, head)? } else { 0 };
        scan.part(part, offset)?;
    }
    let mut found = scan.finish();
    found.torn = torn;
    found.unclean |= torn > 0;
    Ok(found)
}

/// Returns the length of a file up to its last newline.
fn whole_lines(mut file: File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let size = end.min(1 << 16);
        end -= size;
        file.seek(SeekFrom::Start(end))?;
        block.clear();
        (&file).take(size).read_to_end(&mut block)?;
        if let Some(newline) = memrchr(b'\n', &block) {
            return Ok(end + u64::try_from(newline).unwrap_or_default() + 1);
        }
    }
    Ok(0)
}

/// Returns the offset to read from: one line before the line that the database knows, or before the last checkpoint.
fn start_in(part: &Part, head: Option<Head>) -> io::Result<u64> {
    let mut lines = Backwards::before(part.file.try_clone()?, part.len)?;
    let (mut count, mut is_behind) = (0, false);
    for line in lines.by_ref() {
        let line = line?;
        let header = Header::read(&line);
        count += 1;
        let enough = match (&header, head) {
            (Some(header), Some(head)) => header.seq < head.seq,
            (_, None) => is_behind || count >= MAX_BACK,
            (None, Some(_)) => false,
        };
        if enough {
            break;
        }
        is_behind |= header.is_some_and(|header| header.event == CHECKPOINT.as_bytes());
    }
    Ok(lines.offset())
}

#[derive(Default)]
struct Scan {
    head: Option<Head>,
    has_head: bool,
    last: End,
    /// Whether the log records, up to this line, that the process stopped.
    stopped: bool,
    changes: Vec<u64>,
    broken: Option<u64>,
    late: Option<u64>,
    other: bool,
    signed_by: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Change {
    outcome: String,
    version: Option<i64>,
}

#[derive(Deserialize)]
struct Void {
    first: u64,
    last: u64,
}

impl Scan {
    fn part(&mut self, part: Part, offset: u64) -> io::Result<()> {
        let Part { mut file, len, .. } = part;
        file.seek(SeekFrom::Start(offset))?;
        let mut reader = BufReader::with_capacity(1 << 18, file.take(len.saturating_sub(offset)));
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            if line.len() > MAX_LINE {
                return Err(io::Error::other(format!("a line is longer than {MAX_LINE} bytes")));
            }
            self.line(&line);
        }
    }

    fn line(&mut self, line: &[u8]) {
        let own = hash(line);
        let expected = self.last.map(|(seq, _)| seq + 1);
        let Some(header) = Header::read(line) else {
            self.break_at(expected.unwrap_or(1));
            self.last = Some((expected.unwrap_or(1), own));
            return;
        };
        if let Some((seq, before)) = &self.last {
            let is_next = header.seq == seq + 1 || (header.seq > *seq && header.event == b"loss-accepted");
            if !is_next || !header.follows(before) {
                self.break_at(header.seq);
            }
        } else if let Some(head) = self.head
            && header.seq > head.seq
        {
            // An earlier file was moved away, but the database still knows the hash of its last line.
            let is_next = header.seq == head.seq + 1 && header.follows(&head.hash);
            (self.has_head, self.late) = (is_next, (!is_next).then_some(header.seq));
        }
        match self.head {
            Some(head) if head.seq == header.seq => {
                self.has_head = true;
                self.other = head.hash != own;
            }
            Some(head) if header.seq > head.seq => self.after(line, &header),
            _ => {}
        }
        if header.event == CHECKPOINT.as_bytes() {
            self.signed_by =
                Checkpoint::read(line, &header).map(|checkpoint| checkpoint.key.to_vec()).or(self.signed_by.take());
        }
        self.stopped = header.event == b"stopped" || (self.stopped && header.event == CHECKPOINT.as_bytes());
        self.last = Some((header.seq, own));
    }

    fn break_at(&mut self, seq: u64) {
        self.broken.get_or_insert(seq.saturating_sub(1));
    }

    /// Collects the changes that a line after the database's line records or retracts.
    fn after(&mut self, line: &[u8], header: &Header<'_>) {
        if records_changes(header.event)
            && let Ok(Change { outcome, version: Some(_) }) = serde_json::from_slice(line)
            && outcome == "success"
        {
            self.changes.push(header.seq);
        }
        if header.event == b"not-committed"
            && let Ok(void) = serde_json::from_slice::<Void>(line)
        {
            self.changes.retain(|seq| !(void.first..=void.last).contains(seq));
        }
    }

    fn finish(mut self) -> Found {
        let end = self.last.map_or(0, |(seq, _)| seq);
        let loss = match self.head {
            _ if self.broken.is_some() => self.broken.map(Loss::Broken),
            Some(head) if self.other => Some(Loss::Other(head.seq)),
            Some(_) if self.has_head => None,
            Some(head) => Some(match self.late {
                Some(first) => Loss::Late { first, head: head.seq },
                None => Loss::Short { end, head: head.seq },
            }),
            None => None,
        };
        let not_in_database_count = u64::try_from(self.changes.len()).unwrap_or(u64::MAX);
        self.changes.truncate(MAX_LISTED);
        Found {
            end: self.last,
            torn: 0,
            unclean: self.last.is_some() && !self.stopped,
            not_in_database: self.changes,
            not_in_database_count,
            loss,
            signed_by: self.signed_by,
        }
    }
}
