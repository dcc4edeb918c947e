//! Which files belong to which log, by what is in them: the first line of a file has the hash of the last line of the
//! file before.

mod ends;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::file::Unreadable;
use ends::{Ends, base, difference};

/// The files of one log. They are not verified.
#[derive(Debug, Default)]
pub struct Files {
    /// The files, oldest first.
    pub paths: Vec<PathBuf>,
    /// The name of the server, if a line at an end of a file has it.
    pub server: Option<String>,
    /// Whether the oldest file begins with line 1.
    pub begins: bool,
    /// A file that is not of the same log as another one, although it begins as if it were.
    pub fork: Option<Fork>,
}

impl Files {
    /// The newest file.
    #[must_use]
    pub fn name(&self) -> &Path {
        self.paths.last().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Whether another log begins with line 1 too, although both are of one server: they have the same name of a server, or
    /// none, or one of them has none and they have a name of a file in common.
    #[must_use]
    pub fn is_rival_of(&self, other: &Self) -> bool {
        let is_one_server = match (&self.server, &other.server) {
            (Some(own), Some(its)) => own == its,
            (None, None) => true,
            _ => self.shares_name_with(other),
        };
        self.begins && other.begins && self.paths != other.paths && is_one_server
    }

    fn shares_name_with(&self, other: &Self) -> bool {
        let own: HashSet<PathBuf> = self.paths.iter().map(|path| base(path)).collect();
        other.paths.iter().any(|path| own.contains(&base(path)))
    }
}

/// Two files that cannot both be of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// One of them.
    pub file: PathBuf,
    /// The number of the line in `file` from which on the two differ, from 1.
    pub line: u64,
    /// The other one.
    pub other: PathBuf,
}

/// A file that has no line that another one does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The file.
    pub file: PathBuf,
    /// The file that has its lines.
    pub of: PathBuf,
}

/// Files, put together into logs.
#[derive(Debug, Default)]
pub struct Grouped {
    /// The logs, in the order in which their first files were given.
    pub logs: Vec<Files>,
    /// Files that are not in `logs`, because another one has their lines.
    pub duplicates: Vec<Duplicate>,
}

/// Puts files together into logs. A file that continues no other one belongs to the log of its server, or else to the
/// log with the same name, or to the only log if this does not have lines of the same numbers. Reads the first and the
/// last line of each file; files that begin with the same line are compared.
///
/// # Errors
/// A file cannot be read.
pub fn group(paths: &[PathBuf]) -> Result<Grouped, Unreadable> {
    let mut ends: Vec<Ends> =
        paths.iter().enumerate().map(|(given, path)| Ends::read(path, given)).collect::<Result<_, _>>()?;
    ends.sort_by_key(Ends::seq);
    let mut found = Found::default();
    for own in ends {
        found.add(own)?;
    }
    let mut logs: Vec<Chain> = joined(found.chains);
    logs.sort_by_key(|log| log.files.iter().map(|file| file.given).min());
    Ok(Grouped { logs: logs.into_iter().map(Chain::finish).collect(), duplicates: found.duplicates })
}

/// Files of which each one continues an earlier one.
#[derive(Default)]
struct Chain {
    files: Vec<Ends>,
    fork: Option<Fork>,
    server: Option<String>,
    bases: HashSet<PathBuf>,
}

impl Chain {
    fn push(&mut self, file: Ends) {
        self.server = self.server.take().or_else(|| file.server.clone());
        self.bases.insert(base(&file.path));
        self.files.push(file);
    }

    fn absorb(&mut self, other: Self) {
        self.files.extend(other.files);
        self.fork = self.fork.take().or(other.fork);
        self.server = self.server.take().or(other.server);
        self.bases.extend(other.bases);
    }

    fn begins(&self) -> bool {
        self.files.first().is_some_and(|file| file.seq() == 1)
    }

    /// The sequence numbers of the first and of the last line, as far as they are known.
    fn range(&self) -> Option<(u64, u64)> {
        let firsts = || self.files.iter().filter_map(|file| file.first.as_ref().map(|first| first.seq));
        let lasts = self.files.iter().filter_map(|file| file.last.as_ref().map(|(seq, _)| *seq));
        firsts().min().zip(lasts.chain(firsts()).max())
    }

    /// Whether both have lines of the same sequence numbers.
    fn overlaps(&self, other: &Self) -> bool {
        let ranges = self.range().zip(other.range());
        ranges.is_some_and(|((first, last), (its_first, its_last))| first <= its_last && its_first <= last)
    }

