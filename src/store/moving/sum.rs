//! The rows of a table in a number that does not depend on their order.

use openssl::sha::sha256;

use super::table::{Kind, Table};
use crate::store::error::Error;
use crate::store::object::{put, put_number};
use crate::store::row::{Value, values};
use crate::store::sql::{self, Connection};

/// Number of rows that are read at a time.
const ROWS: usize = 256;

/// The same for a table with columns of bytes: a row may have a value of 1 MiB.
const LARGE_ROWS: usize = 32;

/// The number of rows, and the sum of the SHA-256 of each of them, in four parts modulo 2^64. Two databases may keep texts in
/// different orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    parts: [u64; 4],
}

impl Sum {
    /// Adds a row. Its columns are in the order of their names.
    pub(super) fn add(&mut self, values: &[Value<'_>]) {
        let mut bytes = Vec::with_capacity(512);
        for value in values {
            // The kind before the value, so that no two rows have the same bytes.
            match value {
                Value::Null => put(&mut bytes, None),
                Value::Integer(number) => put_number(&mut bytes, Some(*number)),
                Value::Text(text) => {
                    put(&mut bytes, Some(b"text"));
                    put(&mut bytes, Some(text.as_bytes()));
                }
                Value::Blob(blob) => {
                    put(&mut bytes, Some(b"blob"));
                    put(&mut bytes, Some(blob));
                }
            }
        }
        self.rows += 1;
        let digest = sha256(&bytes);
        for (part, chunk) in self.parts.iter_mut().zip(digest.as_chunks::<8>().0) {
            *part = part.wrapping_add(u64::from_be_bytes(*chunk));
        }
    }
}

/// A value that outlives its row.
enum Kept {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Kept {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text),
            Self::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

/// Gives every row of a table to `each`, in the order of its primary key. Few rows are in memory at a time.
pub(super) fn rows(
    connection: &dyn Connection,
    table: &Table,
    each: &mut dyn FnMut(&[Value<'_>]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (first, next, key) = (table.page(false), table.page(true), table.key());
    let most = if table.columns.iter().any(|column| column.kind == Kind::Blob) { LARGE_ROWS } else { ROWS };
    let mut last: Option<Vec<Kept>> = None;
    loop {
        let (mut found, mut end) = (0, None);
        let mut parameters = vec![Value::Integer(sql::limit(most))];
        parameters.extend(last.iter().flatten().map(Kept::value));
        connection.query(if last.is_some() { &next } else { &first }, &parameters, &mut |row| {
            let value = |at| row.0.value(at).ok_or(crate::store::row::BadColumn(at));
            let values = (0..table.columns.len()).map(value).collect::<Result<Vec<_>, _>>()?;
            each(&values)?;
            found += 1;
            if found == most {
                end = Some(key.iter().filter_map(|&at| values.get(at)).map(|value| Kept::of(*value)).collect());
            }
            Ok(true)
        })?;
        if end.is_none() {
            return Ok(());
        }
        last = end;
    }
}

/// Whether a table has a row.
pub(in crate::store) fn has_rows(connection: &dyn Connection, table: &Table) -> Result<bool, Error> {
    sql::any(connection, &format!("SELECT 1 FROM {} LIMIT 1", table.quoted()), values![])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_depends_on_each_value_and_not_on_the_order() {
        let sum = |rows: &[&[Value<'_>]]| {
            let mut sum = Sum::default();
            rows.iter().for_each(|row| sum.add(row));
            sum
        };
        let (one, other) = ([Value::Integer(1), Value::Text("x")], [Value::Integer(2), Value::Null]);
        assert_eq!(sum(&[&one, &other]), sum(&[&other, &one]));
        let changed: [&[Value<'_>]; 5] = [
            &[Value::Integer(1), Value::Text("y")],
            &[Value::Integer(1), Value::Blob(b"x")],
            &[Value::Integer(1), Value::Null],
            &[Value::Text("1"), Value::Text("x")],
            &[Value::Integer(1), Value::Text("x"), Value::Null],
        ];
        for row in changed {
            assert_ne!(sum(&[row]), sum(&[&one]), "{row:?}");
        }
        assert_ne!(sum(&[&one, &one]), sum(&[&one]));
    }
}
