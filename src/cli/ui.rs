//! Standard output for results, standard error for talk, and neither for a reader that has gone away.

use super::screen::{Screen, Sheet, advice, ascii, broken, draws_unicode};
use super::style::{Colors, Line, Style};
use super::table;
use crate::error::{Error, Kind, Result};
use crate::git::{Config, Place};
use crate::uncommitted::patch::Paint;
use serde::Serialize;
use serde_json::json;
use std::cell::OnceCell;
use std::io::{IsTerminal, Write};
use unicode_width::UnicodeWidthStr;

/// Where a command prints.
pub struct Ui {
    json: bool,
    printed: bool,
    place: Place,
    /// Asked for when something is printed that may have a color.
    colors: OnceCell<Colors>,
}

impl Ui {
    /// Makes one; with `json` exactly one document goes to standard output.
    pub fn new(json: bool) -> Self {
        Self { json, printed: false, place: Place::default(), colors: OnceCell::new() }
    }

    /// Learns where the person is, and so whose settings hold.
    pub fn stand_at(&mut self, place: &Place) {
        self.place = place.clone();
        self.colors = OnceCell::new();
    }

    /// Learns the settings of the repository that the person means, so that git need not be asked for them.
    pub fn go_by(&mut self, settings: &Config) {
        self.colors = Colors::by(settings).into();
    }

    fn colors(&self) -> Colors {
        // Nobody looks at the talk beside a document.
        if self.json { Colors::OFF } else { *self.colors.get_or_init(|| Colors::here(&self.place)) }
    }

    /// Tells whether JSON was asked for.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Prints a line of the result; nothing in it can steer a terminal.
    pub fn result(&mut self, line: &str) {
        print(&mut std::io::stdout().lock(), &Line::of(Style::Plain, line), false);
    }

    /// Prints a line of the result in color, where color is wanted.
    pub fn result_line(&mut self, line: &Line) {
        print(&mut std::io::stdout().lock(), line, self.colors().stdout);
    }

    /// Prints a sentence of the result behind what it begins with; on a terminal it is broken at its spaces, below itself.
    pub fn result_text(&mut self, lead: &str, text: &str) {
        let safe = crate::text::shown(text.as_bytes());
        let room = Screen::here().columns.saturating_sub(lead.width());
        let lines = if std::io::stdout().is_terminal() { broken(&safe, room) } else { vec![safe] };
        for (n, line) in lines.iter().enumerate() {
            let lead = if n == 0 { lead.to_owned() } else { " ".repeat(lead.width()) };
            self.result(&format!("{lead}{line}"));
        }
    }

    /// Prints a table, with its first row as titles where it has some; on a terminal it is folded to its width.
    pub fn result_table(&mut self, rows: &[Vec<String>], titled: bool) {
        let columns = if std::io::stdout().is_terminal() { Screen::here().columns } else { usize::MAX };
        let safe = |row: &Vec<String>| row.iter().map(|cell| crate::text::shown(cell.as_bytes())).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(safe).collect();
        for (n, lines) in table::folded(&rows, columns).iter().enumerate() {
            let style = if titled && n == 0 { Style::Strong } else { Style::Plain };
            for line in lines {
                self.result_line(&Line::of(style, line));
            }
        }
    }

    /// Prints what is about to be done as a result, so that it fits where a terminal shows it.
    pub fn result_sheet(&mut self, sheet: &Sheet) {
        for line in sheet.lines(std::io::stdout().is_terminal().then(Screen::here)) {
            self.result_line(&line);
        }
    }

    /// Says what is about to be done, so that it fits where a terminal shows it.
    pub fn say_sheet(&self, sheet: &Sheet) {
        for line in sheet.lines(std::io::stderr().is_terminal().then(Screen::here)) {
            self.say_line(&line);
        }
    }

