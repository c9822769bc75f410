//! Standard output for results, standard error for talk, and neither for a reader that has gone away.

use super::style::{Colors, Line, Style};
use crate::error::{Error, Kind, Result};
use crate::git::Place;
use crate::uncommitted::patch::Paint;
use serde::Serialize;
use serde_json::json;
use std::cell::OnceCell;
use std::io::{IsTerminal, Write};

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
        self.say_line(&Line::of(Style::Caution, "warning:").then(Style::Plain, format!(" {text}")));
    }

    /// Says what to do next.
    pub fn hint(&self, text: &str) {
        self.say_line(&Line::of(Style::Caution, "hint:").then(Style::Plain, format!(" {text}")));
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
            self.say_line(&Line::of(Style::Bad, "error:").then(Style::Plain, format!(" {error}")));
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

    /// Asks a question and returns the answer; `None` where nobody answers any more.
    pub fn ask_for(&self, question: &str) -> Option<String> {
        let _ = write!(std::io::stderr().lock(), "{question} ");
        let mut answer = String::new();
        let read = crate::process::idle(|| std::io::stdin().read_line(&mut answer)).ok()?;
        (read > 0).then(|| answer.trim().to_owned())
    }

    /// Asks a question to be answered with y or yes; anything else is no.
    pub fn ask(&self, question: &str) -> bool {
        let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = crate::process::idle(|| std::io::stdin().read_line(&mut answer));
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

/// Prints a line; a reader that has gone away, such as `head`, is no error.
fn print(to: &mut impl Write, line: &Line, colored: bool) {
    let _ = writeln!(to, "{}", line.printed(colored));
}
