//! The two databases of a move, as each kind of database offers them.

use super::table::Table;
use crate::store::error::Error;
use crate::store::row::Value;
use crate::store::sql::Connection;

/// A database that is copied. It is read in one state and is not changed, and no server opens it meanwhile.
pub(in crate::store) trait Origin: Connection + Send {
    /// The tables that are copied.
    fn tables(&self) -> Result<Vec<Table>, Error>;

    /// Pairs of a table and one that it refers to, if this database tells.
    fn references(&self) -> Result<Vec<(String, String)>, Error>;

    /// Fails if the locks that keep servers away may have been lost since the beginning.
    fn check_locked(&self) -> Result<(), Error>;
}

/// Receives a row: the values of its columns in the order of the table.
pub(in crate::store) type Put<'a> = dyn FnMut(&[Value<'_>]) -> Result<(), Error> + 'a;

/// Gives all rows of a table.
pub(in crate::store) type Rows<'a> = dyn FnMut(&mut Put<'_>) -> Result<(), Error> + 'a;

/// A new database with the tables of the newest schema, without rows in those that are copied. Until it is complete, it is
/// not there for others, and dropping it leaves nothing.
pub(in crate::store) trait Destination: Origin {
    /// Adds rows to a table.
    fn fill(&self, table: &Table, rows: &mut Rows<'_>) -> Result<(), Error>;

    /// Makes it a database that a server can open. It is on disk afterwards.
    fn complete(self: Box<Self>) -> Result<(), Error>;
}