    /// Prints the one JSON document.
    pub fn document(&mut self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("text serializes");
        self.printed = true;
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Says something to the person.
    pub fn say(&self, line: &str) {
        print(&mut std::io::stderr().lock(), &Line::of(Style::Plain, line), false);
    }

    /// Says something in color, where color is wanted.
    pub fn say_line(&self, line: &Line) {
        print(&mut std::io::stderr().lock(), line, self.colors().stderr);
    }

    /// Says what the person should know.
    pub fn warn(&self, text: &str) {
        self.say_marked(Style::Caution, "warning:", text);
    }

    /// Says a sentence behind a word in color; on a terminal it is broken at its spaces.
    fn say_marked(&self, style: Style, word: &str, text: &str) {
        let text = format!("{word} {}", crate::text::shown(text.as_bytes()));
        let lines = if std::io::stderr().is_terminal() { broken(&text, Screen::here().columns) } else { vec![text] };
        for line in lines {
            self.say_line(&Line::marked(style, word, &line));
        }
    }

    /// Says what to do next; a command in it stays on one line, for it is copied.
    pub fn hint(&self, text: &str) {
        let text = format!("hint: {}", crate::text::shown(text.as_bytes()));
        let lines = if std::io::stderr().is_terminal() { advice(&text, Screen::here().columns) } else { vec![text] };
        for line in lines {
            self.say_line(&Line::marked(Style::Caution, "hint:", &line));
        }
    }

    /// Gives the document for a command line that makes no sense, of which `told` was printed already.
    pub fn misused(&mut self, told: &str) {
        if self.json {
            let (what, rest) = told.split_once("\n\n").unwrap_or((told, ""));
            let message = what.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
            let hint = rest.lines().find(|line| line.starts_with("Usage: "));
            let exit = Kind::Usage.exit_code();
            self.document(
                &json!({"schema": 1, "error": {"code": "usage", "exit": exit, "message": message, "hint": hint}}),
            );
        }
    }

    /// Says what went wrong; as a document where one was asked for and none was printed.
    pub fn fail(&mut self, error: &Error) {
        // Who interrupts knows it.
        if error.kind() != Kind::Interrupted {
            self.say_marked(Style::Bad, "error:", &error.to_string());
        }
        if let Some(hint) = error.next_step() {
            self.hint(hint);
        }
        self.fail_quietly(error);
    }

    /// Says what went wrong only as the document that was asked for.
    pub fn fail_quietly(&mut self, error: &Error) {
        if self.json && !self.printed {
            let (code, exit) = (error.code(), error.kind().exit_code());
            let document = json!({"schema": 1, "error": {"code": code, "exit": exit, "message": error.to_string(), "hint": error.next_step()}});
            self.document(&document);
        }
    }

    /// Tells whether what a person sees may have colours.
    pub fn is_colourful(&self) -> bool {
        self.colors().stderr
    }

    /// Returns how a patch is to be printed: to the byte, unless a person reads it on a terminal or through git's pager.
    pub fn paint(&self) -> Paint {
        let read = std::io::stdout().is_terminal() || std::env::var_os("GIT_PAGER_IN_USE").is_some();
        match (read, self.colors().stdout) {
            (false, _) => Paint::Exact,
            (true, false) => Paint::Escaped,
            (true, true) => Paint::Colored,
        }
    }

    /// Tells whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Writes a patch for a person to read before a question.
    pub fn say_patch(&self, write: impl FnOnce(Paint, &mut dyn Write) -> Result<()>) -> Result<()> {
        let paint = if self.colors().stderr { Paint::Colored } else { Paint::Escaped };
        write(paint, &mut std::io::stderr().lock())
    }

    /// Writes a patch that is a result.
    pub fn result_patch(&self, write: impl FnOnce(Paint, &mut dyn Write) -> Result<()>) -> Result<()> {
        write(self.paint(), &mut std::io::stdout().lock())
    }

    /// Returns what lets a person be asked who cannot be because git's pager reads along.
    pub fn way_to_be_asked(&self) -> Option<&'static str> {
        let paged = std::env::var_os("GIT_PAGER_IN_USE").is_some() && std::io::stdin().is_terminal();
        (paged && !self.json).then_some("to be asked, go without the pager: git --no-pager cairn")
    }

    /// Asks a question and returns the answer; `None` where nobody answers any more.
    pub fn ask_for(&self, question: &str) -> Option<String> {
        let question = drawn(question, true);
        let _ = write!(std::io::stderr().lock(), "{question} ");
        let mut answer = String::new();
        let read = crate::process::idle(|| std::io::stdin().read_line(&mut answer)).ok()?;
        (read > 0).then(|| answer.trim().to_owned())
    }

    /// Asks to type a word and tells whether it was typed, as it is or as the terminal shows it.
    pub fn ask_for_word(&self, word: &str) -> bool {
        let answer = self.ask_for(&format!("Type {word} to do it:"));
        // No name of a branch has the mark that stands for what cannot be drawn (git-check-ref-format(1)).
        answer.is_some_and(|answer| answer == word || answer == drawn(word, true))
    }

    /// Asks a question to be answered with y or yes; anything else is no.
    pub fn ask(&self, question: &str) -> bool {
        let answer = self.ask_for(&format!("{question} [y/N]"));
        answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }
}

/// Prints a line; a reader that has gone away, such as `head`, is no error.
fn print(to: &mut (impl Write + IsTerminal), line: &Line, colored: bool) {
    let text = drawn(&line.printed(colored), to.is_terminal());
    let _ = writeln!(to, "{text}");
}

/// Returns what of a text can be drawn: a terminal whose locale has no more is given ASCII.
fn drawn(text: &str, terminal: bool) -> String {
    if terminal && !draws_unicode() { ascii(text) } else { text.to_owned() }
}
