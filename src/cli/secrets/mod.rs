//! `claviger secrets`: secret values, which the server keeps encrypted by keys of its HSM.

mod list;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::confirmation::Confirmation;
use super::error::Error;
use super::report::Report;
use super::stream::{DASH, Source};
use super::target::{Existing, Target};
use super::terminal::typed;
use crate::client::{Client, segment};
use crate::secret::Bytes;
use crate::text::Whole;

/// One byte more than the longest value.
const TOO_MUCH: usize = (64 << 10) + 1;

/// Manage named secrets; the last 20 values of each are kept
#[derive(Subcommand)]
pub(super) enum Secrets {
    Put(Put),
    Get(Get),
    List(list::List),
    Delete(Delete),
}

/// The name of a secret.
#[derive(clap::Args)]
struct Name {
    /// Name of the secret; it may contain slashes
    #[arg(value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    #[command(flatten)]
    account: Account,
}

/// Write a value of up to 64 KiB of any bytes; the first value creates the secret
///
/// At a terminal you are asked for the value: it is not shown, and its line end is not stored.
///
/// For an account other than `default`, you need a role with write_secret in the project with the same name.
#[derive(clap::Args)]
pub(super) struct Put {
    #[command(flatten)]
    name: Name,
    /// File that holds the value; `-` for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// Print a value, or write it to a file that only you can read; with --json, binary values are in base64
#[derive(clap::Args)]
pub(super) struct Get {
    #[command(flatten)]
    name: Name,
    /// Number of the value, one of the last 20 [default: the last]
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// File to write the value to; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
}

/// Remove a secret with its key and all its values; the name can be used again for another secret
#[derive(clap::Args)]
pub(super) struct Delete {
    #[command(flatten)]
    name: Name,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Name {
    fn path(&self) -> String {
        format!("/secrets/{}/variable/{}", segment(&self.account.name), segment(&self.name))
    }

    fn json(&self) -> Map<String, Value> {
        let both = [("name", &self.name), ("account", &self.account.name)];
        both.into_iter().map(|(member, text)| (member.to_owned(), text.as_str().into())).collect()
    }
}

impl Secrets {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Put(Put { name, file }) => {
                client.post_bytes(&name.path(), value(&name, &file).await?).await?;
                Ok(Report::quiet(json!(name.json())))
            }
            Self::Get(command) => command.run(client).await,
            Self::List(command) => command.run(client).await,
            Self::Delete(Delete { name, confirmation }) => {
                let question = format!("The secret {:?} will be removed with all its values.", name.name);
                confirmation.ask("secrets delete", &question)?;
                client.delete(&name.path()).await?;
                Ok(Report::quiet(json!(name.json())))
            }
        }
    }
}

/// Reads a value from a file, from standard input, or from the keys of a terminal.
async fn value(name: &Name, file: &Path) -> Result<Bytes, Error> {
    if let Some(typed) = typed(Some(file), &format!("Value of {}: ", Whole(&name.name)))? {
        return Ok(Bytes::from(typed.as_bytes()));
    }
    // One byte more than allowed is read, so that the server refuses a value that is too long.
    Source::open(file)?.read(TOO_MUCH).await
}

impl Get {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let Self { name, version, output, force } = self;
        let mut target = match &*output {
            place if place == Path::new(DASH) => None,
            place => Some(Target::create(place, Existing::forced(force))?),
        };
        let query = version.map(|version| format!("?version={version}")).unwrap_or_default();
        let answer = client.get(&format!("{}{query}", name.path())).await?;
        let mut json = name.json();
        if let Some(mut target) = target.take() {
            target.write(Bytes::from(&answer.body[..])).await?;
            target.finish()?;
            json.insert("file".to_owned(), output.to_string_lossy().into());
            return Ok(Report::quiet(json.into()));
        }
        let text = std::str::from_utf8(&answer.body).ok();
        let (member, shown) = match text {
            Some(text) => ("value", text.to_owned()),
            None => ("value_base64", BASE64.encode(&answer.body)),
        };
        json.insert(member.to_owned(), shown.into());
        match text.and_then(lines).filter(|_| io::stdout().is_terminal()) {
            Some(lines) => Ok(Report::new(lines, json.into())),
            None => Ok(Report::bytes(Bytes::from(&answer.body[..]), json.into())),
        }
    }
}

/// Returns the lines of a value; `None` if a terminal cannot show them as they are.
fn lines(text: &str) -> Option<Vec<String>> {
    let lines: Vec<String> = text.strip_suffix('\n').unwrap_or(text).split('\n').map(str::to_owned).collect();
    lines.iter().all(|line| Whole(line).to_string() == **line).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_only_what_it_can() {
        assert_eq!(lines("a\n\u{e9}\n").unwrap(), ["a", "\u{e9}"]);
        assert_eq!(lines("").unwrap(), [""]);
        for text in ["\u{1b}[2J", "a\0", "a\r\n", "\u{202e}x"] {
            assert!(lines(text).is_none(), "{text:?}");
        }
    }
}
