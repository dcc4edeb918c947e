//! Finding objects by what the columns and the search tables hold.

use rusqlite::{Connection, ToSql};

use super::Error;

/// The state that dates have moved an object to (KMIP 2.1 section 4.57; `kmip::state` is the rule for
/// single objects). ?1 is the present time.
const EFFECTIVE_STATE: &str = "CASE \
    WHEN state = 1 AND activation_date <= ?1 AND deactivation_date <= ?1 THEN 3 \
    WHEN state = 1 AND activation_date <= ?1 THEN 2 \
    WHEN state = 2 AND deactivation_date <= ?1 THEN 3 \
    ELSE state END";

/// Whose objects count: those of which any of this holds.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// This user owns it.
    pub owner: Option<String>,
    /// Something is granted to one of these.
    pub grantees: Vec<String>,
    /// One of these projects holds it.
    pub projects: Vec<String>,
}

/// What to find; every part that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The present time, in seconds since 1970-01-01 UTC.
    pub now: i64,
    /// Whose objects.
    pub reach: Reach,
    /// The project that holds it.
    pub project: Option<String>,
    /// All of these names.
    pub names: Vec<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// Object Type.
    pub object_type: Option<i64>,
    /// Cryptographic Algorithm.
    pub algorithm: Option<i64>,
    /// Cryptographic Length in bits.
    pub length: Option<i64>,
    /// Cryptographic Usage Mask: all of these bits.
    pub usage_mask: Option<i64>,
    /// State at the present time.
    pub state: Option<i64>,
    /// Whether destroyed objects count; a `state` overrides it.
    pub destroyed: bool,
}

/// A page of identifiers in the order of their creation, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The page.
    pub ids: Vec<String>,
    /// All that match.
    pub total: i64,
}

impl Search {
    /// Runs the search, skipping `offset` and returning at most `limit` identifiers.
    ///
    /// # Errors
    /// SQLite's.
    pub fn run(&self, connection: &Connection, offset: i64, limit: i64) -> Result<Found, Error> {
        let mut values: Vec<&dyn ToSql> = vec![&self.now];
        let mut clauses = format!("?1 IS NOT NULL AND ({})", self.reach.clause(&mut values));
        let mut clause = |text: &str, value| {
            values.push(value);
            clauses.push_str(" AND ");
            clauses.push_str(&text.replace('?', &format!("?{}", values.len())));
        };
        for name in &self.names {
            clause("number IN (SELECT number FROM object_name WHERE name = ?)", name);
        }
        for tag in &self.tags {
            clause("number IN (SELECT number FROM object_tag WHERE tag = ?)", tag);
        }
        if let Some(project) = &self.project {
            clause("project = ?", project);
        }
        for (text, value) in [
            ("object_type = ?", &self.object_type),
            ("algorithm = ?", &self.algorithm),
            ("length = ?", &self.length),
            ("usage_mask & ? = ?", &self.usage_mask),
        ] {
            if value.is_some() {
                clause(text, value);
            }
        }
        if self.state.is_some() {
            values.push(&self.state);
            clauses.push_str(&format!(" AND {EFFECTIVE_STATE} = ?{}", values.len()));
        } else if !self.destroyed {
            clauses.push_str(" AND state < 5");
        }
        page(connection, &clauses, &values, offset, limit)
    }
}

impl Reach {
    /// The condition, whose values are appended.
    fn clause<'a>(&'a self, values: &mut Vec<&'a dyn ToSql>) -> String {
        let mut places = |texts: &'a [String]| {
            let place = |text: &'a String| {
                values.push(text);
                format!("?{}", values.len())
            };
            texts.iter().map(place).collect::<Vec<_>>().join(",")
        };
        let owner = self.owner.as_slice();
        let mut any = vec!["0".to_owned()];
        if !owner.is_empty() {
            any.push(format!("owner IN ({})", places(owner)));
        }
        if !self.grantees.is_empty() {
            let grantees = places(&self.grantees);
            any.push(format!("number IN (SELECT number FROM object_grantee WHERE grantee IN ({grantees}))"));
        }
        if !self.projects.is_empty() {
            any.push(format!("project IN ({})", places(&self.projects)));
        }
        any.join(" OR ")
    }
}

fn page(
    connection: &Connection,
    clauses: &str,
    values: &[&dyn ToSql],
    offset: i64,
    limit: i64,
) -> Result<Found, Error> {
    let count = format!("SELECT count(*) FROM object WHERE {clauses}");
    let total = connection.prepare_cached(&count)?.query_row(values, |row| row.get(0))?;
    let sql = format!("SELECT id FROM object WHERE {clauses} ORDER BY number LIMIT {limit} OFFSET {offset}");
    let mut select = connection.prepare(&sql)?;
    let ids = select.query_map(values, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Found { ids, total })
}
