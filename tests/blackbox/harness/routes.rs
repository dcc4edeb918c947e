//! The route table, read from the server's source.

/// A row.
pub struct Row {
    pub method: String,
    /// The path. `{}` stands for a segment, `{*}` for all remaining segments.
    pub path: String,
    /// The kind of its body, as in the table; empty if the method has no body.
    pub body: String,
    /// Whether it knows query fields.
    asks: bool,
}

impl Row {
    /// Returns its name in the table of rights.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether a request can have a query or a body.
    pub fn takes_something(&self) -> bool {
        self.asks || !["", "Nothing"].contains(&self.body.as_str())
    }

    /// Whether only clients of this server send its body.
    pub fn is_strict(&self) -> bool {
        self.body == "Strict"
    }
}

/// The tables: the server's own, and one for each dialect.
const TABLES: [&str; 4] = [
    include_str!("../../../src/http/routes.rs"),
    include_str!("../../../src/http/piiano/mod.rs"),
    include_str!("../../../src/http/hanzo/table.rs"),
    include_str!("../../../src/http/conjur/table.rs"),
];

/// All rows, in their order.
pub fn rows() -> Vec<Row> {
    TABLES.iter().flat_map(|source| rows_of(source)).collect()
}

fn rows_of(source: &str) -> Vec<Row> {
    let (_, table) = source.split_once("static ROWS: [Route; ").unwrap();
    let (count, table) = table.split_once("] = [\n").unwrap();
    let (table, _) = table.split_once("\n];").unwrap();
    let mut texts: Vec<String> = Vec::new();
    for line in table.lines() {
        // A line with more indentation continues the row before it.
        match line.strip_prefix("    ").filter(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase())) {
            Some(rest) => texts.push(rest.to_owned()),
            None => texts.last_mut().unwrap().push_str(line.trim()),
        }
    }
    let rows: Vec<Row> = texts.iter().map(|text| row(text)).collect();
    assert_eq!(rows.len(), count.parse::<usize>().unwrap(), "the table is read as it is written");
    rows
}

fn row(text: &str) -> Row {
    let (made_by, rest) = text.split_once('(').unwrap();
    let (path, rest) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).unwrap();
    let body = match made_by {
        "get" | "delete" => "",
        _ => rest.trim_start_matches([',', ' ']).split(['(', ',']).next().unwrap(),
    };
    Row {
        method: made_by.trim_end_matches("_with").to_ascii_uppercase(),
        path: unnamed(path),
        body: body.to_owned(),
        asks: rest.contains(").asks("),
    }
}

/// Returns a text of paths without the names of their parameters.
pub fn unnamed(text: &str) -> String {
    let mut parts = text.split('{');
    let mut short = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, after) = part.split_once('}').unwrap();
        short.push_str(if name.starts_with('*') { "{*}" } else { "{}" });
        short.push_str(after);
    }
    short
}
