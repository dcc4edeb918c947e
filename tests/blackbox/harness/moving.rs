//! Moving a database by `clavigerd --migrate-to`, and what is in both.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rusqlite::types::Value as Column;
use rusqlite::{Connection as Database, OpenFlags};

use super::postgres::Cluster;
use super::server::{Place, run};
use super::{Options, Server};

/// A column that no version writes any more: PostgreSQL does not have it.
const UNUSED: &str = "signed_seq";

/// The tables of PostgreSQL that SQLite does not have.
pub const OWN: [&str; 4] = ["change", "commit_order", "lease", "schema_version"];

/// The rows of each table.
pub type Dump = BTreeMap<String, Vec<String>>;

/// The options of a server on a file of this place.
pub fn on_file(place: &Place, file: &str, options: &Options) -> Options {
    let file = place.path(file).display().to_string();
    options.with(&["--sqlite-path", &file, &audit(place)])
}

/// The options of a server on PostgreSQL.
pub fn on_postgres(place: &Place, url: &str, options: &Options) -> Options {
    options.with(&["--database-url", url, &audit(place)])
}

fn audit(place: &Place) -> String {
    format!("--audit-file={}", place.audit_file().display())
}

impl Place {
    /// The command that moves the database of these options.
    pub fn migration(&self, options: &Options, to: &str) -> Command {
        let mut command = self.command(options);
        command.args(["--migrate-to", to]);
        command
    }

    /// Moves the database of these options, and returns whether that succeeded, and the output.
    pub fn migrate(&self, options: &Options, to: &str) -> (bool, String) {
        let (status, out, error) = run(&mut self.migration(options, to));
        (status.success(), out + &error)
    }

    /// Moves the database, which must succeed.
    #[track_caller]
    pub fn moved(&self, options: &Options, to: &str) -> String {
        let (is_done, said) = self.migrate(options, to);
        assert!(is_done && said.contains(": 0 findings") && said.contains("moved: "), "{said}");
        said
    }

    /// Fails to move the database for this reason.
    #[track_caller]
    pub fn not_moved(&self, options: &Options, to: &str, why: &str) {
        let (is_done, said) = self.migrate(options, to);
        assert!(!is_done && said.contains(why), "{why}: {said}");
    }
}

/// Stops the server, and checks its database.
#[track_caller]
pub fn ends_clean(server: Server, more: &[&str]) {
    let options = server.options.with(more);
    let (place, status) = server.stop();
    assert!(status.success());
    let (is_clean, said) = place.check_store(&options);
    assert!(is_clean, "{said}");
}

/// Reads every row of every table of a file.
pub fn dump(file: &Path) -> Dump {
    let database = Database::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = database.prepare(names).unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |table: &str| {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let row = |row: &rusqlite::Row<'_>| {
            let own = columns.iter().enumerate().filter(|(_, name)| *name != UNUSED);
            Ok(own
                .map(|(at, name)| format!("{name}={:?}", row.get::<_, Column>(at).unwrap()))
                .collect::<Vec<_>>()
                .join(", "))
        };
        let mut rows: Vec<String> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    names.iter().map(|name| (name.clone(), rows(name))).collect()
}

impl Cluster {
    /// The number of rows of each table, without those that only PostgreSQL has.
    pub fn counts(&self, database: &str) -> BTreeMap<String, usize> {
        let tables =
            self.run(database, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'");
        let tables = tables.lines().filter(|table| !OWN.contains(table)).map(str::to_owned);
        let count = |table: &str| self.run(database, &format!("SELECT count(*) FROM {table}")).parse().unwrap();
        tables.map(|table| (table.clone(), count(&table))).collect()
    }

    /// Makes the tables in an empty database, as a server does.
    pub fn make_tables(&self, database: &str) {
        let tables = include_str!("../../../src/store/postgres/schema/001.sql");
        self.run(
            database,
            &format!(
                "SET ROLE claviger; {tables}; CREATE TABLE schema_version (one BIGINT PRIMARY KEY, version BIGINT NOT NULL); \
                 INSERT INTO schema_version (one, version) VALUES (1, 1)"
            ),
        );
    }

    /// Locks a table in a session of its own, so that a move waits for it. The session ends with [`Held::let_go`].
    pub fn hold(&self, database: &str, table: &str, mode: &str) -> Held<'_> {
        let lock = format!("LOCK TABLE {table} IN {mode} MODE");
        let child = self.spawn(database, &["BEGIN", &lock, "SELECT pg_sleep(600)"]);
        let held = Held { cluster: self, database: database.to_owned(), child };
        held.until("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "1");
        held
    }
}

/// A table that another session has locked.
pub struct Held<'a> {
    cluster: &'a Cluster,
    database: String,
    child: std::process::Child,
}

impl Held<'_> {
    fn until(&self, sql: &str, expected: &str) {
        let sql = format!("{sql} AND datname = current_database()");
        super::eventually("the sessions are there", || {
            (self.cluster.run(&self.database, &sql) == expected).then_some(())
        });
    }

    /// Waits until a move waits for the table.
    pub fn is_wanted(&self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        self.until(waiting, "1");
    }

    /// Ends the session that waits for the table.
    pub fn end_waiting(&self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                   AND datname = current_database()";
        self.cluster.run(&self.database, sql);
    }

    /// Gives the table free.
    pub fn let_go(mut self) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                   AND datname = current_database()";
        self.cluster.run(&self.database, sql);
        self.child.wait().unwrap();
    }
}
