//! The values of columns and of statements' parameters, and the rows of an answer, whatever the database.

/// A value of a column, or of a parameter of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// NULL.
    Null,
    /// A number; truth values are 0 and 1.
    Integer(i64),
    /// A text in UTF-8. A text that is not valid UTF-8 is read as [`Value::Blob`].
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// What can be a parameter of a statement.
pub(super) trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

/// What a column can contain.
pub(super) trait FromValue: Sized {
    /// `None` if the value has another type or is out of range.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// The parameters of a statement, in order: references to what can be one.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::row::ToValue::to_value(&$value)),*][..] };
}
pub(super) use values;

impl ToValue for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value<'_> {
        Value::Blob(self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(number),
            Value::Null | Value::Text(_) | Value::Blob(_) => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            Value::Null | Value::Integer(_) | Value::Blob(_) => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.to_vec()),
            Value::Null | Value::Integer(_) | Value::Text(_) => None,
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => bytes.try_into().ok(),
            Value::Null | Value::Integer(_) | Value::Text(_) => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// The columns of a row of one database.
pub(super) trait Columns {
    /// `None` if there is no such column, or if its type is not one of [`Value`].
    fn value(&self, column: usize) -> Option<Value<'_>>;
}

/// A row of an answer.
#[derive(Clone, Copy)]
pub(super) struct Row<'a>(pub(super) &'a dyn Columns);

/// A column does not contain what is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {0} of a row has an invalid value")]
pub struct BadColumn(pub(super) usize);

impl Row<'_> {
    /// Reads a column; the first is 0.
    ///
    /// # Errors
    /// There is no such column, or it contains something else.
    pub(super) fn get<T: FromValue>(&self, column: usize) -> Result<T, BadColumn> {
        self.0.value(column).and_then(T::from_value).ok_or(BadColumn(column))
    }

    /// Reads a text that may not be valid UTF-8 any more.
    ///
    /// # Errors
    /// As for [`Self::get`].
    pub(super) fn text_lossily(&self, column: usize) -> Result<Option<String>, BadColumn> {
        match self.0.value(column).ok_or(BadColumn(column))? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.to_owned())),
            Value::Blob(bytes) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            Value::Integer(_) => Err(BadColumn(column)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Read<'a>(Vec<Value<'a>>);

    impl Columns for Read<'_> {
        fn value(&self, column: usize) -> Option<Value<'_>> {
            self.0.get(column).copied()
        }
    }

    #[test]
    fn a_column_is_read_as_what_it_is_only() {
        let (text, bytes) = ("é".to_owned(), vec![0xFF]);
        let read = Read(values![7_i64, true, text, bytes, None::<i64>].to_vec());
        let row = Row(&read);
        assert_eq!((row.get(0), row.get(1)), (Ok(7_i64), Ok(true)));
        assert_eq!((row.get(2), row.get(3)), (Ok(text.clone()), Ok(bytes.clone())));
        assert_eq!((row.get(3), row.get(4)), (Ok([0xFF_u8]), Ok(None::<String>)));
        assert_eq!(row.get::<i64>(2), Err(BadColumn(2)));
        assert_eq!(row.get::<i64>(4), Err(BadColumn(4)));
        assert_eq!(row.get::<String>(3), Err(BadColumn(3)));
        assert_eq!(row.get::<[u8; 2]>(3), Err(BadColumn(3)));
        assert_eq!(row.get::<Option<Vec<u8>>>(0), Err(BadColumn(0)));
        assert_eq!(row.get::<i64>(5), Err(BadColumn(5)), "there are five");
        assert_eq!(row.text_lossily(3), Ok(Some("\u{FFFD}".to_owned())));
        assert_eq!(row.text_lossily(0), Err(BadColumn(0)));
    }
}
