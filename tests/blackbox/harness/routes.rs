//! The route table, as the server's source has it.

/// A row.
pub struct Row {
    pub method: String,
    /// `{}` stands for a segment, `{*}` for all that are left.
    pub path: String,
    /// The kind of its body, as the table calls it; empty for a row that has none by its method.
    pub body: String,
    /// Whether it knows fields of a query.
    asks: bool,
}

impl Row {
    /// As the table of rights calls it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether a request can bring something beside its path.
    pub fn takes_something(&self) -> bool {
        self.asks || !["", "Nothing"].contains(&self.body.as_str())
    }

    /// Whether only clients of this server send its body.
    pub fn is_strict(&self) -> bool {
        self.body == "Strict"
    }
}

/// All rows, in their order.
pub fn rows() -> Vec<Row> {
    let (_, table) = include_str!("../../../src/http/routes.rs").split_once("static ROUTES: [Route; ").unwrap();
    let (count, table) = table.split_once("] = [\n").unwrap();
    let (table, _) = table.split_once("\n];").unwrap();
    let mut texts: Vec<String> = Vec::new();
    for line in table.lines() {
        // What is further in goes on with the row before it.
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
        path: path.to_owned(),
        body: body.to_owned(),
        asks: rest.contains(").asks("),
    }
}
