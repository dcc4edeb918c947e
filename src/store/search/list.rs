//! One ordered list of objects, which is read in small portions.

use std::collections::VecDeque;

use super::super::error::Error;
use super::super::row::{ToValue, Value, values};
use super::super::sql::Connection;
use super::wanted::{Order, Search};

/// The state of an object after the effect of its dates (KMIP 2.1 section 4.57; `kmip::state` has the rule for single
/// objects). `@now` is the present time.
const EFFECTIVE_STATE: &str = "CASE \
    WHEN state = 1 AND activation_date <= @now AND deactivation_date <= @now THEN 3 \
    WHEN state = 1 AND activation_date <= @now THEN 2 \
    WHEN state = 2 AND deactivation_date <= @now THEN 3 \
    ELSE state END";

/// The first state of a destroyed object.
const DESTROYED: i64 = 5;

/// Number of rows that are read at once: the first time, and at most.
const FIRST: usize = 32;
const MOST: usize = 1_024;

/// Returns true if the search has become useless. It is called now and then.
pub(super) type IsOver<'a> = &'a dyn Fn() -> bool;

/// The property by which objects are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Owner,
    Grantee,
    Project,
    AnyProject,
    Name,
    Tag,
}

/// The conditions on the columns of an object.
pub(super) struct Filter<'a> {
    /// Conditions, each after an `AND`. Their values are ?1 and following; ?1 is the present time.
    pub(super) text: String,
    pub(super) values: Vec<Value<'a>>,
    /// Whether destroyed objects are left out.
    live: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn of(search: &'a Search) -> Self {
        let live = search.state.map_or(!search.destroyed, |state| state < DESTROYED);
        // The first value must be used in the text, even if no condition needs the time.
        let mut filter = Self {
            text: " AND CAST(@now AS BIGINT) IS NOT NULL".to_owned(),
            values: values![search.now].to_vec(),
            live,
        };
        for (condition, value) in [
            ("object_type = ?", &search.object_type),
            ("algorithm = ?", &search.algorithm),
            ("length = ?", &search.length),
            ("usage_mask & ? = ?", &search.usage_mask),
        ] {
            if value.is_some() {
                filter.add(condition, value);
            }
        }
        if search.state.is_some() {
            filter.add(&format!("{EFFECTIVE_STATE} = ?"), &search.state);
        }
        if live {
            filter.text.push_str(" AND state < 5");
        }
        filter.text = filter.text.replace("@now", "?1");
        filter
    }

    fn add(&mut self, condition: &str, value: &'a Option<i64>) {
        self.values.push(value.to_value());
        let place = format!("?{}", self.values.len());
        self.text.push_str(" AND ");
        self.text.push_str(&condition.replace('?', &place));
    }
}

/// The objects of one key, in order.
pub(super) struct List<'a> {
    sql: String,
    /// The values of the filter, and the key.
    values: Vec<Value<'a>>,
    order: Order,
    /// Ranks that were read and not passed yet.
    read: VecDeque<i64>,
    /// Number of rows to read next, including those that the filter leaves out.
    size: usize,
    /// The first rank that was not read.
    next: i64,
    /// Whether there are no rows after those that were read.
    ended: bool,
}

impl<'a> List<'a> {
    /// A list. `filtered`: without the objects that do not pass the filter.
    pub(super) fn new(kind: Kind, key: &'a str, order: Order, filter: &Filter<'a>, filtered: bool) -> Self {
        let mut values = if filtered { filter.values.clone() } else { Vec::new() };
        let text = if filtered { filter.text.as_str() } else { "" };
        values.push(Value::Text(key));
        let (key, rank, limit) = (values.len(), values.len() + 1, values.len() + 2);
        let (compare, direction) = match order {
            Order::NewestFirst => ("<=", "DESC"),
            Order::OldestFirst => (">=", "ASC"),
        };
        let live = if filter.live { " AND state < 5" } else { "" };
        let number = if kind == Kind::Grantee { "object_grantee.number" } else { "number" };
        let (from, condition) = match kind {
            Kind::Owner if filter.live => ("object INDEXED BY object_owner_live", format!("owner = ?{key}{live}")),
            Kind::Owner => ("object INDEXED BY object_owner", format!("owner = ?{key}")),
            Kind::Project if filter.live => {
                ("object INDEXED BY object_project_live", format!("project = ?{key}{live}"))
            }
            Kind::Project => ("object INDEXED BY object_project", format!("project = ?{key}")),
            Kind::AnyProject => (
                "object INDEXED BY object_in_project",
                format!("project IS NOT NULL AND CAST(?{key} AS TEXT) IS NOT NULL"),
            ),
            Kind::Grantee if filtered => (
                // SQLite never reorders a CROSS JOIN.
                "object_grantee CROSS JOIN object",
                format!("grantee = ?{key} AND object.number = object_grantee.number"),
            ),
            Kind::Grantee => ("object_grantee", format!("grantee = ?{key}")),
            Kind::Name => ("object_name", format!("name = ?{key}")),
            Kind::Tag => ("object_tag", format!("tag = ?{key}")),
        };
        // A statement reads a limited number of rows, even if the filter leaves most of them out, because it cannot be
        // interrupted from outside.
        let sql = format!(
            "SELECT {number}, (TRUE{text}) FROM {from} WHERE {condition} AND {number} {compare} ?{rank} \
             ORDER BY {number} {direction} LIMIT ?{limit}"
        );
        Self { sql, values, order, read: VecDeque::new(), size: FIRST, next: i64::MIN, ended: false }
    }

    /// The first rank in the list that is at least `rank`.
    pub(super) fn seek(
        &mut self,
        connection: &dyn Connection,
        rank: i64,
        is_over: IsOver<'_>,
    ) -> Result<Option<i64>, Error> {
        let ahead = self.read.iter().position(|own| *own >= rank).unwrap_or(self.read.len());
        // If several read ranks are passed, the list is longer than the others, so little of it is read next.
        if ahead > 1 {
            self.size = FIRST;
        }
        self.read.drain(..ahead);
        while self.read.is_empty() && !self.ended {
            if is_over() {
                return Err(Error::Abandoned);
            }
            self.fill(connection, rank.max(self.next))?;
        }
        Ok(self.read.front().copied())
    }

    fn fill(&mut self, connection: &dyn Connection, rank: i64) -> Result<(), Error> {
        let sign = |value: i64| if self.order == Order::NewestFirst { -value } else { value };
        let (number, limit) = (sign(rank), i64::try_from(self.size).unwrap_or(i64::MAX));
        let mut values = self.values.clone();
        values.extend([Value::Integer(number), Value::Integer(limit)]);
        let mut seen = 0;
        connection.query(&self.sql, &values, &mut |row| {
            let found = sign(row.get(0)?);
            seen += 1;
            self.next = found.saturating_add(1);
            // NULL counts as false.
            if row.get::<Option<bool>>(1)? == Some(true) {
                self.read.push_back(found);
            }
            Ok(true)
        })?;
        self.ended = seen < self.size;
        self.size = (self.size * 2).min(MOST);
        Ok(())
    }
}
