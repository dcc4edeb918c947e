//! The check of the log filter: every directive must be valid. A mistyped directive would turn off all log lines.

use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The crates that log: those of the project and its dependencies.
const TARGETS: [&str; 16] = [
    "claviger",
    "clavigerd",
    "claviger_pkcs11",
    "cryptoki",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "native_tls",
    "openssl",
    "tokio",
    "tokio_postgres",
    "tokio_util",
    "tower",
    "want",
    "warp",
];

/// Refuses a filter with a directive that is neither a level nor `TARGET=LEVEL` of a crate that logs.
///
/// # Errors
/// The reason, with the directive.
pub(super) fn check(filter: &str) -> Result<(), String> {
    // Checked before the parser runs, because its messages do not name the directive.
    let directives = split(filter);
    directives.into_iter().map(str::trim).filter(|directive| !directive.is_empty()).try_for_each(check_directive)?;
    EnvFilter::builder().parse(filter).map(drop).map_err(|error| format!("{filter:?}: {error}"))
}

fn check_directive(directive: &str) -> Result<(), String> {
    let is_level = |text: &str| LevelFilter::from_str(text).is_ok();
    if is_level(directive) {
        return Ok(());
    }
    // The form is `target[span{field=value}]=level`; the target or the span is required.
    let end = directive.find(['[', '=']).unwrap_or(directive.len());
    let (target, rest) = directive.split_at_checked(end).unwrap_or((directive, ""));
    if rest.is_empty() && !target.contains("::") && !TARGETS.contains(&target) {
        return Err(format!("{directive:?} is not a level: give error, warn, info, debug, trace or off"));
    }
    let first = target.split("::").next().unwrap_or_default();
    if first.is_empty() && !rest.starts_with('[') {
        return Err(format!("{directive:?} has no target before its `=`: give a level, or TARGET=LEVEL"));
    }
    if !first.is_empty() && !TARGETS.contains(&first) {
        return Err(format!("no target is named {first:?}: give a level, or one of {}", TARGETS.join(", ")));
    }
    match rest.rsplit_once('=').filter(|(_, level)| !level.ends_with(['}', ']'])) {
        Some((_, level)) if !is_level(level) => {
            Err(format!("{level:?} in {directive:?} is not a level: give error, warn, info, debug, trace or off"))
        }
        _ => Ok(()),
    }
}

/// Splits a filter into its directives. Commas within the braces of fields do not separate directives.
fn split(filter: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    filter
        .split(move |c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_directive_is_a_level_or_of_something_that_logs() {
        for good in [
            "info",
            "WARN",
            "off",
            "claviger=debug,hyper=warn",
            "warn,claviger::text=trace",
            "claviger",
            "claviger::text",
            "[request]=debug",
            "claviger[request{id=1}]=debug",
            "",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, told) in [
            ("warning", "\"warning\" is not a level"),
            ("info,errors", "\"errors\" is not a level"),
            ("clavigr=debug", "no target is named \"clavigr\""),
            ("claviger=loud", "loud"),
            ("verbose=1", "no target is named \"verbose\""),
            ("claviger =debug", "no target is named"),
            ("=debug", "="),
        ] {
            let error = check(bad).expect_err(bad);
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