    fn is_of_another_server(&self, other: &Self) -> bool {
        self.server.as_ref().zip(other.server.as_ref()).is_some_and(|(own, other)| own != other)
    }

    fn finish(mut self) -> Files {
        self.files.sort_by_key(Ends::seq);
        let begins = self.begins();
        let paths = self.files.into_iter().map(|file| file.path).collect();
        Files { paths, server: self.server, begins, fork: self.fork }
    }
}

/// A last line of a file that was added.
struct End {
    seq: u64,
    chain: usize,
    /// The file that continues it.
    next: Option<PathBuf>,
}

#[derive(Default)]
struct Found {
    chains: Vec<Chain>,
    /// By the hash, in the digits that the next line has.
    ends: HashMap<Vec<u8>, End>,
    duplicates: Vec<Duplicate>,
}

impl Found {
    /// Adds a file whose first line does not come before those of the files that were added.
    fn add(&mut self, own: Ends) -> Result<(), Unreadable> {
        let twin = self.chains.iter().enumerate().find_map(|(number, chain)| {
            let mut twins = chain.files.iter().enumerate().rev().take_while(|(_, file)| file.seq() == own.seq());
            twins.find(|(_, file)| file.begins_as(&own)).map(|(place, _)| (number, place))
        });
        let Some((number, place)) = twin else {
            self.follow(own);
            return Ok(());
        };
        let twin = self.chains.get_mut(number).and_then(|chain| chain.files.get_mut(place));
        let Some(twin) = twin else { return Ok(()) };
        let last = own.last.clone();
        let line = if twin.inode == own.inode { None } else { difference(&own.path, &twin.path)? };
        if let Some(line) = line {
            let fork = Fork { file: own.path.clone(), line, other: twin.path.clone() };
            self.put(number, own, Some(fork));
        } else if twin.len < own.len {
            self.duplicates.push(Duplicate { file: twin.path.clone(), of: own.path.clone() });
            *twin = Ends { given: twin.given.min(own.given), ..own };
            self.end_with(number, last);
        } else {
            self.duplicates.push(Duplicate { file: own.path, of: twin.path.clone() });
        }
        Ok(())
    }

    /// Adds a file to the chain that it continues, or else begins one.
    fn follow(&mut self, own: Ends) {
        let seq = own.seq();
        let before = own.first.as_ref().and_then(|first| self.ends.get_mut(&first.prev));
        let (number, fork) = match before.filter(|end| end.seq < seq) {
            Some(end) => {
                let next = end.next.replace(own.path.clone());
                (end.chain, next.map(|other| Fork { file: own.path.clone(), line: 1, other }))
            }
            None => {
                self.chains.push(Chain::default());
                (self.chains.len() - 1, None)
            }
        };
        self.put(number, own, fork);
    }

    fn put(&mut self, number: usize, own: Ends, fork: Option<Fork>) {
        let Some(chain) = self.chains.get_mut(number) else { return };
        let last = own.last.clone();
        chain.fork = chain.fork.take().or(fork);
        chain.push(own);
        self.end_with(number, last);
    }

    /// Notes the last line of a file of a chain.
    fn end_with(&mut self, chain: usize, last: Option<(u64, Vec<u8>)>) {
        if let Some((seq, hash)) = last {
            self.ends.entry(hash).or_insert(End { seq, chain, next: None });
        }
    }
}

/// Adds the chains whose beginning is not there to the logs to which they belong.
fn joined(chains: Vec<Chain>) -> Vec<Chain> {
    let (mut logs, rest): (Vec<Chain>, Vec<Chain>) = chains.into_iter().partition(Chain::begins);
    for chain in rest {
        let home = home(&logs, &chain);
        match home.and_then(|place| logs.get_mut(place)) {
            Some(log) => log.absorb(chain),
            None => logs.push(chain),
        }
    }
    logs
}

/// The place of the log to which a chain belongs that does not begin with line 1; `None` for a log of its own.
fn home(logs: &[Chain], chain: &Chain) -> Option<usize> {
    let of_server = logs.iter().position(|log| chain.server.is_some() && log.server == chain.server);
    let may_be = |log: &&Chain| !log.is_of_another_server(chain);
    let named = || logs.iter().position(|log| may_be(&log) && !log.bases.is_disjoint(&chain.bases));
    let only = || logs.first().filter(|log| logs.len() == 1 && may_be(log) && !log.overlaps(chain)).map(|_| 0);
    of_server.or_else(named).or_else(only)
}
