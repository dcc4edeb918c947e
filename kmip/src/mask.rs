//! Masks: integers whose bits have names (KMIP 2.1, section 12).

use super::dialect::same_name;
use super::error::{Error, Fault};
use super::tag::Tag;
use super::ttlv::{Field, Value};

/// The names of a mask's bits.
#[derive(Debug)]
pub struct Bits {
    /// The name of the mask.
    pub name: &'static str,
    rows: &'static [(&'static str, i32)],
}

impl Bits {
    /// Returns the bit of a name, in any spelling.
    #[must_use]
    pub fn bit(&self, name: &str) -> Option<i32> {
        self.rows.iter().find(|(known, _)| same_name(known, name)).map(|(_, bit)| *bit)
    }
}

macro_rules! mask {
    ($(#[$meta:meta])* $name:ident $title:literal { $($constant:ident $text:literal = $bit:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(i32);

        impl $name {
            $(#[doc = concat!("`", $text, "`")] pub const $constant: Self = Self($bit);)*
            const KNOWN: i32 = 0 $(| $bit)*;
            /// The names of the bits.
            pub const BITS: Bits = Bits { name: $title, rows: &[$(($text, $bit)),*] };

            /// Returns a mask of these bits; `None` if one of them is unknown.
            #[must_use]
            pub const fn from_bits(bits: i32) -> Option<Self> {
                if bits & !Self::KNOWN == 0 { Some(Self(bits)) } else { None }
            }

            /// The bits.
            #[must_use]
            pub const fn bits(self) -> i32 {
                self.0
            }

            /// Whether every bit of the other mask is set in this mask.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether no bit is set.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The names of the bits that are set.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                Self::BITS.rows.iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| *name)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl Field for $name {
            fn read(value: Value) -> Result<Self, Error> {
                Self::from_bits(i32::read(value)?).ok_or_else(|| Fault::OutOfRange.into())
            }

            fn write(self) -> Value {
                Value::Integer(self.0)
            }
        }
    };
}

mask! {
    /// The permitted uses of a key (section 12.1).
    UsageMask "CryptographicUsageMask" {
        SIGN "Sign" = 0x1,
        VERIFY "Verify" = 0x2,
        ENCRYPT "Encrypt" = 0x4,
        DECRYPT "Decrypt" = 0x8,
        WRAP_KEY "WrapKey" = 0x10,
        UNWRAP_KEY "UnwrapKey" = 0x20,
        MAC_GENERATE "MACGenerate" = 0x80,
        MAC_VERIFY "MACVerify" = 0x100,
        DERIVE_KEY "DeriveKey" = 0x200,
        KEY_AGREEMENT "KeyAgreement" = 0x800,
        CERTIFICATE_SIGN "CertificateSign" = 0x1000,
        CRL_SIGN "CRLSign" = 0x2000,
        AUTHENTICATE "Authenticate" = 0x10_0000,
        UNRESTRICTED "Unrestricted" = 0x20_0000,
        FPE_ENCRYPT "FPEEncrypt" = 0x40_0000,
        FPE_DECRYPT "FPEDecrypt" = 0x80_0000,
    }
}

mask! {
    /// The objects that a search covers (section 12.3).
    StorageStatusMask "StorageStatusMask" {
        ON_LINE "OnLineStorage" = 0x1,
        ARCHIVAL "ArchivalStorage" = 0x2,
        DESTROYED "DestroyedStorage" = 0x4,
    }
}

mask! {
    /// The places where a key may be stored (section 12.2).
    ProtectionStorageMask "ProtectionStorageMask" {
        SOFTWARE "Software" = 0x1,
        HARDWARE "Hardware" = 0x2,
        ON_PROCESSOR "OnProcessor" = 0x4,
        ON_SYSTEM "OnSystem" = 0x8,
        OFF_SYSTEM "OffSystem" = 0x10,
        HYPERVISOR "Hypervisor" = 0x20,
        OPERATING_SYSTEM "OperatingSystem" = 0x40,
        CONTAINER "Container" = 0x80,
        ON_PREMISES "OnPremises" = 0x100,
        OFF_PREMISES "OffPremises" = 0x200,
        SELF_MANAGED "SelfManaged" = 0x400,
        OUTSOURCED "Outsourced" = 0x800,
        VALIDATED "Validated" = 0x1000,
        SAME_JURISDICTION "SameJurisdiction" = 0x2000,
    }
}

impl UsageMask {
    /// The bits of the uses that only KMIP 1.x has (KMIP 1.4, section 9.1.3.3.1): Export, Content Commitment, Generate and
    /// Validate Cryptogram, and Translate Encrypt, Decrypt, Wrap and Unwrap. No operation of the standard needs them.
    pub(crate) const FORMER: i32 = 0x40 | 0x400 | 0xf_c000;

    /// The uses without which what a key protects cannot be read or verified any more.
    pub const PROCESSING: Self = Self(
        Self::DECRYPT.0
            | Self::VERIFY.0
            | Self::MAC_VERIFY.0
            | Self::UNWRAP_KEY.0
            | Self::FPE_DECRYPT.0
            | Self::UNRESTRICTED.0,
    );

    /// Returns the uses that the other mask does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the mask with Unrestricted replaced by the bits of `all`, which are all uses that the key supports.
    #[must_use]
    pub const fn spelled_out(self, all: Self) -> Self {
        if self.contains(Self::UNRESTRICTED) { Self(self.without_unrestricted().0 | all.0) } else { self }
    }

    /// Returns the mask of every single use.
    #[must_use]
    pub const fn every_use() -> Self {
        Self(Self::KNOWN).without_unrestricted()
    }

    /// Returns the mask without the bit Unrestricted.
    #[must_use]
    pub const fn without_unrestricted(self) -> Self {
        self.without(Self::UNRESTRICTED)
    }
}

/// Returns the mask that an item of this tag contains.
pub(crate) fn carried_by(tag: Tag) -> Option<&'static Bits> {
    match tag {
        Tag::CryptographicUsageMask => Some(&UsageMask::BITS),
        Tag::StorageStatusMask => Some(&StorageStatusMask::BITS),
        Tag::ProtectionStorageMask => Some(&ProtectionStorageMask::BITS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_names_and_unknown_ones_are_refused() {
        let mask = UsageMask::ENCRYPT | UsageMask::MAC_VERIFY;
        assert_eq!(mask.bits(), 0x104);
        assert_eq!(mask.names().collect::<Vec<_>>(), ["Encrypt", "MACVerify"]);
        assert!(mask.contains(UsageMask::ENCRYPT));
        assert!(!mask.contains(UsageMask::ENCRYPT | UsageMask::DECRYPT));
        assert_eq!(UsageMask::UNRESTRICTED.spelled_out(mask), mask);
        assert_eq!((UsageMask::UNRESTRICTED | UsageMask::SIGN).spelled_out(mask), mask | UsageMask::SIGN);
        assert_eq!(UsageMask::SIGN.spelled_out(mask), UsageMask::SIGN);
        assert_eq!(UsageMask::from_bits(0x40), None);
        assert_eq!(UsageMask::from_bits(i32::MIN), None);
        assert_eq!(UsageMask::BITS.bit("wrap key"), Some(0x10));
    }
}
