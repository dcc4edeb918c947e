//! Numbers of PKCS#11 mechanisms, as vendors document them.

use std::fmt;
use std::str::FromStr;

use super::declared::Printed;
use super::written::Written;

/// The number of a mechanism (CK_MECHANISM_TYPE). In the configuration file, it is a number or a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Written")]
pub struct MechanismNumber(pub u32);

/// A text is not the number of a mechanism.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a mechanism number: give one from 1 to 0xffffffff, in decimal digits or in hexadecimal digits after 0x"
)]
pub struct NotANumber(String);

impl FromStr for MechanismNumber {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let (digits, radix) = hexadecimal.map_or((text, 10), |digits| (digits, 16));
        let is_written_so = digits.chars().all(|c| c.is_digit(radix));
        let number = u32::from_str_radix(digits, radix).ok().filter(|number| is_written_so && *number != 0);
        number.map(Self).ok_or_else(|| NotANumber(text.to_owned()))
    }
}

impl fmt::Display for MechanismNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl Printed for MechanismNumber {
    fn printed(&self) -> Option<toml::Value> {
        Some(self.to_string().into())
    }
}

impl TryFrom<Written> for MechanismNumber {
    type Error = NotANumber;

    fn try_from(written: Written) -> Result<Self, NotANumber> {
        written.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_notations() {
        for (text, number) in [
            ("0x80002109", Some(0x8000_2109)),
            ("0X8000216f", Some(0x8000_216f)),
            ("2147492105", Some(0x8000_2109)),
            ("1", Some(1)),
            ("0xffffffff", Some(u32::MAX)),
            ("0", None),
            ("0x0", None),
            ("0x", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("0x+1", None),
            ("80002109h", None),
            ("0x100000000", None),
            ("4294967296", None),
            (" 1", None),
        ] {
            assert_eq!(text.parse().ok(), number.map(MechanismNumber), "{text:?}");
        }
    }
}
