//! Reads the pages of the documentation, and the command blocks in them.

use std::fs;
use std::path::Path;

/// The comment before a command block that cannot be run here. The reason follows.
const MARK: &str = "<!-- not run here: ";

/// A page, named as links name it from the root of the repository.
pub struct Page {
    pub name: String,
    pub text: String,
}

/// A fenced block of a page.
pub struct Block {
    /// The line of its first line of text, from 1.
    pub line: usize,
    /// The word after the opening fence: `sh` for commands.
    pub language: String,
    pub text: String,
    /// The reason why the block is not run, if it is marked.
    pub not_run: Option<String>,
}

impl Block {
    pub fn is_of_commands(&self) -> bool {
        self.language == "sh"
    }
}

/// Returns the pages beside the README, and those in `docs/`, in the order of their names.
pub fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |directory: &str| -> Vec<String> {
        let entries = fs::read_dir(root.join(directory)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter(|file| file.ends_with(".md")).map(|file| format!("{directory}{file}")).collect()
    };
    let mut names = [names(""), names("docs/")].concat();
    names.sort();
    let read = |name: String| Page { text: fs::read_to_string(root.join(&name)).unwrap(), name };
    names.into_iter().map(read).collect()
}

/// Returns the fenced blocks of a text, without the indentation of their fences.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut lines, mut before) = (text.lines().enumerate(), "");
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let indentation = line.len() - line.trim_start().len();
            let own = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            let own: Vec<&str> = own.map(|line| line.get(indentation..).unwrap_or_default()).collect();
            let reason = before.trim().strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block {
                line: number + 2,
                language: language.to_owned(),
                text: own.join("\n") + "\n",
                not_run: reason.map(str::to_owned),
            });
        }
        before = line;
    }
    blocks
}
