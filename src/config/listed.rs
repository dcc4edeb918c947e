//! Options that come in several: repeated flags, a list of the file, or one text in brackets, as the environment has them.

use super::error::Error;
use super::places::Places;

/// The values of one option.
///
/// One text of the form `[a,b]` is a list. A place in it that is empty, as in `[a,]`, is a value that is left out: `None`. No list
/// consists of such places only: it must not read as nothing configured.
///
/// # Errors
/// A text that was meant as a list and is not written as one: with a comma and without brackets, where it comes from the environment;
/// several URLs in one; values in quotation marks; an empty list.
pub(super) fn values(
    option: &'static str,
    given: Option<&[String]>,
    places: &Places,
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

/// The same of an option of which each value must be there.
///
/// # Errors
/// Those of [`values`], and a place that is empty.
pub(super) fn all(option: &'static str, given: Option<&[String]>, places: &Places) -> Result<Vec<String>, Error> {
    let values = values(option, given, places)?;
    let all: Option<Vec<String>> = values.into_iter().collect();
    all.ok_or_else(|| {
        let name = if places.is_environment(option) { variable(option) } else { flag(option) };
        let value = given.and_then(<[String]>::first).cloned().unwrap_or_default();
        Error::Listed { name, value, fault: "a value must not be empty".to_owned() }
    })
}

/// The flag of an option.
pub(super) fn flag(option: &str) -> String {
    format!("--{}", option.replace('_', "-"))
}

/// The environment variable of an option.
fn variable(option: &str) -> String {
    format!("KMS_{}", option.to_ascii_uppercase())
}

/// Whether a text is several URLs, with a comma between them.
fn has_urls(text: &str) -> bool {
    let begins = |part: &str| part.trim().trim_start_matches(QUOTATION_MARKS).starts_with("http");
    text.contains("://") && text.split(',').skip(1).any(|part| begins(part) && part.contains("://"))
}

const QUOTATION_MARKS: [char; 2] = ['"', '\''];

/// A value without quotation marks around it.
fn unquoted(value: &str) -> &str {
    value.trim_matches(QUOTATION_MARKS)
}

/// The values of a list, as they are to be written.
fn joined(list: &str) -> String {
    let list = list.trim_matches(|c| "[] ".contains(c));
    let values: Vec<&str> = list.split(',').map(|value| unquoted(value.trim()).trim()).collect();
    values.join(",")
}
