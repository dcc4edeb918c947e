//! How the options of a program are declared: once, for flag, environment variable and TOML key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::secret::Password;

/// A value of an option that can be printed as TOML.
pub(crate) trait Printed {
    /// Returns the value; `None` if it is secret.
    fn printed(&self) -> Option<toml::Value>;
}

impl Printed for Password {
    fn printed(&self) -> Option<toml::Value> {
        None
    }
}

impl Printed for String {
    fn printed(&self) -> Option<toml::Value> {
        Some(self.clone().into())
    }
}

impl Printed for Path {
    fn printed(&self) -> Option<toml::Value> {
        Some(self.display().to_string().into())
    }
}

impl Printed for PathBuf {
    fn printed(&self) -> Option<toml::Value> {
        self.as_path().printed()
    }
}

impl Printed for SocketAddr {
    fn printed(&self) -> Option<toml::Value> {
        Some(self.to_string().into())
    }
}

impl Printed for bool {
    fn printed(&self) -> Option<toml::Value> {
        Some((*self).into())
    }
}

impl Printed for u64 {
    fn printed(&self) -> Option<toml::Value> {
        Some(i64::try_from(*self).map_or_else(|_| self.to_string().into(), toml::Value::from))
    }
}

impl Printed for u32 {
    fn printed(&self) -> Option<toml::Value> {
        Some(i64::from(*self).into())
    }
}

impl Printed for u16 {
    fn printed(&self) -> Option<toml::Value> {
        Some(i64::from(*self).into())
    }
}

impl<T: Printed> Printed for Vec<T> {
    fn printed(&self) -> Option<toml::Value> {
        self.iter().map(Printed::printed).collect::<Option<Vec<_>>>().map(toml::Value::from)
    }
}

/// Options that can be listed with their values.
pub(crate) trait Declared {
    /// Returns each option in the order of its declaration: its name, written with `_`, whether it is set, and its
    /// value unless that is secret.
    fn values(&self) -> Vec<(&'static str, bool, Option<toml::Value>)>;
}

/// Declares a struct of options, each with its clap attributes: `VISIBILITY struct NAME;`, then the fields.
macro_rules! options {
    ($vis:vis struct $options:ident; $($(#[$meta:meta])* $name:ident: $ty:ty,)*) => {
        /// The options from one source (command line with environment, or file). Options that are not set are `None`.
        #[derive(Debug, Default, clap::Args, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $vis struct $options {
            $($(#[$meta])* $vis $name: Option<$ty>,)*
        }

        impl $crate::config::declared::Declared for $options {
            fn values(&self) -> Vec<(&'static str, bool, Option<toml::Value>)> {
                use $crate::config::declared::Printed as _;
                vec![$((
                    stringify!($name),
                    self.$name.is_some(),
                    self.$name.as_ref().and_then(|value| value.printed()),
                ),)*]
            }
        }

        impl $options {
            /// Returns the names of the options that are set.
            #[must_use]
            $vis fn names(&self) -> Vec<&'static str> {
                let all = [$((stringify!($name), self.$name.is_some()),)*];
                all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
            }

            /// Returns these options, with each unset one taken from `weaker`.
            #[must_use]
            $vis fn or(self, weaker: Self) -> Self {
                Self { $($name: self.$name.or(weaker.$name),)* }
            }
        }
    };
}

pub(crate) use options;
