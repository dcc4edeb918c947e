//! One definition for a structure: the Rust type, its reader and its writer.

/// Defines a structure of the standard. Each field names its tag; a field without one is a `Group`. The items are
/// written in the order of the fields, which is the standard's, and read in any order.
macro_rules! structure {
    ($(#[$meta:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        $crate::kmip::structure::members! { $(#[$meta])* pub struct $name { $($fields)* } }

        impl $crate::kmip::ttlv::Field for $name {
            #[allow(unused_mut, reason = "a structure without fields takes none")]
            fn read(value: $crate::kmip::ttlv::Value) -> Result<Self, $crate::kmip::error::Error> {
                let mut fields = $crate::kmip::ttlv::Fields::of(value)?;
                let read = Self::take_from(&mut fields)?;
                fields.finish()?;
                Ok(read)
            }

            fn write(self) -> $crate::kmip::ttlv::Value {
                $crate::kmip::ttlv::Value::Structure(self.into_items())
            }
        }
    };
}

/// The type and its fields only, for a structure that reads itself with more care.
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
            fn take_from(fields: &mut $crate::kmip::ttlv::Fields) -> Result<Self, $crate::kmip::error::Error> {
                Ok(Self { $($field: $crate::kmip::structure::take!(fields $kind $(, $tag)?),)* })
            }

            #[allow(unused_mut, reason = "a structure without fields puts none")]
            fn into_items(self) -> Vec<$crate::kmip::ttlv::Item> {
                let mut items = Vec::new();
                $($crate::kmip::structure::put!(items self.$field, $kind $(, $tag)?);)*
                items
            }
        }
    };
}

macro_rules! take {
    ($fields:ident $kind:ty, $tag:ident) => {
        <$kind as $crate::kmip::ttlv::fields::Slot>::take($fields, $crate::kmip::tag::Tag::$tag)?
    };
    ($fields:ident $kind:ty) => {
        <$kind as $crate::kmip::ttlv::fields::Group>::take($fields)?
    };
}

macro_rules! put {
    ($items:ident $field:expr, $kind:ty, $tag:ident) => {
        <$kind as $crate::kmip::ttlv::fields::Slot>::put($field, $crate::kmip::tag::Tag::$tag, &mut $items)
    };
    ($items:ident $field:expr, $kind:ty) => {
        <$kind as $crate::kmip::ttlv::fields::Group>::put($field, &mut $items)
    };
}

pub(crate) use {members, put, structure, take};
