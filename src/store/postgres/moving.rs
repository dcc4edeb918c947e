//! A database of PostgreSQL as the source or the target of a move.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::Type;

use super::address::Address;
use super::lease::{self, Lock, Purpose};
use super::link::Link;
use super::{opening, schema};
use crate::config::Postgres;
use crate::store::error::Error;
use crate::store::moving::ends::{Destination, Origin, Rows};
use crate::store::moving::sum::has_rows;
use crate::store::moving::table::{Column, Kind, Table};
use crate::store::row::Value;
use crate::store::sql::{self, Connection, Each};

/// How long one answer is waited for. A COPY ends with checks of all its rows.
const LONGEST: Duration = Duration::from_secs(600);

/// The tables by which several servers find one order, and the one with the number of the schema.
const OWN: [&str; 4] = ["change", "commit_order", "lease", "schema_version"];

/// PostgreSQL does not end the transaction because the copy and its check take long: only [`LONGEST`] bounds each answer.
const PATIENT: &str =
    "SET statement_timeout = 0; SET lock_timeout = 60000; SET idle_in_transaction_session_timeout = 0";

/// A transaction that is open from the beginning to the end of the move. Without its commit nothing is changed.
pub(in crate::store) struct Moving {
    link: Link,
    /// The server that goes on with the log.
    server: String,
    /// Dropped last: it moves the bytes of the connection.
    _address: Address,
}

impl Moving {
    /// Opens a database for reading.
    ///
    /// # Errors
    /// A server uses it, its schema is not the newest one, or it cannot be read.
    pub(in crate::store) fn source(settings: &Arc<Postgres>) -> Result<Self, Error> {
        let address = Address::new(settings)?;
        let link = lease::connect(&address, Purpose::Read)?.within(LONGEST);
        let name = address.to_string();
        let (found, known) = (schema::check(&link, &name)?, schema::known());
        if found != known {
            return Err(Error::OlderSchema { name, found, known });
        }
        // No server starts meanwhile, and none runs.
        lease::lock(&link, Lock::Start, lease::PATIENCE)?;
        let servers: Vec<String> = sql::all(&link, "SELECT server FROM lease ORDER BY server", &[], sql::column)?;
        // A server of the given name need not have started.
        let own = Some(&settings.server).filter(|own| !servers.contains(own));
        for server in servers.iter().chain(own) {
            lease::lock(&link, Lock::Name(server), lease::PATIENCE).map_err(|error| match error {
                Error::NameInUse(_) => Error::InUse(name.clone()),
                error => error,
            })?;
        }
        lease::await_end_of_sessions(&link, &name)?;
        link.batch(&format!("{PATIENT}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))?;
        Ok(Self { link, server: settings.server.clone(), _address: address })
    }

    /// Makes the tables in an empty database.
    ///
    /// # Errors
    /// It is not empty, a server uses it, or it cannot be used.
    pub(in crate::store) fn target(settings: &Arc<Postgres>) -> Result<Self, Error> {
        let address = Address::new(settings)?;
        let link = lease::connect(&address, Purpose::Write)?.within(LONGEST);
        let name = address.to_string();
        opening::check_server(&link, &name)?;
        lease::lock(&link, Lock::Start, lease::PATIENCE)?;
        let found = schema::check(&link, &name)?;
        link.batch(&format!("{PATIENT}; BEGIN"))?;
        let moving = Self { link, server: settings.server.clone(), _address: address };
        let why = if found == 0 {
            moving.first_table()?.map(|table| format!("it has the table {table}"))
        } else {
            moving.first_used()?.map(|table| format!("its table {} has rows", table.name))
        };
        if let Some(why) = why {
            return Err(Error::Occupied { name, why });
        }
        for step in schema::steps(found) {
            moving.link.batch(&step)?;
        }
        Ok(moving)
    }

    /// A table of whatever owner.
    fn first_table(&self) -> Result<Option<String>, Error> {
        let sql = "SELECT CAST(c.relname AS TEXT) FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname LIMIT 1";
        self.link.text(sql)
    }

    fn first_used(&self) -> Result<Option<Table>, Error> {
        for table in self.tables()? {
            if has_rows(self, &table)? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    fn all_tables(&self) -> Result<Vec<Table>, Error> {
        let sql = "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT), \
                   c.is_nullable = 'NO', CAST(coalesce(k.ordinal_position, 0) AS BIGINT) \
                   FROM information_schema.tables t \
                   JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
                   LEFT JOIN information_schema.table_constraints p ON p.table_schema = t.table_schema \
                   AND p.table_name = t.table_name AND p.constraint_type = 'PRIMARY KEY' \
                   LEFT JOIN information_schema.key_column_usage k ON k.constraint_schema = p.constraint_schema \
                   AND k.constraint_name = p.constraint_name AND k.table_name = c.table_name \
                   AND k.column_name = c.column_name \
                   WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE'";
        let columns = sql::all(&self.link, sql, &[], |row| {
            Ok(((row.get::<String>(0)?, row.get::<String>(1)?), row.get::<String>(2)?, row.get(3)?, row.get(4)?))
        })?;
        let columns = columns.into_iter().map(|((table, name), kind, is_required, place)| {
            let kind = Kind::named(["bigint", "text", "bytea"], &kind, (&table, &name))?;
            Ok((table, Column { name, kind, is_required, place }))
        });
        Ok(Table::collect(columns.collect::<Result<_, Error>>()?))
    }
}

impl Connection for Moving {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        self.link.execute(sql, values)
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        self.link.query(sql, values, each)
    }

    fn schema_version(&self) -> Result<i64, Error> {
        self.link.schema_version()
    }

    fn touch(&self) -> Result<(), Error> {
        Ok(())
    }

    fn server(&self) -> &str {
        &self.server
    }
}

impl Origin for Moving {
    fn tables(&self) -> Result<Vec<Table>, Error> {
        Ok(self.all_tables()?.into_iter().filter(|table| !OWN.contains(&table.name.as_str())).collect())
    }

    fn references(&self) -> Result<Vec<(String, String)>, Error> {
        // SQLite tells them.
        Ok(Vec::new())
    }

    fn check_locked(&self) -> Result<(), Error> {
        // The locks are those of the connection.
        self.link.text("SELECT '1'").map(drop)
    }
}

impl Destination for Moving {
    fn fill(&self, table: &Table, rows: &mut Rows<'_>) -> Result<(), Error> {
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.quoted(), table.list());
        let types = table.columns.iter().map(|column| match column.kind {
            Kind::Integer => Type::INT8,
            Kind::Text => Type::TEXT,
            Kind::Blob => Type::BYTEA,
        });
        self.link.copy_in(&sql, &types.collect::<Vec<_>>(), rows)?;
        // What the planner knows of a table is otherwise that it is empty.
        self.link.batch(&format!("ANALYZE {}", table.quoted())).map(drop)
    }

    fn complete(self: Box<Self>) -> Result<(), Error> {
        match self.link.commit() {
            Err(Error::Lost(_) | Error::Unanswered) => Err(Error::InDoubt),
            done => done,
        }
    }
}
