//! What a database offers to the writer and to the readers.

use super::error::Error;
use super::sql::Connection;

/// A query on a connection of a reader. It is run again, from the beginning, if the connection was lost.
pub(super) type Query<'a> = dyn FnMut(&dyn Connection) -> Result<(), Error> + 'a;

/// The connections of the readers.
pub(super) trait Pool: Send + Sync {
    /// Runs `query` on an idle or a new connection.
    fn run(&self, query: &mut Query<'_>) -> Result<(), Error>;
}

/// The connection of the writer.
pub(super) trait Session: Connection + Send {
    /// Begins a write transaction. `is_held`: the last transaction could not be begun, so that this one need not be
    /// waited for so long.
    fn begin(&mut self, is_held: bool) -> Result<(), Error>;

    /// Commits the transaction. It is on disk afterwards.
    fn commit(&mut self) -> Result<(), Error>;

    /// Undoes the transaction.
    fn roll_back(&mut self);

    /// Begins a part of the transaction that can be undone separately.
    fn begin_part(&self) -> Result<(), Error>;

    /// Undoes the part.
    fn undo_part(&self) -> Result<(), Error>;

    /// Ends the part.
    fn end_part(&self) -> Result<(), Error>;

    /// Empties what the database keeps of former contents beside itself. Returns false if a reader still uses it.
    fn empty_log(&mut self) -> Result<bool, Error>;
}

/// A transaction of the writer. Dropping it undoes it.
pub(super) struct Transaction<'a> {
    session: &'a mut dyn Session,
    is_open: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(session: &'a mut dyn Session, is_held: bool) -> Result<Self, Error> {
        session.begin(is_held)?;
        Ok(Self { session, is_open: true })
    }

    /// Undoes everything, and begins again.
    pub(super) fn begin_again(&mut self) -> Result<(), Error> {
        self.session.roll_back();
        self.is_open = false;
        self.session.begin(false)?;
        self.is_open = true;
        Ok(())
    }

    pub(super) fn session(&self) -> &dyn Session {
        self.session
    }

    pub(super) fn connection(&self) -> &dyn Connection {
        self.session
    }

    pub(super) fn commit(&mut self) -> Result<(), Error> {
        self.session.commit()?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.session.roll_back();
        }
    }
}
