//! Converts between objects and their rows.

use std::sync::Arc;

use super::super::cache;
use super::super::error::Error;
use super::super::object::Object;
use super::super::ownership::Access;
use super::service::Kms;
use crate::kmip::Attributes;
use crate::secret::Bytes;
use crate::store;
use crate::store::object::{self, Class, Material};
use crate::store::secret_version::SecretVersion;

impl Kms {
    /// The object from the cache, or from its row if the binding is correct.
    pub(super) fn load(&self, id: &str) -> Result<Option<Arc<Object>>, Error> {
        let before = match self.cache.get(id) {
            Ok(object) => return Ok(Some(object)),
            Err(before) => before,
        };
        let Some((object, size)) = self.read(id)? else { return Ok(None) };
        let object = Arc::new(object);
        self.cache.put(&object, size, before);
        Ok(Some(object))
    }

    /// The object from its row if the binding is correct, and its size in memory in bytes.
    pub(super) fn read(&self, id: &str) -> Result<Option<(Object, usize)>, Error> {
        let row = match object::find(&self.store, id) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(store::Error::Malformed(id)) => {
                tracing::error!(id, "ROW REFUSED: its columns make no sense, so it was changed in the database");
                return Err(Error::Integrity(id));
            }
            Err(error) => return Err(error.into()),
        };
        if !self.custody.is_bound(&row.bound(), &row.binding)? {
            tracing::error!(id, "ROW REFUSED: its binding is wrong, so it was changed or exchanged in the database");
            return Err(Error::Integrity(id.to_owned()));
        }
        let size = cache::size(&row);
        let object = Object::from_row(row).map_err(|_| {
            tracing::error!(id, "row refused: its binding holds but it cannot be read");
            Error::Integrity(id.to_owned())
        })?;
        Ok(Some((object, size)))
    }

    /// The row of an object, with its binding.
    pub(super) fn bind(&self, object: &Object) -> Result<object::Object, Error> {
        let mut row = object.to_row();
        row.binding = self.custody.bind(&row.bound())?;
        Ok(row)
    }

    /// The row of an object, with its binding, and that of its value if it is new, encrypted by the object's key.
    pub(super) fn bound_with(
        &self,
        object: &Object,
        value: Option<&Bytes>,
        written: (i64, &str),
    ) -> Result<(object::Object, Option<SecretVersion>), Error> {
        let Some(value) = value else { return Ok((self.bind(object)?, None)) };
        let mut row = object.to_row();
        let mut sealed = self.seal(object, 1, written, value)?;
        [row.binding, sealed.binding] = self.custody.bind_together([&row.bound(), &sealed.bound()])?;
        Ok((row, Some(sealed)))
    }

    /// The object of the row that replaces `former`, and its size in memory in bytes.
    pub(super) fn successor(row: &object::Object, former: &Object) -> Result<(Object, usize), Error> {
        let object = Object::successor(row.clone(), former).map_err(|_| Error::Integrity(row.id.clone()))?;
        Ok((object, cache::size(row)))
    }
}

/// A new version of an object with this key.
pub(super) fn new_object(
    version: i64,
    access: Access,
    id: &str,
    attributes: Attributes,
    class: Class,
    material: Material,
) -> Result<Object, Error> {
    Object::new(version, access, id.to_owned(), attributes, class, material)
        .map_err(|_| Error::Integrity(id.to_owned()))
}
