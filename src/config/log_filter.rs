//! What is logged: a filter of which every part means something. A word that is mistyped would silence everything.

use std::str::FromStr as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The crates whose log lines there are: our own, and those that we use.
const TARGETS: [&str; 15] = [
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
    "tokio_util",
    "tower",
    "want",
    "warp",
];

/// Refuses a filter with a directive that is neither a level nor `TARGET=LEVEL` of a crate that logs.
///
/// # Errors
/// What is wrong, with the directive.
pub(super) fn check(filter: &str) -> Result<(), String> {
    // First: what the parser says does not name the directive.
    let directives = split(filter);
    directives.into_iter().map(str::trim).filter(|directive| !directive.is_empty()).try_for_each(check_directive)?;
    EnvFilter::builder().parse(filter).map(drop).map_err(|error| format!("{filter:?}: {error}"))
}

fn check_directive(directive: &str) -> Result<(), String> {
    let is_level = |text: &str| LevelFilter::from_str(text).is_ok();
    if is_level(directive) {
        return Ok(());
    }
    // `target[span{field=value}]=level`, of which a target or a span must be there.
    let end = directive.find(['[', '=']).unwrap_or(directive.len());
    let (target, rest) = directive.split_at_checked(end).unwrap_or((directive, ""));
    if rest.is_empty() && !target.contains("::") && !TARGETS.contains(&target) {
        return Err(format!("{directive:?} is not a level: give error, warn, info, debug, trace or off"));
    }
    let first = target.split("::").next().unwrap_or_default();
    if first.is_empty() && !rest.starts_with('[') {
        return Err(format!("{directive:?} names nothing before its `=`: give a level, or TARGET=LEVEL"));
    }
    if !first.is_empty() && !TARGETS.contains(&first) {
        return Err(format!("nothing logs as {first:?}: give a level, or one of {}", TARGETS.join(", ")));
    }
    match rest.rsplit_once('=').filter(|(_, level)| !level.ends_with(['}', ']'])) {
        Some((_, level)) if !is_level(level) => {
            Err(format!("{level:?} in {directive:?} is not a level: give error, warn, info, debug, trace or off"))
        }
        _ => Ok(()),
    }
}

/// The directives: commas within the braces of fields do not part them.
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
            ("clavigr=debug", "nothing logs as \"clavigr\""),
            ("claviger=loud", "loud"),
            ("verbose=1", "nothing logs as \"verbose\""),
            ("claviger =debug", "nothing logs as"),
            ("=debug", "="),
        ] {
            let error = check(bad).expect_err(bad);
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
