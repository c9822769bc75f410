//! Choosing from a list on a terminal, by moving or by typing a part of what is sought.

use crate::cli::screen::{Screen, ascii, cut, draws_unicode};
use crate::cli::ui::Ui;
use crate::error::{Error, Kind, Result};
use crate::text::shown;
use crossterm::cursor::MoveTo;
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use inquire::ui::RenderConfig;
use inquire::{InquireError, Select};
use std::fmt;
use unicode_width::UnicodeWidthStr;

/// The most lines of a list that are shown at once.
const PAGE_LINES: usize = 12;
/// The rows that a list needs beside its lines: the question, the help, one that stays free.
const ROWS_AROUND: usize = 3;
/// What inquire puts before and after a line of the list, in columns.
const MARGIN: usize = 4;

/// Below how many columns a line is shown in its narrow form.
const NARROW: usize = 60;

/// One of what is chosen from: searched in all of it, shown as far as the terminal is wide at that moment.
pub struct Choice {
    searched: String,
    shown: String,
    narrow: Option<String>,
}

impl Choice {
    /// Makes one of the line that is shown, and of more words that it is found by.
    pub fn new(line: &str, more: &str) -> Self {
        let searched = format!("{} {more}", shown(line.as_bytes())).to_lowercase();
        Self { searched, shown: drawn(line), narrow: None }
    }

    /// Sets the line that is shown on a terminal of few columns.
    #[must_use]
    pub fn or_narrow(self, line: &str) -> Self {
        Self { narrow: Some(drawn(line)), ..self }
    }

    fn fitted(&self, columns: usize) -> String {
        let narrow = self.narrow.as_ref().filter(|_| columns < NARROW);
        cut(narrow.unwrap_or(&self.shown), columns)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fitted(Screen::here().columns.saturating_sub(MARGIN)))
    }
}

fn drawn(line: &str) -> String {
    let safe = shown(line.as_bytes());
    if draws_unicode() { safe } else { ascii(&safe) }
}

/// Tells whether somebody can be asked to choose; `missing` is the argument that says the same.
///
/// Returns [`Kind::Usage`] where not.
pub fn can_pick(ui: &Ui, missing: &str) -> Result<()> {
    if ui.can_ask() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        return Ok(());
    }
    Err(Error::usage(format!("{missing} is missing, and there is no terminal to choose it on"))
        .hint(ui.way_to_be_asked().map_or_else(|| format!("name it on the command line: {missing}"), str::to_owned)))
}

/// Lets the person choose and returns the place of what was chosen.
///
/// Returns [`Kind::Usage`] where nobody can be asked, and [`Kind::Interrupted`] where the person leaves.
pub fn pick(ui: &Ui, question: &str, missing: &str, choices: Vec<Choice>) -> Result<usize> {
    can_pick(ui, missing)?;
    let screen = Screen::here();
    let mut select = Select::new(question, choices)
        .with_scorer(&score)
        // Broken in two by a terminal that was made half as wide it still fits, and so can be drawn over.
        .with_page_size(PAGE_LINES.min((screen.rows / 2).saturating_sub(ROWS_AROUND)))
        .with_help_message("type: search, enter: take, esc: leave");
    if !ui.is_colourful() {
        select = select.with_render_config(RenderConfig::empty());
    }
    let screen = ScreenApart::enter();
    let chosen = crate::process::idle(|| select.raw_prompt());
    drop(screen);
    match chosen {
        Ok(chosen) => {
            // What was on that screen is gone; the answer is not.
            let room = Screen::here().columns.saturating_sub(question.width() + 1);
            ui.say(&format!("{question} {}", chosen.value.fitted(room)));
            Ok(chosen.index)
        }
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
            Err(Error::new(Kind::Interrupted, "interrupted", "nothing was chosen, and nothing was changed"))
        }
        Err(error) => Err(Error::outside("terminal", format!("cannot ask on this terminal: {error}"))
            .hint(format!("name it on the command line: {missing}"))),
    }
}

/// The terminal's other screen, which holds the list alone and starts at the top: so a list that was drawn for another width
/// is drawn over, wherever the terminal has moved its lines, and nothing of it is left.
struct ScreenApart;

impl ScreenApart {
    fn enter() -> Self {
        let _ = crossterm::execute!(std::io::stderr(), EnterAlternateScreen, Clear(ClearType::All), MoveTo(0, 0));
        Self
    }
}

impl Drop for ScreenApart {
    fn drop(&mut self) {
        let _ = crossterm::execute!(std::io::stderr(), LeaveAlternateScreen);
    }
}

/// A line fits when every word that was typed stands in it; lines keep their order.
fn score(typed: &str, choice: &Choice, _shown: &str, index: usize) -> Option<i64> {
    let fits = typed.to_lowercase().split_whitespace().all(|word| choice.searched.contains(word));
    fits.then(|| -i64::try_from(index).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_any_of_its_words_in_any_order() {
        let choice = Choice::new("1234abcd  Fix the page, Anna", "live_3");
        assert_eq!(score("PAGE live", &choice, "", 7), Some(-7));
        assert_eq!(score("", &choice, "", 0), Some(0));
        assert_eq!(score("page dev", &choice, "", 7), None);
    }
}
