//! Choosing from a list on a terminal, by moving or by typing a part of what is sought.

use crate::cli::ui::Ui;
use crate::error::{Error, Kind, Result};
use crate::text::shown;
use inquire::ui::RenderConfig;
use inquire::{InquireError, Select};
use std::fmt;

/// The most lines of a list that are shown at once.
const PAGE_LINES: usize = 12;
/// What inquire puts before and after a line of the list, in columns.
const MARGIN: usize = 4;
/// The width of a terminal that does not tell its own, in columns.
const WIDTH: usize = 80;

/// What is chosen from: searched in all of it, shown as far as the terminal is wide.
struct Choice {
    searched: String,
    shown: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Lets the person choose one of `lines` and returns its place among them; `missing` is the argument that says the same.
///
/// Returns [`Kind::Usage`] where nobody can be asked, and [`Kind::Interrupted`] where the person leaves.
pub fn pick(ui: &Ui, question: &str, missing: &str, lines: &[String]) -> Result<usize> {
    if !ui.can_ask() || std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Error::usage(format!("{missing} is missing, and there is no terminal to choose it on"))
            .hint(format!("name it on the command line: {missing}")));
    }
    let width = crossterm::terminal::size().map_or(WIDTH, |(columns, _)| usize::from(columns));
    let choice = |line: &String| {
        let safe = shown(line.as_bytes());
        Choice { searched: safe.to_lowercase(), shown: cut(&safe, width.saturating_sub(MARGIN)) }
    };
    let mut select = Select::new(question, lines.iter().map(choice).collect())
        .with_scorer(&score)
        .with_formatter(&|chosen| chosen.value.shown.clone())
        .with_page_size(PAGE_LINES)
        .with_help_message("up, down: move; type: search; enter: take; esc: leave");
    if !ui.is_colourful() {
        select = select.with_render_config(RenderConfig::empty());
    }
    match crate::process::idle(|| select.raw_prompt()) {
        Ok(chosen) => Ok(chosen.index),
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
            Err(Error::new(Kind::Interrupted, "interrupted", "nothing was chosen, and nothing was changed"))
        }
        Err(error) => Err(Error::outside("terminal", format!("cannot ask on this terminal: {error}"))
            .hint(format!("name it on the command line: {missing}"))),
    }
}

/// A line fits when every word that was typed stands in it; lines keep their order.
fn score(typed: &str, choice: &Choice, _shown: &str, index: usize) -> Option<i64> {
    let fits = typed.to_lowercase().split_whitespace().all(|word| choice.searched.contains(word));
    fits.then(|| -i64::try_from(index).unwrap_or(i64::MAX))
}

/// Returns as much of a line as fits in `width` columns.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width.saturating_sub(2)).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_any_of_its_words_in_any_order() {
        let choice = Choice { searched: "1234abcd live_3 fix the page, anna".into(), shown: String::new() };
        assert_eq!(score("PAGE live", &choice, "", 7), Some(-7));
        assert_eq!(score("", &choice, "", 0), Some(0));
        assert_eq!(score("page dev", &choice, "", 7), None);
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcd..");
        assert_eq!(cut("grün", 4), "grün");
    }
}
