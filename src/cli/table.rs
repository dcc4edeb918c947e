//! Tables: one line for each row, with columns of equal width.

use crate::text::Whole;

/// The greatest width of a column, in characters. A longer cell is shown as it is, and moves the rest of its row.
const WIDEST: usize = 64;

/// Returns the lines of a table, beginning with its header. Cells are escaped here, so that columns stay aligned. The
/// last column is not padded. A table without rows has no lines.
pub(super) fn lines<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { Whole(cell).to_string() };
    let mut all: Vec<Vec<String>> = vec![header.iter().map(|&name| name.to_owned()).collect()];
    all.extend(rows.iter().map(|row| row.iter().map(shown).collect()));
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().min(WIDEST)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            // A width in a format string is at most 65535.
            let missing = width.saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(missing))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_hostile_cells_stay_in_them() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["a", "", "x"]), row(["long", "two\nlines", "\u{1b}[2J"])];
        assert_eq!(
            lines(["ID", "NAME", "LAST"], &rows),
            ["ID    NAME        LAST", "a     -           x", "long  two\\nlines  \\u{1b}[2J"]
        );
        assert!(lines(["ID"], &[]).is_empty());
        // Longer than the format machinery can pad, and than a screen is wide.
        let long = "x".repeat(100_000);
        let rows = [row([&long, "a", "b"]), row(["c", "d", "e"])];
        let shown = lines(["ID", "NAME", "LAST"], &rows);
        assert_eq!(shown[1], format!("{long}  a     b"));
        assert_eq!(shown[2], format!("c{}  d     e", " ".repeat(WIDEST - 1)));
    }
}
