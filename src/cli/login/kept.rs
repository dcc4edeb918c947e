//! The login file, which holds the access token of a login.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::error::{Error, FileError};
use crate::cli::target::{Existing, Target};
use crate::client::Url;
use crate::file;
use crate::secret::{Bytes, Password};

/// The largest file, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// The contents of the file.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The server that issued the access token. It is not sent to any other server.
    pub(super) url: String,
    pub(super) issuer: String,
    pub(super) token: Password,
    /// The time when the access token was issued or renewed, and the time when it expires, in seconds since 1970-01-01
    /// UTC.
    pub(super) since: i64,
    pub(super) expires: i64,
    pub(super) is_renewable: bool,
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    url: String,
    issuer: String,
    #[serde(borrow)]
    access_token: std::borrow::Cow<'a, str>,
    since: i64,
    expires: i64,
    renewable: bool,
}

impl Kept {
    /// Reads the file; `None` if it does not exist.
    pub(super) fn read(place: &Path) -> Result<Option<Self>, Error> {
        let file = match file::open("", place) {
            Err(error) if file::is_missing(&error.source) => return Ok(None),
            file => file?,
        };
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(Error::ExposedLogin(place.to_owned()));
        }
        let bytes = file.bytes(MAX_FILE)?;
        let read: Document<'_> = serde_json::from_slice(&bytes).map_err(|_| Error::BadLogin(place.to_owned()))?;
        let Document { url, issuer, access_token, since, expires, renewable } = read;
        let token = Password::from(access_token.into_owned());
        Ok(Some(Self { url, issuer, token, since, expires, is_renewable: renewable }))
    }

    /// Writes the file, readable only by its owner.
    pub(super) async fn write(&self, place: &Path) -> Result<(), Error> {
        let cannot = |source| FileError::Write { path: place.to_owned(), source };
        if let Some(directory) = place.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot)?;
        }
        let document = Document {
            url: self.url.clone(),
            issuer: self.issuer.clone(),
            access_token: (&*self.token).into(),
            since: self.since,
            expires: self.expires,
            renewable: self.is_renewable,
        };
        let text = Bytes::from(serde_json::to_vec(&document).unwrap_or_default());
        let mut target = Target::create(place, Existing::Replace)?;
        target.write(text).await?;
        target.finish()
    }

    /// Returns whether this server issued the access token.
    pub(super) fn is_of(&self, url: &Url) -> bool {
        self.url == url.to_string()
    }
}
