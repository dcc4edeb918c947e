//! The conditions and the order of a search.

/// The ways in which objects can be reached. An object needs to match one of them.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The owner of the object.
    pub owner: Option<String>,
    /// The object has a grant to one of these.
    pub grantees: Vec<String>,
    /// One of these projects holds the object.
    pub projects: Projects,
}

/// The projects that are included.
#[derive(Debug, Clone)]
pub enum Projects {
    /// These.
    These(Vec<String>),
    /// All.
    Any,
}

impl Default for Projects {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

/// A key by which objects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The project that holds the object.
    Project(String),
    /// A name.
    Name(String),
    /// A tag.
    Tag(String),
}

/// The order in which objects are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest object first.
    #[default]
    NewestFirst,
    /// The oldest object first.
    OldestFirst,
}

/// A search; all of its conditions must be met.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The present time, in seconds since 1970-01-01 UTC.
    pub now: i64,
    /// The order.
    pub order: Order,
    /// The ways in which objects can be reached.
    pub reach: Reach,
    /// The limits of the caller's credential: an object must match one key of each set.
    pub limits: Vec<Vec<Key>>,
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
    /// Whether destroyed objects are included; a `state` overrides it.
    pub destroyed: bool,
}
