//! The places of the secrets of a project, for clients that have environments and folders. The secret NAME in the
//! folder `/a/b` of the environment ENV is the variable `ENV/a/b/NAME` of the account with the project's name. Names,
//! folders and environments contain no slash, so that no two places have the same variable.

use super::error::Error;
use super::place_fault::PlaceFault;
use super::secret_path::{MAX_PATH, SecretPath};

/// Maximum length of the name of a new folder or environment, in bytes.
const MAX_SEGMENT: usize = 64;

/// The text after the account in the name of every secret.
const VARIABLE: &str = ":variable:";

/// An environment of a project, and a path of folders in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlace {
    project: String,
    environment: String,
    folders: Vec<String>,
}

impl SecretPlace {
    /// A place. A slash at the beginning or end of `path` makes no difference.
    ///
    /// # Errors
    /// One of them cannot be part of the name of a variable, or they are too long together.
    pub fn new(project: &str, environment: &str, path: &str) -> Result<Self, Error> {
        if !is_segment(environment) {
            return Err(PlaceFault::Environment(environment.to_owned()).into());
        }
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let folders: Vec<String> = trimmed.split('/').filter(|_| !trimmed.is_empty()).map(str::to_owned).collect();
        if !folders.iter().all(|folder| is_segment(folder)) {
            return Err(PlaceFault::Path(path.to_owned()).into());
        }
        let place = Self { project: project.to_owned(), environment: environment.to_owned(), folders };
        // Check the length of the shortest possible name of a secret here.
        SecretPath::new(project, &format!("{}/x", place.key()))?;
        Ok(place)
    }

    /// The place and the name of the secret with this variable name; `None` if it is in no environment.
    #[must_use]
    pub fn of_variable(name: &str) -> Option<(Self, &str)> {
        let (project, rest) = name.split_once(VARIABLE)?;
        let (place, name) = rest.rsplit_once('/')?;
        let mut segments = place.split('/').map(str::to_owned);
        let environment = segments.next()?;
        let own = Self { project: project.to_owned(), environment, folders: segments.collect() };
        let is_sound =
            is_segment(name) && is_segment(&own.environment) && own.folders.iter().all(|own| is_segment(own));
        is_sound.then_some((own, name))
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The slug of the environment.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The path of the folder, beginning with a slash.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/{}", self.folders.join("/"))
    }

    /// The name of the innermost folder; `None` for an environment's root.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.folders.last().map(String::as_str)
    }

    /// The path of an existing secret in this place.
    ///
    /// # Errors
    /// The name is not valid.
    pub fn secret(&self, name: &str) -> Result<SecretPath, Error> {
        if !is_segment(name) {
            return Err(PlaceFault::SecretName(name.to_owned()).into());
        }
        SecretPath::new(&self.project, &format!("{}/{name}", self.key()))
    }

    /// The path of a new secret in this place. Its name must be usable in references and shells.
    ///
    /// # Errors
    /// The name is not valid.
    pub fn new_secret(&self, name: &str) -> Result<SecretPath, Error> {
        if name.len() > 255 || name.contains([':', ' ']) || name.trim() != name {
            return Err(PlaceFault::SecretName(name.to_owned()).into());
        }
        self.secret(name)
    }

    /// A folder in this one.
    ///
    /// # Errors
    /// The name is not valid for a folder, or the path would be too long.
    pub fn within(&self, folder: &str) -> Result<Self, Error> {
        check_segment("name", folder)?;
        let mut place = self.clone();
        place.folders.push(folder.to_owned());
        SecretPath::new(&place.project, &format!("{}/x", place.key()))?;
        Ok(place)
    }

    /// The parent folder; `None` for the root of an environment.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, folders) = self.folders.split_last()?;
        Some(Self { folders: folders.to_vec(), ..self.clone() })
    }

    /// Maximum length of [`Self::key`], in bytes: a secret with a name of one byte still fits.
    pub(super) const MAX_KEY: usize = MAX_PATH - 2;

    /// The place without its project: the environment and the folders.
    pub(super) fn key(&self) -> String {
        std::iter::once(&self.environment).chain(&self.folders).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// The common beginning of the names of all secrets in it.
    pub(super) fn prefix(&self) -> String {
        format!("{}{VARIABLE}{}/", self.project, self.key())
    }
}

/// Whether the text can be one part of a path.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && !text.chars().any(crate::text::is_unprintable)
}

/// Whether the text can name a new environment, folder or tag.
pub(super) fn check_segment(member: &'static str, text: &str) -> Result<(), Error> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if text.is_empty() || text.len() > MAX_SEGMENT || !text.bytes().all(is_good) {
        return Err(PlaceFault::Segment { member, value: text.to_owned() }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_variable_and_no_other() {
        for (path, folders) in [("/", "/"), ("", "/"), ("/a", "/a"), ("a/b/", "/a/b"), ("/a/b", "/a/b")] {
            let place = SecretPlace::new("p", "dev", path).unwrap();
            assert_eq!(place.path(), folders, "{path}");
            let name = place.secret("X").unwrap().name();
            let (found, own) = SecretPlace::of_variable(&name).unwrap();
            assert_eq!((found, own), (place, "X"), "{path}");
        }
        for (environment, path) in [("", "/"), ("a/b", "/"), ("dev", "//a"), ("dev", "/a//b"), ("dev", "/\u{7}")] {
            SecretPlace::new("p", environment, path).unwrap_err();
        }
        for name in ["p:variable:password", "p:variable:dev/", "p:variable:/x", "p:variable:dev//x", "p"] {
            assert_eq!(SecretPlace::of_variable(name), None, "{name}");
        }
        let root = SecretPlace::new("p", "dev", "/").unwrap();
        for name in ["", "a/b"] {
            root.secret(name).unwrap_err();
        }
        for name in ["a b", "a:b", " a", &"x".repeat(256)] {
            root.new_secret(name).unwrap_err();
        }
        SecretPlace::new("p", "dev", &"/abcdefgh".repeat(100)).unwrap_err();
    }
}
