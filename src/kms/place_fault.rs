//! Why something cannot be where a request wants it.

/// Why something cannot be where a request wants it. Its text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceFault {
    /// The slug of an environment.
    #[error("environment: {0:?} is not the slug of an environment: give a name without slashes, such as dev")]
    Environment(String),
    /// The path of a folder.
    #[error("secretPath: {0:?} is not a path of folders: give names that are divided by slashes, such as /db/main")]
    Path(String),
    /// The name of a secret.
    #[error("secretName: {0:?} cannot be the name of a secret: it has 1 to 255 bytes, and no slash, colon or blank")]
    SecretName(String),
    /// A name for an environment, a folder or a tag.
    #[error("{member}: {value:?} cannot be one: give 1 to 64 letters, digits, hyphens and underscores")]
    Segment {
        /// What it is to be.
        member: &'static str,
        /// What was given.
        value: String,
    },
    /// A text that is too long, or cannot be seen.
    #[error("{0}: the text is too long, or has control characters")]
    Text(&'static str),
    /// A tag that a secret is to have.
    #[error("tagIds: the project has no tag {0:?}: make it first (POST /api/v1/workspace/ID/tags)")]
    NoTag(String),
    /// Folders that would get a longer path than there may be.
    #[error("name: with it, the path of a folder in {0:?} would be too long: give a shorter one")]
    TooDeep(String),
    /// Comment, tags and the like of one secret.
    #[error("comment, metadata, tags and reminder of a secret take at most {0} bytes together")]
    Details(usize),
    /// No such environment.
    #[error("the project {project:?} has no environment {slug:?}: it has {has}")]
    NoEnvironment {
        /// The project.
        project: String,
        /// What was asked for.
        slug: String,
        /// Those that there are.
        has: String,
    },
    /// No such folder.
    #[error("the environment {environment:?} has no folder {path:?}: make it first (POST /api/v2/folders)")]
    NoFolder {
        /// The environment.
        environment: String,
        /// The folder.
        path: String,
    },
    /// Nothing of the kind has the identifier.
    #[error("there is no {what} {id:?}")]
    Unknown {
        /// Which kind.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The name of a secret is taken.
    #[error("the secret {0:?} exists already: change it with PATCH")]
    SecretExists(String),
    /// What an environment, a folder or a tag would be is there.
    #[error("the {what} {name:?} exists already")]
    Exists {
        /// Which kind.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// An environment that is to have another slug, by which all its secrets are named.
    #[error(
        "slug: {slug:?}: the slug of an environment cannot be changed, and it is {own:?}: leave it out, or make another environment"
    )]
    KeptSlug {
        /// What was asked for.
        slug: String,
        /// The one that it has.
        own: String,
    },
    /// What is in it would be lost.
    #[error("the {what} {name:?} is not empty: delete what is in it first{advice}")]
    NotEmpty {
        /// Which kind.
        what: &'static str,
        /// Its name.
        name: String,
        /// What else can be done.
        advice: &'static str,
    },
    /// Something in it may not be changed by the caller.
    #[error("the folder {0:?} holds secrets that you may not {1}")]
    Held(String, &'static str),
    /// The last one.
    #[error("the environment {0:?} is the only one of its project, which needs one")]
    LastEnvironment(String),
    /// A request that changes more at one time than the server does.
    #[error("the request changes more than {0} secrets: change fewer at a time")]
    TooMany(usize),
    /// As many as there may be.
    #[error("a project has at most {1} {0}")]
    Full(&'static str, usize),
    /// One secret twice in one request.
    #[error("the secret {0:?} is named more than once")]
    Repeated(String),
    /// A former secret, whose identifier is made of its name.
    #[error(
        "the secret {0:?} was made before accounts were projects, and keeps its name: delete it and write it again"
    )]
    Former(String),
    /// The value with what it refers to.
    #[error(
        "the value of {0:?} has too many references, or is too long with them: ask with expandSecretReferences=false, or for \
         fewer secrets"
    )]
    Expansion(String),
}
