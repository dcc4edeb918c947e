//! The enumerations (KMIP 2.1, section 11).
//!
//! Variants have the normalised names of the standard, so that a name from the standard can be found here.

use super::dialect::{Dialect, same_name};
use super::error::{Error, Fault};
use super::tag::Tag;
use super::ttlv::{Field, Value};

/// The names and codes of one enumeration.
#[derive(Debug)]
pub struct Table {
    /// The name of the enumeration.
    pub name: &'static str,
    rows: &'static [Row],
}

#[derive(Debug)]
struct Row {
    code: u32,
    oasis: &'static str,
    bare: &'static str,
}

impl Table {
    /// Returns the code of a name, in any spelling.
    #[must_use]
    pub fn code(&self, name: &str) -> Option<u32> {
        let exactly = self.rows.iter().find(|row| row.oasis == name || row.bare == name);
        let row =
            exactly.or_else(|| self.rows.iter().find(|row| same_name(row.oasis, name) || same_name(row.bare, name)));
        row.map(|row| row.code).or_else(|| {
            let known = |(table, alias, _): &&(&str, &str, u32)| *table == self.name && same_name(alias, name);
            ALIASES.iter().find(known).map(|(_, _, code)| *code)
        })
    }

    /// Returns the name of a code in a dialect.
    #[must_use]
    pub fn name_of(&self, code: u32, dialect: Dialect) -> Option<&'static str> {
        let row = self.rows.iter().find(|row| row.code == code)?;
        Some(match dialect {
            Dialect::Oasis => row.oasis,
            Dialect::Bare => row.bare,
        })
    }
}

/// Names in use that fold to the name of neither dialect.
const ALIASES: &[(&str, &str, u32)] = &[
    ("CryptographicAlgorithm", "TripleDES", 2),
    ("CryptographicAlgorithm", "3DES", 2),
    ("CryptographicAlgorithm", "TDES", 2),
    ("KeyCompressionType", "Uncompressed", 1),
    ("Operation", "Mac_Generate", 0x23),
];

/// Defines an enumeration. Clients send values of vendors in some of them; these have the variant `Vendor`.
macro_rules! enumeration {
    (CertificateRequestType $($rows:tt)*) => { define! { CertificateRequestType Vendor; $($rows)* } };
    (CertificateType $($rows:tt)*) => { define! { CertificateType Vendor; $($rows)* } };
    (CryptographicAlgorithm $($rows:tt)*) => { define! { CryptographicAlgorithm Vendor; $($rows)* } };
    (DigitalSignatureAlgorithm $($rows:tt)*) => { define! { DigitalSignatureAlgorithm Vendor; $($rows)* } };
    (KeyFormatType $($rows:tt)*) => { define! { KeyFormatType Vendor; $($rows)* } };
    (LinkType $($rows:tt)*) => { define! { LinkType Vendor; $($rows)* } };
    (OpaqueDataType $($rows:tt)*) => { define! { OpaqueDataType Vendor; $($rows)* } };
    (SecretDataType $($rows:tt)*) => { define! { SecretDataType Vendor; $($rows)* } };
    (SplitKeyMethod $($rows:tt)*) => { define! { SplitKeyMethod Vendor; $($rows)* } };
    ($name:ident $($rows:tt)*) => { define! { $name; $($rows)* } };
}

macro_rules! define {
    ($name:ident $($vendor:ident)?; $($variant:ident = $code:literal $(/ $bare:ident)?),* $(,)?) => {
        #[doc = concat!("`", stringify!($name), "`")]
        #[allow(non_camel_case_types, reason = "these are the names of the standard")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($variant), "`")] $variant,)*
            $(
                /// A value of a vendor, from 0x80000000 to 0x8FFFFFFF. It has no name.
                $vendor(u32),
            )?
        }

        impl $name {
            /// Every value of the standard, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The names and codes.
            pub const TABLE: Table = Table {
                name: stringify!($name),
                rows: &[$(Row { code: $code, oasis: stringify!($variant), bare: bare!($variant $($bare)?) }),*],
            };

            /// The code.
            #[must_use]
            pub const fn code(self) -> u32 {
                match self {
                    $(Self::$variant => $code,)*
                    $(Self::$vendor(code) => code,)?
                }
            }

            /// Returns the value of a code.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    $(0x8000_0000..=0x8FFF_FFFF => Some(Self::$vendor(code)),)?
                    _ => None,
                }
            }

            /// Returns the name in a dialect. Values of vendors share one, which no document contains.
            #[must_use]
            pub const fn name(self, dialect: Dialect) -> &'static str {
                match dialect {
                    Dialect::Oasis => match self {
                        $(Self::$variant => stringify!($variant),)*
                        $(Self::$vendor(_) => stringify!($vendor),)?
                    },
                    Dialect::Bare => match self {
                        $(Self::$variant => bare!($variant $($bare)?),)*
                        $(Self::$vendor(_) => stringify!($vendor),)?
                    },
                }
            }

            /// Returns the value of a name, in any spelling.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::TABLE.code(name).and_then(Self::from_code)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$vendor(code) => write!(formatter, "0x{code:08X}"),)?
                    $(Self::$variant => formatter.write_str(stringify!($variant)),)*
                }
            }
        }

        impl Field for $name {
            fn read(value: Value) -> Result<Self, Error> {
                let code = value.into_enumeration()?;
                let unknown = || Fault::UnknownEnumerationCode { enumeration: stringify!($name), code };
                Self::from_code(code).ok_or_else(|| unknown().into())
            }

            fn write(self) -> Value {
                Value::Enumeration(self.code())
            }
        }
    };
}

