//! Searches for objects by columns and search tables.
//!
//! Everything that limits a search is a list of objects in the order of their creation: the objects of an owner, of a
//! grantee, of a project, of a name, of a tag. A search walks the lists in parallel and stops when its page is full. So
//! its cost depends on the objects that it returns and skips, and not on the number of all objects.

mod list;
mod wanted;

use super::error::Error;
use super::reader::Readers;
use super::row::Value;
use super::sql::{self, Connection};
use list::{Filter, IsOver, List};

pub use wanted::{Key, Order, Projects, Reach, Search};

/// The position where a page begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// After the object with this number; at the beginning if `None`.
    pub after: Option<i64>,
    /// Number of matching objects to skip first.
    pub skip: i64,
}

impl Start {
    /// Whether the page begins with the first object.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        self.after.is_none() && self.skip == 0
    }
}

/// One object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its number, after which a later page begins.
    pub number: i64,
    /// Its Unique Identifier.
    pub id: String,
}

/// A page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Number of skipped objects: fewer than requested if there are no more.
    pub skipped: i64,
    /// The objects; fewer than the limit if there are no more.
    pub found: Vec<Found>,
}

/// The union of several lists.
struct Union<'a>(Vec<List<'a>>);

impl Union<'_> {
    /// The first rank that is at least `rank` and in one of the lists.
    fn seek(&mut self, connection: &dyn Connection, rank: i64, is_over: IsOver<'_>) -> Result<Option<i64>, Error> {
        let mut first: Option<i64> = None;
        for list in &mut self.0 {
            if let Some(found) = list.seek(connection, rank, is_over)? {
                first = Some(first.map_or(found, |first| first.min(found)));
            }
        }
        Ok(first)
    }
}

impl Search {
    /// Finds at most `limit` objects. `is_over` returns true if the request has ended. It is called for each object;
    /// for objects that the filter leaves out, once for a few of them.
    ///
    /// # Errors
    /// [`Error::Abandoned`], or those of the database.
    pub fn page(&self, store: &Readers, start: Start, limit: usize, is_over: &dyn Fn() -> bool) -> Result<Page, Error> {
        store.run(|connection| self.page_in(connection, start, limit, is_over))
    }

    fn page_in(
        &self,
        connection: &dyn Connection,
        start: Start,
        limit: usize,
        is_over: IsOver<'_>,
    ) -> Result<Page, Error> {
        let filter = Filter::of(self);
        let keyed = self.keyed(&filter);
        // If nothing else limits the search, the lists apply the filter themselves.
        let filtered = keyed.is_empty();
        let mut all = vec![Union(self.reached(&filter, filtered))];
        all.extend(keyed);
        let mut page = Page::default();
        let mut rank = start.after.map_or(-i64::MAX, |number| self.rank(number).saturating_add(1));
        while page.found.len() < limit {
            let Some(found) = common(&mut all, connection, rank, is_over)? else { break };
            if is_over() {
                return Err(Error::Abandoned);
            }
            rank = found.saturating_add(1);
            let number = self.rank(found);
            if filtered && page.skipped < start.skip {
                page.skipped += 1;
                continue;
            }
            match row(connection, &filter, number)? {
                Some(_) if page.skipped < start.skip => page.skipped += 1,
                Some(id) => page.found.push(Found { number, id }),
                None => {}
            }
        }
        Ok(page)
    }

    /// Converts the number of an object to its position in the order, and back.
    fn rank(&self, number: i64) -> i64 {
        match self.order {
            Order::NewestFirst => -number,
            Order::OldestFirst => number,
        }
    }

    /// One list for each way in which an object can be reached.
    fn reached<'a>(&'a self, filter: &Filter<'a>, filtered: bool) -> Vec<List<'a>> {
        let Reach { owner, grantees, projects } = &self.reach;
        let mut lists: Vec<List<'a>> = Vec::new();
        let mut add = |kind, key| lists.push(List::new(kind, key, self.order, filter, filtered));
        if let Some(owner) = owner {
            add(list::Kind::Owner, owner);
        }
        for grantee in grantees {
            add(list::Kind::Grantee, grantee);
        }
        match projects {
            Projects::These(projects) => projects.iter().for_each(|project| add(list::Kind::Project, project)),
            Projects::Any => add(list::Kind::AnyProject, &ANY),
        }
        lists
    }

    /// The unions that must all contain an object.
    fn keyed<'a>(&'a self, filter: &Filter<'a>) -> Vec<Union<'a>> {
        let list = |kind, key| List::new(kind, key, self.order, filter, false);
        let project = self.project.iter().map(|project| (list::Kind::Project, project));
        let names = self.names.iter().map(|name| (list::Kind::Name, name));
        let tags = self.tags.iter().map(|tag| (list::Kind::Tag, tag));
        let wanted = project.chain(names).chain(tags).map(|(kind, key)| Union(vec![list(kind, key)]));
        let limits = self.limits.iter().map(|keys| {
            let one = |key: &'a Key| match key {
                Key::Project(project) => list(list::Kind::Project, project),
                Key::Name(name) => list(list::Kind::Name, name),
                Key::Tag(tag) => list(list::Kind::Tag, tag),
            };
            Union(keys.iter().map(one).collect())
        });
        wanted.chain(limits).collect()
    }
}

/// The value of the key for a list without a key.
static ANY: String = String::new();

/// The first rank that is at least `rank` and in every union.
fn common(
    all: &mut [Union<'_>],
    connection: &dyn Connection,
    mut rank: i64,
    is_over: IsOver<'_>,
) -> Result<Option<i64>, Error> {
    let mut agreed = 0;
    while agreed < all.len() {
        agreed = 0;
        for union in all.iter_mut() {
            let Some(found) = union.seek(connection, rank, is_over)? else { return Ok(None) };
            if found > rank {
                rank = found;
                // All other unions must be asked again; this one contains the rank.
                agreed = 0;
            }
            agreed += 1;
        }
    }
    Ok(Some(rank))
}

/// The identifier of the object with this number, if it passes the filter.
fn row(connection: &dyn Connection, filter: &Filter<'_>, number: i64) -> Result<Option<String>, Error> {
    let sql = format!("SELECT id FROM object WHERE number = ?{}{}", filter.values.len() + 1, filter.text);
    let mut values = filter.values.clone();
    values.push(Value::Integer(number));
    sql::one(connection, &sql, &values, sql::column)
}
