//! The tables of a database as it describes them itself: what is copied is not listed in the program.

use crate::store::error::Error;
use crate::store::row::Value;

/// What a column contains, besides NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Integer,
    Text,
    Blob,
}

impl Kind {
    /// The kind that a database calls `given`. `names` are its names for integers, texts and bytes.
    ///
    /// # Errors
    /// [`Error::Tables`] with the column: it is of another kind.
    pub(in crate::store) fn named(names: [&str; 3], given: &str, (table, column): (&str, &str)) -> Result<Self, Error> {
        let all = names.into_iter().zip([Self::Integer, Self::Text, Self::Blob]);
        let found = all.into_iter().find(|(name, _)| *name == given);
        found
            .map(|(_, kind)| kind)
            .ok_or_else(|| Error::Tables(format!("the column {column} of the table {table} is {given}")))
    }

    /// Whether a column of this kind can contain the value.
    fn fits(self, value: Value<'_>) -> bool {
        match value {
            Value::Null => true,
            Value::Integer(_) => self == Self::Integer,
            Value::Text(_) => self == Self::Text,
            Value::Blob(_) => self == Self::Blob,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Column {
    pub(in crate::store) name: String,
    pub(in crate::store) kind: Kind,
    /// Whether it is never NULL.
    pub(in crate::store) is_required: bool,
    /// Its place in the primary key, from 1; 0 if it is not part of it.
    pub(in crate::store) place: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    /// In the order of their names.
    pub(in crate::store) columns: Vec<Column>,
}

/// A name in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// Collects the columns of all tables, in any order, each with the name of its table.
    pub(in crate::store) fn collect(columns: Vec<(String, Column)>) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        for (name, column) in columns {
            match tables.iter_mut().find(|table| table.name == name) {
                Some(table) => table.columns.push(column),
                None => tables.push(Self { name, columns: vec![column] }),
            }
        }
        tables.iter_mut().for_each(|table| table.columns.sort_by(|one, other| one.name.cmp(&other.name)));
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        tables
    }

    /// Its name in a statement.
    pub(in crate::store) fn quoted(&self) -> String {
        quoted(&self.name)
    }

    /// Its columns in a statement.
    pub(in crate::store) fn list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The places of the columns of the primary key, in its order.
    pub(super) fn key(&self) -> Vec<usize> {
        let places = self.columns.iter().enumerate().filter(|(_, column)| column.place > 0);
        let mut places: Vec<(i64, usize)> = places.map(|(at, column)| (column.place, at)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, at)| at).collect()
    }

    /// The statement that reads at most `?1` rows in the order of the primary key. `is_next`: those after the key whose columns
    /// are `?2` and so on.
    pub(super) fn page(&self, is_next: bool) -> String {
        let key: Vec<String> =
            self.key().into_iter().filter_map(|at| self.columns.get(at)).map(|column| quoted(&column.name)).collect();
        let after = if is_next {
            let places: Vec<String> = (2..).take(key.len()).map(|place| format!("?{place}")).collect();
            format!("WHERE ({}) > ({}) ", key.join(", "), places.join(", "))
        } else {
            String::new()
        };
        format!("SELECT {} FROM {} {after}ORDER BY {} LIMIT ?1", self.list(), self.quoted(), key.join(", "))
    }

