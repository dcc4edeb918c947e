//! `clavigerd --check-hsm`: tests what the HSM can do, without a database.

use std::fmt;

use super::error::StartError;
use super::start::token_error;
use crate::config::{Config, Placement};
use crate::custody::{
    Custody, Extractable, Failure, Need, Tried, Weaknesses, accepted, hinders_wrapping, waits_for_another_start,
};
use crate::text::Whole;

/// The claims of the HSM token, the results of the tests, and their consequences for the server.
#[derive(Debug)]
pub struct HsmReport {
    tried: Tried,
    placement: Option<Placement>,
    accepted: Weaknesses,
}

/// Tests the HSM token with session keys: none of them remains in it.
///
/// # Errors
/// The module, the HSM token or the PIN is wrong.
pub fn check_hsm(config: &Config) -> Result<HsmReport, StartError> {
    let tried = Custody::try_token(&config.hsm).map_err(|error| token_error(config, error))?;
    Ok(HsmReport { tried, placement: config.placement, accepted: accepted(&config.hsm) })
}

impl HsmReport {
    /// Returns the names of the missing capabilities that the server needs.
    #[must_use]
    pub fn lacking(&self) -> Vec<&'static str> {
        let lacking = self.tried.capabilities.iter().filter_map(|own| Some((own, own.found.as_ref().err()?)));
        lacking.filter(|(own, why)| self.is_needed(own.need, why)).map(|(own, _)| own.name).collect()
    }

    /// Returns whether the first start of a server with this configuration fails without the capability.
    fn is_needed(&self, need: Need, why: &Failure) -> bool {
        waits_for_another_start(need, why)
            || match need {
                Need::Start => true,
                Need::Wrapping => self.placement == Some(Placement::Wrapped),
                Need::Protection(one) => {
                    !self.accepted.contains(one) || hinders_wrapping(one) && self.placement == Some(Placement::Wrapped)
                }
                Need::Exporting
                | Need::Extractable(_)
                | Need::Pairs
                | Need::Pair(_)
                | Need::WrappedPair(_)
                | Need::Import
                | Need::PrivateImport
                | Need::For(_) => false,
            }
    }

    /// Returns whether the HSM token can wrap keys.
    fn wraps(&self) -> bool {
        !self.tried.capabilities.iter().any(|own| own.need == Need::Wrapping && own.found.is_err())
    }

    /// Describes what the first start does without the capability.
    fn without(&self, need: Need, why: &Failure) -> String {
        let in_the_token = "keeps every key in the HSM token";
        match need {
            Need::Protection(one) if !self.accepted.contains(one) => {
                format!("does not start without --accept-weaker-custody {}", one.name())
            }
            _ if self.is_needed(need, why) => "does not start".to_owned(),
            Need::Protection(one) if hinders_wrapping(one) => {
                format!("accepts root keys that are {}, and {in_the_token}", one.name())
            }
            Need::Protection(one) => format!("accepts root keys that are {}", one.name()),
            Need::Start | Need::Wrapping => in_the_token.to_owned(),
            Need::Exporting if !self.wraps() => in_the_token.to_owned(),
            Need::Exporting | Need::Extractable(Extractable::InClear) => "gives no keys out in clear".to_owned(),
            Need::Extractable(_) => "lets no keys leave".to_owned(),
            Need::Pairs => "does without key pairs whose private half is wrapped".to_owned(),
            Need::Pair(_) => "does without keys of this kind".to_owned(),
            Need::WrappedPair(_) => "keeps private keys of this kind in the HSM token".to_owned(),
            Need::PrivateImport => "keeps private keys that are brought in, and does not use them".to_owned(),
            Need::Import => "keeps keys that are brought in, and does not use them".to_owned(),
            Need::For(what) => format!("does without {what}"),
        }
    }
}

/// Writes a table with fixed columns: the capability, the HSM token's claim, the result of the test, and the
/// consequence for the server.
impl fmt::Display for HsmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.tried.info;
        writeln!(
            f,
            "HSM token {}: model {}, by {}, serial number {}",
            Whole(&info.label),
            Whole(&info.model),
            Whole(&info.manufacturer),
            Whole(&info.serial)
        )?;
        let mut rows =
            vec![["what".to_owned(), "the HSM token says".to_owned(), "tried".to_owned(), "the server".to_owned()]];
        for own in &self.tried.capabilities {
            let (found, done) = match &own.found {
                Ok(how) => (how.clone(), "uses it".to_owned()),
                Err(why) => (why.to_string(), self.without(own.need, why)),
            };
            rows.push([own.name.to_owned(), own.said.clone(), found, done]);
        }
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
        let [what, said, found] = [width(0), width(1), width(2)];
        for [name, says, tried, done] in &rows {
            let line = format!("{name:what$}  {says:said$}  {tried:found$}  {done}");
            writeln!(f, "{}", Whole(line.trim_end()))?;
        }
        let lacking = self.lacking();
        if lacking.is_empty() {
            writeln!(f, "the server can use this HSM token")
        } else {
            writeln!(f, "the server cannot use this HSM token: {}", lacking.join(", "))
        }
    }
}