macro_rules! bare {
    ($variant:ident) => {
        stringify!($variant)
    };
    ($variant:ident $bare:ident) => {
        stringify!($bare)
    };
}

macro_rules! carried {
    ($($tag:ident = $name:ident),* $(,)?) => {
        /// Returns the enumeration whose values an item of this tag contains.
        ///
        /// It returns `None` for `AttributeReference` and `Tag`, whose values are tags.
        #[must_use]
        pub fn carried_by(tag: Tag) -> Option<&'static Table> {
            match tag {
                $(Tag::$tag => Some(&$name::TABLE),)*
                Tag::EXPECTED_OBJECT_TYPE => Some(&ObjectType::TABLE),
                _ => None,
            }
        }
    };
}

include!("enumerations/table.rs");

// The standard defines no value of this enumeration (section 11.34), and its table has no row.
enumeration! { OpaqueDataType }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_dialects_are_read() {
        assert_eq!(HashingAlgorithm::from_name("SHA_256"), Some(HashingAlgorithm::SHA_256));
        assert_eq!(HashingAlgorithm::from_name("sha256"), Some(HashingAlgorithm::SHA_256));
        assert_eq!(CryptographicAlgorithm::from_name("THREE_DES"), Some(CryptographicAlgorithm::DES3));
        assert_eq!(CryptographicAlgorithm::from_name("3DES"), Some(CryptographicAlgorithm::DES3));
        assert_eq!(PaddingMethod::from_name("PKCS1v15"), Some(PaddingMethod::PKCS1V1_5));
        assert_eq!(Operation::from_name("MAC Verify"), Some(Operation::MACVerify));
        assert_eq!(ResultReason::from_name("Object_Not_Found"), Some(ResultReason::ObjectNotFound));
        assert_eq!(ResultReason::from_name(""), None);
    }

    #[test]
    fn names_are_written_in_the_dialect() {
        assert_eq!(HashingAlgorithm::SHA_256.name(Dialect::Oasis), "SHA_256");
        assert_eq!(HashingAlgorithm::SHA_256.name(Dialect::Bare), "SHA256");
        assert_eq!(CryptographicAlgorithm::DES3.name(Dialect::Bare), "THREE_DES");
        assert_eq!(RecommendedCurve::P_256.name(Dialect::Bare), "P256");
        assert_eq!(KeyFormatType::PKCS_1.name(Dialect::Bare), "PKCS1");
        assert_eq!(ResultReason::ObjectNotFound.name(Dialect::Bare), "Object_Not_Found");
        assert_eq!(State::DestroyedCompromised.name(Dialect::Bare), "Destroyed_Compromised");
        assert_eq!(State::PreActive.name(Dialect::Bare), "PreActive");
    }

    #[test]
    fn values_of_vendors_have_their_code() {
        for code in [0x8000_0000, 0x8000_0001, 0x8FFF_FFFF] {
            assert_eq!(SecretDataType::from_code(code), Some(SecretDataType::Vendor(code)));
            assert_eq!(OpaqueDataType::from_code(code).map(OpaqueDataType::code), Some(code));
        }
        assert_eq!(KeyFormatType::Vendor(0x8000_0012).to_string(), "0x80000012");
        assert_eq!((OpaqueDataType::from_code(1), OpaqueDataType::from_code(0x9000_0000)), (None, None));
        assert_eq!((Operation::from_code(0x8000_0001), LinkType::from_code(0x7FFF_FFFF)), (None, None));
        assert_eq!(SecretDataType::from_name("Vendor"), None);
    }

    #[test]
    fn every_value_survives_its_names_and_its_code() {
        fn check(table: &Table) {
            for row in table.rows {
                assert_eq!(table.code(row.oasis), Some(row.code), "{} {}", table.name, row.oasis);
                assert_eq!(table.code(row.bare), Some(row.code), "{} {}", table.name, row.bare);
                assert_eq!(table.name_of(row.code, Dialect::Oasis), Some(row.oasis));
            }
        }
        let carried: Vec<_> = Tag::ALL.iter().filter_map(|(tag, _)| carried_by(*tag)).collect();
        assert!(carried.len() >= 50, "{}", carried.len());
        carried.into_iter().for_each(check);
    }
}