    /// Refuses values that the columns cannot contain, and U+0000, which PostgreSQL cannot store.
    ///
    /// # Errors
    /// [`Error::Unmovable`].
    pub(super) fn check(&self, values: &[Value<'_>]) -> Result<(), Error> {
        for (column, value) in self.columns.iter().zip(values) {
            let why = match value {
                Value::Text(text) if text.contains('\0') => "it has U+0000",
                value if !column.kind.fits(*value) => "it is of another type, or not UTF-8",
                _ => continue,
            };
            let (table, column) = (self.name.clone(), column.name.clone());
            return Err(Error::Unmovable { table, column, row: self.row(values), why });
        }
        Ok(())
    }

    /// The primary key of a row in words. It is no secret: identifiers, names and numbers.
    fn row(&self, values: &[Value<'_>]) -> String {
        let parts = self.key().into_iter().filter_map(|at| values.get(at)).map(|value| match value {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Null | Value::Blob(_) => "…".to_owned(),
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Refuses tables that are not the same.
///
/// # Errors
/// [`Error::Tables`], with the first difference.
pub(super) fn compare(source: &[Table], target: &[Table]) -> Result<(), Error> {
    let is_in = |tables: &[Table], name: &str| tables.iter().any(|table| table.name == name);
    let only = |here: &[Table], there: &[Table], which: &str| {
        let table = here.iter().find(|table| !is_in(there, &table.name))?;
        Some(format!("only the {which} has the table {}", table.name))
    };
    let differs = || {
        let (one, other) = source.iter().zip(target).find(|(one, other)| one != other)?;
        let column = one.columns.iter().find(|column| !other.columns.contains(column));
        let column = column.or_else(|| other.columns.iter().find(|column| !one.columns.contains(column)));
        Some(format!("the column {} of the table {}", column.map_or("", |column| &column.name), one.name))
    };
    let keyless = || {
        let table = source.iter().find(|table| table.key().is_empty())?;
        Some(format!("the table {} has no primary key", table.name))
    };
    let found = only(source, target, "source").or_else(|| only(target, source, "target"));
    found.or_else(differs).or_else(keyless).map_or(Ok(()), |found| Err(Error::Tables(found)))
}

/// Puts each table after those that it refers to: pairs of a table and one that it refers to.
pub(super) fn in_order(mut tables: Vec<Table>, references: &[(String, String)]) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let waits = |table: &Table| {
            let mut needed = references.iter().filter(|(from, to)| *from == table.name && from != to);
            needed.any(|(_, to)| !ordered.iter().any(|before| before.name == *to))
        };
        // Of tables that refer to each other, any one: the database refuses it then.
        let at = tables.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(tables.remove(at));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[(&str, Kind, i64)]) -> Table {
        let column = |&(name, kind, place): &(&str, Kind, i64)| Column {
            name: name.to_owned(),
            kind,
            is_required: place > 0,
            place,
        };
        Table { name: name.to_owned(), columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn a_page_begins_after_the_whole_key() {
        let of = table("a", &[("left", Kind::Blob, 0), ("y", Kind::Text, 2), ("z", Kind::Integer, 1)]);
        assert_eq!(of.page(false), r#"SELECT "left", "y", "z" FROM "a" ORDER BY "z", "y" LIMIT ?1"#);
        let next = r#"SELECT "left", "y", "z" FROM "a" WHERE ("z", "y") > (?2, ?3) ORDER BY "z", "y" LIMIT ?1"#;
        assert_eq!(of.page(true), next);
    }

    #[test]
    fn a_difference_is_named() {
        let (a, b) = (table("a", &[("x", Kind::Text, 1)]), table("b", &[("x", Kind::Text, 1)]));
        let both = [a.clone(), b.clone()];
        assert!(compare(&both, &both).is_ok());
        let said = |source: &[Table], target: &[Table]| compare(source, target).unwrap_err().to_string();
        assert!(said(&both, std::slice::from_ref(&a)).contains("only the source has the table b"));
        assert!(said(std::slice::from_ref(&a), &both).contains("only the target has the table b"));
        let wider = table("b", &[("x", Kind::Text, 1), ("y", Kind::Text, 0)]);
        assert!(said(&both, &[a.clone(), wider.clone()]).contains("the column y of the table b"));
        assert!(said(&[a.clone(), wider], &both).contains("the column y of the table b"));
        assert!(said(&[a.clone(), table("b", &[("x", Kind::Blob, 1)])], &both).contains("the column x of the table b"));
        let keyless = [a, table("b", &[("x", Kind::Text, 0)])];
        assert!(said(&keyless, &keyless).contains("no primary key"));
    }

    #[test]
    fn a_table_comes_after_what_it_refers_to() {
        let tables = ["a", "b", "c"].map(|name| table(name, &[("x", Kind::Text, 1)]));
        let references = [("a", "c"), ("c", "b"), ("b", "b")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        let ordered = in_order(tables.to_vec(), &references);
        assert_eq!(ordered.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["b", "c", "a"]);
    }

    #[test]
    fn what_the_other_database_cannot_hold_is_refused() {
        let of = table("a", &[("x", Kind::Text, 1), ("y", Kind::Integer, 0)]);
        assert!(of.check(&[Value::Text("x"), Value::Null]).is_ok());
        let said = |values: &[Value<'_>]| of.check(values).unwrap_err().to_string();
        assert!(said(&[Value::Text("k\0"), Value::Null]).contains("U+0000"));
        assert!(said(&[Value::Blob(b"\xFF"), Value::Null]).contains("the column x of the table a"));
        assert!(said(&[Value::Text("k"), Value::Text("1")]).contains("the column y of the table a"));
    }
}
