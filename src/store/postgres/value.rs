//! Values as PostgreSQL takes and gives them.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::row::{Columns, Value};

type Fault = Box<dyn StdError + Sync + Send>;

/// A parameter. Its value is not in its debug text, because the driver logs the parameters of statements.
pub(super) struct Parameter<'a>(pub(super) Value<'a>);

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Parameter<'_> {
    /// The type is what PostgreSQL expects at this place.
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) if *of == Type::INT8 => number.to_sql(of, out),
            Value::Integer(number) if *of == Type::INT4 => i32::try_from(number)?.to_sql(of, out),
            Value::Integer(number) if *of == Type::BOOL => (number != 0).to_sql(of, out),
            // PostgreSQL has no U+0000. Only names and tags of objects may contain it: in the tables for searches, which
            // give the same objects for the same text.
            Value::Text(text) if *of == Type::TEXT && text.contains('\0') => {
                text.replace('\0', "\u{FFFF}").to_sql(of, out)
            }
            Value::Text(text) if *of == Type::TEXT => text.to_sql(of, out),
            Value::Blob(bytes) if *of == Type::BYTEA => bytes.to_sql(of, out),
            Value::Integer(_) | Value::Text(_) | Value::Blob(_) => Err(format!("a parameter is no {of}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        Ok(match *of {
            Type::INT8 => Self::Integer(i64::from_sql(of, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(of, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(of, raw)?.into()),
            Type::BYTEA => Self::Blob(raw),
            _ => std::str::from_utf8(raw).map_or(Self::Blob(raw), Self::Text),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::BYTEA, Type::TEXT].contains(of)
    }
}

impl Columns for Row {
    fn value(&self, column: usize) -> Option<Value<'_>> {
        self.try_get(column).ok()
    }
}
