//! What is to be found, and in which order.

/// Whose objects count: those of which any of this holds.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// This user owns it.
    pub owner: Option<String>,
    /// Something is granted to one of these.
    pub grantees: Vec<String>,
    /// A project of these holds it.
    pub projects: Projects,
}

/// Projects that count.
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

/// Something by which objects are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The project that holds the object.
    Project(String),
    /// A name.
    Name(String),
    /// A tag.
    Tag(String),
}

/// In which order objects are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// What was made last comes first.
    #[default]
    NewestFirst,
    /// In the order of creation.
    OldestFirst,
}

/// What to find; every part that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The present time, in seconds since 1970-01-01 UTC.
    pub now: i64,
    /// In which order.
    pub order: Order,
    /// Whose objects.
    pub reach: Reach,
    /// Of each of these sets, one: what the caller's credential is limited to.
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
    /// Whether destroyed objects count; a `state` overrides it.
    pub destroyed: bool,
}
