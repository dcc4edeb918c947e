//! The kinds of definitions.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::policy::Kind;

/// Reads the name of a kind: the name of its table in the policy file.
pub(super) fn kind() -> impl TypedValueParser<Value = Kind> {
    let names = Kind::ALL.iter().map(|kind| PossibleValue::new(kind.table()).help(kind.about()));
    PossibleValuesParser::new(names).try_map(|name| Kind::from_table(&name).ok_or("it is not a kind of definition"))
}

/// Returns the path of the definitions of a kind.
pub(super) fn path(kind: Kind) -> String {
    format!("/access/definitions/{}", kind.table())
}
