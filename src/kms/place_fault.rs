//! The reasons why something cannot be at the requested place.

/// The reason why something cannot be at the requested place. Its text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceFault {
    /// The slug of an environment is not valid.
    #[error("environment: {0:?} is not the slug of an environment: give a name without slashes, such as dev")]
    Environment(String),
    /// The path of a folder is not valid.
    #[error("secretPath: {0:?} is not a path of folders: give names that are divided by slashes, such as /db/main")]
    Path(String),
    /// The name of a secret is not valid.
    #[error("secretName: {0:?} cannot be the name of a secret: it has 1 to 255 bytes, and no slash, colon or blank")]
    SecretName(String),
    /// The name of an environment, a folder or a tag is not valid.
    #[error("{member}: {value:?} cannot be one: give 1 to 64 letters, digits, hyphens and underscores")]
    Segment {
        /// The field.
        member: &'static str,
        /// The given value.
        value: String,
    },
    /// A text is too long or not printable.
    #[error("{0}: the text is too long, or has control characters")]
    Text(&'static str),
    /// The project does not have the tag.
    #[error("tagIds: the project has no tag {0:?}: make it first (POST /api/v1/workspace/ID/tags)")]
    NoTag(String),
    /// The paths of folders below would become too long.
    #[error("name: with it, the path of a folder in {0:?} would be too long: give a shorter one")]
    TooDeep(String),
    /// Comment, tags and other details of one secret are too long together.
    #[error("comment, metadata, tags and reminder of a secret take at most {0} bytes together")]
    Details(usize),
    /// The project has no such environment.
    #[error("the project {project:?} has no environment {slug:?}: it has {has}")]
    NoEnvironment {
        /// The project.
        project: String,
        /// The requested slug.
        slug: String,
        /// The existing environments.
        has: String,
    },
    /// The environment has no such folder.
    #[error("the environment {environment:?} has no folder {path:?}: make it first (POST /api/v2/folders)")]
    NoFolder {
        /// The environment.
        environment: String,
        /// The folder.
        path: String,
    },
    /// Nothing of this kind has the identifier.
    #[error("there is no {what} {id:?}")]
    Unknown {
        /// The kind.
        what: &'static str,
        /// The requested identifier.
        id: String,
    },
    /// The secret exists already.
    #[error("the secret {0:?} exists already: change it with PATCH")]
    SecretExists(String),
    /// The environment, folder or tag exists already.
    #[error("the {what} {name:?} exists already")]
    Exists {
        /// The kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The slug of an environment cannot be changed, because the names of all its secrets contain it.
    #[error(
        "slug: {slug:?}: the slug of an environment cannot be changed, and it is {own:?}: leave it out, or make another environment"
    )]
    KeptSlug {
        /// The requested slug.
        slug: String,
        /// The present slug.
        own: String,
    },
    /// The environment or folder is not empty.
    #[error("the {what} {name:?} is not empty: delete what is in it first{advice}")]
    NotEmpty {
        /// The kind.
        what: &'static str,
        /// Its name.
        name: String,
        /// Another way to remove it.
        advice: &'static str,
    },
    /// The folder holds secrets that the caller may not change.
    #[error("the folder {0:?} holds secrets that you may not {1}")]
    Held(String, &'static str),
    /// The last environment of a project cannot be removed.
    #[error("the environment {0:?} is the only one of its project and cannot be deleted")]
    LastEnvironment(String),
    /// The request changes too many secrets.
    #[error("the request changes more than {0} secrets: change fewer at a time")]
    TooMany(usize),
    /// The project has the maximum number of these.
    #[error("a project has at most {1} {0}")]
    Full(&'static str, usize),
    /// The caller has made the maximum number of these that one caller may make in the account `default`.
    #[error(
        "in the account default, which is not a project, one caller makes at most {1} {0}: remove some of yours, or use a \
         project"
    )]
    Share(&'static str, usize),
    /// Another caller made it, or the server.
    #[error(
        "the {what} {name:?} is not yours: in the account default, which is not a project, only the caller who made it and \
         administrators may change it: use one of your own, or a project"
    )]
    NotYours {
        /// The kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The request names one secret twice.
    #[error("the secret {0:?} is named more than once")]
    Repeated(String),
    /// A new value would push out a value of another caller.
    #[error(
        "the last 20 values of a secret are kept, and value {0} was written by another caller in the last 24 hours: to replace \
         it now, you need the right to destroy the secret; ask its owner, or write later"
    )]
    Kept(i64),
    /// A secret from before accounts were projects, whose identifier is derived from its name.
    #[error(
        "the secret {0:?} was made before accounts were projects, and keeps its name: delete it and write it again"
    )]
    Former(String),
    /// The value with its references replaced is too long, or has too many references.
    #[error(
        "the value of {0:?} has too many references, or is too long with them: ask with expandSecretReferences=false, or for \
         fewer secrets"
    )]
    Expansion(String),
}
