//! The HSM token of one test.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection as Database, params, types::Value};

#[path = "../../../pkcs11/tests/token/hsm.rs"]
mod hsm;

pub use hsm::Hsm;

pub const PIN: &str = "pin-that-must-not-leak-4711";
pub const LABEL: &str = "claviger";

/// The number of objects of the root keys of one database: four secret keys, and both halves of two signing keys.
pub const ROOT_OBJECTS: usize = 8;

#[derive(Clone)]
pub struct Token {
    pub configuration: PathBuf,
    pub tokens: PathBuf,
    pub pin_file: PathBuf,
}

/// An object as the module keeps it.
pub enum Kept {
    /// SoftHSM: a file and its lock file.
    Files(Vec<(PathBuf, Vec<u8>)>),
    /// Kryoptic: rows of its database, one for each attribute.
    Rows(i64, Vec<(i64, Value)>),
}

impl Kept {
    /// Returns a copy of the object with another name.
    pub fn double(&self) -> Self {
        match self {
            Self::Files(files) => {
                let renamed = |file: &Path| {
                    let name = Path::new("00000000-0000-0000-0000-000000000000");
                    file.with_file_name(name.with_extension(file.extension().unwrap()))
                };
                Self::Files(files.iter().map(|(file, content)| (renamed(file), content.clone())).collect())
            }
            Self::Rows(id, rows) => {
                const CKA_UNIQUE_ID: i64 = 4;
                let renamed = |(attribute, value): &(i64, Value)| {
                    let name = Value::Text("00000000-0000-0000-0000-000000000000".to_owned());
                    (*attribute, if *attribute == CKA_UNIQUE_ID { name } else { value.clone() })
                };
                Self::Rows(id + 1_000_000, rows.iter().map(renamed).collect())
            }
        }
    }
}

impl Token {
    /// Initialises an HSM token in `directory`.
    pub fn new(directory: &Path) -> Self {
        let token = Self::empty(directory);
        Hsm::chosen().begin(directory, LABEL, PIN);
        token
    }

    /// Returns the module without any HSM token.
    pub fn empty(directory: &Path) -> Self {
        let configuration = Hsm::chosen().configure(directory);
        let pin_file = directory.join("pin");
        write_private(&pin_file, PIN.as_bytes());
        Self { configuration, tokens: directory.join("tokens"), pin_file }
    }

    /// Initialises another HSM token.
    pub fn add(&self, label: &str) {
        Hsm::chosen().add(self.configuration.parent().unwrap(), label, PIN);
    }

    /// The directory or file of each token.
    pub fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.tokens).unwrap().map(|entry| entry.unwrap().path());
        // Kryoptic makes an empty file for a slot that has no token.
        entries.filter(|path| fs::metadata(path).unwrap().len() > 0).collect()
    }

    /// Returns the number of a free slot of Kryoptic.
    pub fn free_slot(&self) -> usize {
        Hsm::chosen().configure(self.configuration.parent().unwrap());
        hsm::free_slot(&self.tokens)
    }

    /// Returns the number of objects in the HSM tokens.
    pub fn objects(&self) -> usize {
        match Hsm::chosen() {
            Hsm::SoftHsm => self.object_files().len(),
            Hsm::Kryoptic => {
                let count = |database: Database| {
                    database.query_row("SELECT count(DISTINCT id) FROM objects", [], |row| row.get::<_, i64>(0))
                };
                self.databases().map(|database| count(database).unwrap() as usize).sum()
            }
        }
    }

    /// SoftHSM keeps one file for each object.
    pub fn object_files(&self) -> Vec<PathBuf> {
        assert_eq!(Hsm::chosen(), Hsm::SoftHsm, "tests/second-token is to name this test");
        let tokens = fs::read_dir(&self.tokens).unwrap().map(|entry| entry.unwrap().path());
        let files = tokens.flat_map(|token| fs::read_dir(token).unwrap().map(|entry| entry.unwrap().path()));
        let is_object = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "object");
        files.filter(|file| is_object(file) && file.file_stem().is_some_and(|name| name != "token")).collect()
    }

    /// Returns all objects of the only HSM token.
    pub fn kept(&self) -> Vec<Kept> {
        match Hsm::chosen() {
            Hsm::SoftHsm => {
                let files = self.object_files().into_iter().map(|file| [file.clone(), file.with_extension("lock")]);
                files
                    .map(|files| Kept::Files(files.map(|file| (file.clone(), fs::read(file).unwrap())).into()))
                    .collect()
            }
            Hsm::Kryoptic => {
                let database = self.databases().next().unwrap();
                let mut select = database.prepare("SELECT DISTINCT id FROM objects").unwrap();
                let ids: Vec<i64> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
                let mut select = database.prepare("SELECT attr, val FROM objects WHERE id = ?").unwrap();
                let mut rows = |id| {
                    let rows = select.query_map([id], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                    rows.map(Result::unwrap).collect()
                };
                ids.into_iter().map(|id| Kept::Rows(id, rows(id))).collect()
            }
        }
    }

    /// Removes an object, while no program uses the HSM token.
    pub fn take_out(&self, object: &Kept) {
        match object {
            Kept::Files(files) => files.iter().for_each(|(file, _)| fs::remove_file(file).unwrap()),
            Kept::Rows(id, rows) => {
                let database = self.databases().next().unwrap();
                assert_eq!(database.execute("DELETE FROM objects WHERE id = ?", [id]).unwrap(), rows.len());
            }
        }
    }

    /// Adds a removed object again.
    pub fn put_back(&self, object: &Kept) {
        match object {
            Kept::Files(files) => files.iter().for_each(|(file, content)| fs::write(file, content).unwrap()),
            Kept::Rows(id, rows) => {
                let mut database = self.databases().next().unwrap();
                let insert = database.transaction().unwrap();
                for (attribute, value) in rows {
                    insert.execute("INSERT INTO objects VALUES (?, ?, ?)", params![id, attribute, value]).unwrap();
                }
                insert.commit().unwrap();
            }
        }
    }

    /// Returns Kryoptic's databases, one for each HSM token.
    fn databases(&self) -> impl Iterator<Item = Database> {
        let mut files = self.entries();
        files.retain(|file| file.extension().is_some_and(|kind| kind == "sql"));
        files.sort();
        files.into_iter().map(|file| Database::open(file).unwrap())
    }
}

pub fn write_private(path: &Path, content: &[u8]) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(content).unwrap();
}
