//! The tables of the pages in `docs/`, which tests compare with the code.

/// Returns the rows of the first table below a heading, without the heading of the table.
pub(super) fn rows<'a>(page: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let (_, section) = page.split_once(heading).unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    lines.take_while(|line| line.starts_with('|'))
}
