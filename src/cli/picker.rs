//! Choosing from a list on a terminal, by moving or by typing a part of what is sought.

mod apart;
mod list;

use crate::cli::screen::{Screen, ascii, cut, draws_unicode};
use crate::cli::style::{Line, Style};
use crate::cli::ui::Ui;
use crate::error::{Error, Kind, Result};
use crate::text::shown;
use apart::ScreenApart;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{event, queue};
use list::{List, Step};
use std::io;
use unicode_width::UnicodeWidthStr;

/// The most lines of a list that are shown at once.
const PAGE_LINES: usize = 12;
/// The rows that a list needs beside its lines: the question and the help.
const ROWS_AROUND: usize = 2;
/// What stands before a line of the list, and the space that stays free behind it, in columns.
const MARGIN: usize = 4;
/// What the keys do.
const HELP: &str = "[type: search, enter: take, esc: leave]";

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
    let chosen = crate::process::idle(|| choose(ui, question, &choices));
    let chosen = chosen.map_err(|error| {
        Error::outside("terminal", format!("cannot ask on this terminal: {error}"))
            .hint(format!("name it on the command line: {missing}"))
    })?;
    let Some(chosen) = chosen else {
        return Err(Error::new(Kind::Interrupted, "interrupted", "nothing was chosen, and nothing was changed"));
    };
    // What was on that screen is gone; the answer is not.
    let room = Screen::here().columns.saturating_sub(question.width() + 1);
    ui.say(&format!("{question} {}", choices[chosen].fitted(room)));
    Ok(chosen)
}

/// Shows the list until a line is taken, whose place it returns, or the person leaves.
fn choose(ui: &Ui, question: &str, choices: &[Choice]) -> io::Result<Option<usize>> {
    let screen = ScreenApart::enter()?;
    let mut list = List::of(choices.iter().map(|choice| choice.searched.as_str()).collect());
    loop {
        let (columns, rows) = terminal::size()?;
        let page = usize::from(rows).saturating_sub(ROWS_AROUND).clamp(1, PAGE_LINES);
        screen.show(&drawing(ui, question, choices, &mut list, (columns.into(), page))?)?;
        // Another size of the terminal is an event, too.
        match list.take(&event::read()?, page) {
            Step::Open => {}
            Step::Taken(place) => return Ok(Some(place)),
            Step::Left => return Ok(None),
        }
    }
}

/// Returns what draws everything anew, line by line at its place: whatever the terminal made of what stood there is gone.
fn drawing(
    ui: &Ui,
    question: &str,
    choices: &[Choice],
    list: &mut List<'_>,
    (columns, page): (usize, usize),
) -> io::Result<Vec<u8>> {
    let asked = format!("{question} ");
    let typed = cut(&list.typed, columns.saturating_sub(asked.width() + MARGIN));
    let end = 2 + asked.width() + typed.width();
    let mut lines = vec![Line::of(Style::Good, "? ").then(Style::Plain, asked).then(Style::Typed, typed)];
    for (mark, place) in list.shown(page) {
        let style = if mark == '>' { Style::Typed } else { Style::Plain };
        lines.push(Line::of(style, format!("{mark} {}", choices[place].fitted(columns.saturating_sub(MARGIN)))));
    }
    lines.push(Line::of(Style::Plain, cut(HELP, columns)));
    let mut out = vec![];
    queue!(out, Hide, Clear(ClearType::All))?;
    for (line, row) in lines.iter().zip(0..) {
        queue!(out, MoveTo(0, row), Print(line.printed(ui.is_colourful())))?;
    }
    queue!(out, MoveTo(end.try_into().unwrap_or(u16::MAX), 0), Show)?;
    Ok(out)
}
