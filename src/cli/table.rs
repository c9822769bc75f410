//! Columns.

use super::screen::{INDENT, broken};
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// What stands between two columns.
const GAP: &str = "  ";

/// Returns the rows as lines, each column as wide as its widest cell; the last one is left ragged.
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    folded(rows, usize::MAX).concat()
}

/// Returns each row as lines of at most so many columns of a terminal: as one where all rows fit so, else all folded at the same
/// cells. A fold of a row in which nothing stands is left out; a cell that is wider than the terminal is broken.
pub fn folded(rows: &[Vec<String>], columns: usize) -> Vec<Vec<String>> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let folds = folds(&widths, columns);
    let row = |row: &Vec<String>| {
        let folds = folds.iter().map(|fold| joined(row, &widths, fold)).enumerate();
        let kept = folds.filter(|(n, line)| *n == 0 || !line.is_empty());
        let lines = kept.map(|(n, line)| if n == 0 { line } else { format!("{INDENT}{line}") });
        lines.flat_map(|line| if line.width() > columns { broken(&line, columns) } else { vec![line] }).collect()
    };
    rows.iter().map(row).collect()
}

/// Returns which columns stand on each of the lines of a row.
fn folds(widths: &[usize], columns: usize) -> Vec<Range<usize>> {
    let mut folds = vec![Range { start: 0, end: 0 }];
    let mut used = 0;
    for (n, width) in widths.iter().enumerate() {
        let fold = folds.last_mut().expect("there is one from the beginning");
        let is_empty = fold.start == fold.end;
        let with = used + width + if is_empty { 0 } else { GAP.len() };
        if is_empty || with <= columns {
            (fold.end, used) = (n + 1, with);
        } else {
            folds.push(n..n + 1);
            used = INDENT.len() + width;
        }
    }
    folds
}

fn joined(row: &[String], widths: &[usize], fold: &Range<usize>) -> String {
    let cells = row.iter().zip(widths).take(fold.end).skip(fold.start);
    let cells = cells.map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))));
    cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>(rows: &[[&str; N]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(lines(&rows(&[["a", "long"], ["grün", ""]])), ["a     long", "grün"]);
        assert_eq!(lines(&rows(&[["漢", "x"], ["abc", "y"]])), ["漢   x", "abc  y"]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_folded_at_the_same_cells_in_every_row() {
        let table = rows(&[["one", "two", "three", "four"], ["1", "22", "", ""], ["1", "", "", "much too long"]]);
        assert_eq!(folded(&table, 40).concat().len(), 3);
        assert_eq!(folded(&table, 17)[0], ["one  two  three", "  four"]);
        assert_eq!(folded(&table, 17)[1], ["1    22"]);
        assert_eq!(folded(&table, 17)[2], ["1", "  much too long"]);
        assert_eq!(folded(&table, 9)[2], ["1", "  much", "  too", "  long"]);
        for columns in 6..50 {
            assert!(folded(&table, columns).concat().iter().all(|line| line.width() <= columns), "{columns}");
        }
    }
}
