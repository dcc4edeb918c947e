//! How the options of a program are declared: once, for flag, environment variable and TOML key.

/// Declares a struct of options, each with its clap attributes: `VISIBILITY struct NAME;`, then the fields.
macro_rules! options {
    ($vis:vis struct $options:ident; $($(#[$meta:meta])* $name:ident: $ty:ty,)*) => {
        /// The options from one source (command line with environment, or file). Options that are not set are `None`.
        #[derive(Debug, Default, clap::Args, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $vis struct $options {
            $($(#[$meta])* $vis $name: Option<$ty>,)*
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
