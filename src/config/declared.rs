//! How the options of a program are declared: once, for flag, environment variable and TOML key.

/// Declares a struct of options, each with its clap attributes: `VISIBILITY struct NAME;`, then the fields.
macro_rules! options {
    ($vis:vis struct $options:ident; $($(#[$meta:meta])* $name:ident: $ty:ty,)*) => {
        /// What was given in one place (command line and environment, or file); unset options stay `None`.
        #[derive(Debug, Default, clap::Args, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        $vis struct $options {
            $($(#[$meta])* $vis $name: Option<$ty>,)*
        }

        impl $options {
            /// The names of the options that are set here.
            #[must_use]
            $vis fn names(&self) -> Vec<&'static str> {
                let all = [$((stringify!($name), self.$name.is_some()),)*];
                all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
            }

            /// Option by option: what is set here, else what is set in `weaker`.
            #[must_use]
            $vis fn or(self, weaker: Self) -> Self {
                Self { $($name: self.$name.or(weaker.$name),)* }
            }
        }
    };
}

pub(crate) use options;
