//! A look at what the HSM can do, without a database.

use std::fmt;

use super::StartError;
use super::start::token_error;
use crate::config::{Config, Placement};
use crate::custody::{Capability, Custody, Need, Tried};
use crate::text::Whole;

/// What the HSM says, what it did, and what the server makes of it.
#[derive(Debug)]
pub struct HsmReport {
    tried: Tried,
    placement: Option<Placement>,
}

/// Tries the token on keys that end with their session: nothing stays in it.
///
/// # Errors
/// The module, the token or the PIN is wrong.
pub fn check_hsm(config: &Config) -> Result<HsmReport, StartError> {
    let tried = Custody::try_token(&config.hsm).map_err(|error| token_error(config, error))?;
    Ok(HsmReport { tried, placement: config.placement })
}

impl HsmReport {
    /// Names of what is lacking and without which there is no server.
    #[must_use]
    pub fn lacking(&self) -> Vec<&'static str> {
        let is_needed = |own: &&Capability| own.found.is_err() && self.is_needed(own.need);
        self.tried.capabilities.iter().filter(is_needed).map(|own| own.name).collect()
    }

    /// Whether a server with this configuration does not start without it.
    fn is_needed(&self, need: Need) -> bool {
        match need {
            Need::Start => true,
            Need::Wrapping => self.placement == Some(Placement::Wrapped),
            Need::For(_) => false,
        }
    }
}

/// A table of fixed columns: what, what the token says, what happened, what the server does.
impl fmt::Display for HsmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.tried.info;
        writeln!(
            f,
            "token {}: model {}, by {}, serial number {}",
            Whole(&info.label),
            Whole(&info.model),
            Whole(&info.manufacturer),
            Whole(&info.serial)
        )?;
        let mut rows =
            vec![["what".to_owned(), "the token says".to_owned(), "tried".to_owned(), "the server".to_owned()]];
        for own in &self.tried.capabilities {
            let (found, done) = match (&own.found, own.need) {
                (Ok(how), _) => (how.clone(), "uses it".to_owned()),
                (Err(why), need) if self.is_needed(need) => (why.to_string(), "does not start".to_owned()),
                (Err(why), Need::Start | Need::Wrapping) => {
                    (why.to_string(), "keeps every key in the token".to_owned())
                }
                (Err(why), Need::For(what)) => (why.to_string(), format!("does without {what}")),
            };
            rows.push([own.name.to_owned(), own.said.clone(), found, done]);
        }
        let longest = self.tried.longest_gcm;
        rows.push(["AES-GCM in one call".to_owned(), String::new(), format!("{longest} bytes"), String::new()]);
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
        let [what, said, found] = [width(0), width(1), width(2)];
        for [name, says, tried, done] in &rows {
            let line = format!("{name:what$}  {says:said$}  {tried:found$}  {done}");
            writeln!(f, "{}", Whole(line.trim_end()))?;
        }
        let lacking = self.lacking();
        if lacking.is_empty() {
            writeln!(f, "the server can use this token")
        } else {
            writeln!(f, "the server cannot use this token: {}", lacking.join(", "))
        }
    }
}
