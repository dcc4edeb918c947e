//! Macros that define a structure: the Rust type, its reader and its writer.

/// Defines a structure of the standard. Each field names its tag; a field without a tag is a `Group`. The items are
/// written in the order of the fields, which is the standard's, and read in any order.
macro_rules! structure {
    ($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $crate::structure::members! { $(#[$meta])* pub struct $name { $($fields)* } }

        impl $crate::ttlv::Field for $name {
            #[allow(unused_mut, reason = "a structure without fields takes none")]
            fn read(value: $crate::ttlv::Value) -> Result<Self, $crate::error::Error> {
                let mut fields = $crate::ttlv::Fields::of(value)?;
                let read = Self::take_from(&mut fields)?;
                fields.finish()?;
                Ok(read)
            }

            fn write(self) -> $crate::ttlv::Value {
                $crate::ttlv::Value::Structure(self.into_items())
            }
        }
    };
}

/// Defines only the type and its fields, for a structure with a reader of its own.
macro_rules! members {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty $(= $tag:ident)?),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl $name {
            #[allow(unused_variables, reason = "a structure without fields takes none")]
            fn take_from(fields: &mut $crate::ttlv::Fields) -> Result<Self, $crate::error::Error> {
                Ok(Self { $($field: $crate::structure::take!(fields $kind $(, $tag)?),)* })
            }

            #[allow(unused_mut, reason = "a structure without fields puts none")]
            fn into_items(self) -> Vec<$crate::ttlv::Item> {
                let mut items = Vec::new();
                $($crate::structure::put!(items self.$field, $kind $(, $tag)?);)*
                items
            }
        }
    };
}

macro_rules! take {
    ($fields:ident $kind:ty, $tag:ident) => {
        <$kind as $crate::ttlv::fields::Slot>::take($fields, $crate::tag::Tag::$tag)?
    };
    ($fields:ident $kind:ty) => {
        <$kind as $crate::ttlv::fields::Group>::take($fields)?
    };
}

macro_rules! put {
    ($items:ident $field:expr, $kind:ty, $tag:ident) => {
        <$kind as $crate::ttlv::fields::Slot>::put($field, $crate::tag::Tag::$tag, &mut $items)
    };
    ($items:ident $field:expr, $kind:ty) => {
        <$kind as $crate::ttlv::fields::Group>::put($field, &mut $items)
    };
}

pub(crate) use {members, put, structure, take};
