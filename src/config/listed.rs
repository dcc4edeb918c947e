//! Options with several values: repeated flags, a list in the file, or one text in brackets, as in an environment
//! variable.

use super::error::Error;
use super::places::OptionSources;

/// Returns the values of an option.
///
/// One text of the form `[a,b]` is a list. An empty element, as in `[a,]`, is an omitted value: `None`. A list must
/// have at least one element that is not empty: otherwise it would count as not configured.
///
/// # Errors
/// A text is meant as a list but is not written as one: it comes from the environment and has a comma but no brackets;
/// it holds several URLs; its values are in quotation marks; or the list is empty.
pub(super) fn values(
    option: &'static str,
    given: Option<&[String]>,
    places: &OptionSources,
) -> Result<Vec<Option<String>>, Error> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let is_variable = places.is_environment(option);
    let refused = |value: &str, fault: String| {
        let name = if is_variable { variable(option) } else { flag(option) };
        Err(Error::Listed { name, value: value.to_owned(), fault })
    };
    let [one] = given else {
        return match given.iter().find(|value| has_urls(value)) {
            Some(value) => refused(value, "give one URL in each".to_owned()),
            None => Ok(given.iter().cloned().map(Some).collect()),
        };
    };
    let Some(inner) = one.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        if has_urls(one) || is_variable && one.contains(',') {
            let written = format!("[{}]", joined(one));
            let own = if is_variable {
                format!("; a value that has a comma of its own is given by {} or in the file", flag(option))
            } else {
                String::new()
            };
            return refused(one, format!("a list is written in brackets: {written}{own}"));
        }
        if is_variable && unquoted(one) != one {
            return refused(one, format!("write it without quotation marks: {}", unquoted(one)));
        }
        return Ok(vec![Some(one.clone())]);
    };
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    if parts.iter().any(|part| unquoted(part) != *part) {
        let written = joined(inner);
        return refused(one, format!("write the values in brackets without quotation marks: [{written}]"));
    }
    if parts.iter().all(|part| part.is_empty()) {
        return refused(one, "the list must not be empty: give a value, or leave the option out".to_owned());
    }
    Ok(parts.into_iter().map(|part| (!part.is_empty()).then(|| part.to_owned())).collect())
}

/// Returns the values of an option whose values cannot be omitted.
///
/// # Errors
/// The errors of [`values`], and an empty element.
pub(super) fn all(
    option: &'static str,
    given: Option<&[String]>,
    places: &OptionSources,
) -> Result<Vec<String>, Error> {
    let values = values(option, given, places)?;
    let all: Option<Vec<String>> = values.into_iter().collect();
    all.ok_or_else(|| {
        let name = if places.is_environment(option) { variable(option) } else { flag(option) };
        let value = given.and_then(<[String]>::first).cloned().unwrap_or_default();
        Error::Listed { name, value, fault: "a value must not be empty".to_owned() }
    })
}

/// Returns the flag of an option.
pub(super) fn flag(option: &str) -> String {
    format!("--{}", option.replace('_', "-"))
}

/// Returns the environment variable of an option.
pub(super) fn variable(option: &str) -> String {
    format!("KMS_{}", option.to_ascii_uppercase())
}

/// Returns whether a text is several URLs with commas between them.
fn has_urls(text: &str) -> bool {
    let begins = |part: &str| part.trim().trim_start_matches(QUOTATION_MARKS).starts_with("http");
    text.contains("://") && text.split(',').skip(1).any(|part| begins(part) && part.contains("://"))
}

const QUOTATION_MARKS: [char; 2] = ['"', '\''];

/// Returns a value without the quotation marks around it.
fn unquoted(value: &str) -> &str {
    value.trim_matches(QUOTATION_MARKS)
}

/// Returns the values of a list in the form in which they must be written.
fn joined(list: &str) -> String {
    let list = list.trim_matches(|c| "[] ".contains(c));
    let values: Vec<&str> = list.split(',').map(|value| unquoted(value.trim()).trim()).collect();
    values.join(",")
}
