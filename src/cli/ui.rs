//! Standard output for results, standard error for talk, and neither for a reader that has gone away.

use crate::error::{Error, Kind};
use crate::text::shown;
use serde::Serialize;
use serde_json::json;
use std::io::{IsTerminal, Write};

/// Where a command prints.
pub struct Ui {
    json: bool,
    printed: bool,
}

impl Ui {
    /// Makes one; with `json` exactly one document goes to standard output.
    pub fn new(json: bool) -> Self {
        Self { json, printed: false }
    }

    /// Tells whether JSON was asked for.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Prints a line of the result; nothing in it can steer a terminal.
    pub fn result(&mut self, line: &str) {
        // A reader that has gone away, such as `head`, is no error.
        let _ = writeln!(std::io::stdout().lock(), "{}", shown(line.as_bytes()));
    }

    /// Prints the one JSON document.
    pub fn document(&mut self, document: &impl Serialize) {
        let text = serde_json::to_string_pretty(document).expect("text serializes");
        self.printed = true;
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Says something to the person.
    pub fn say(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", shown(line.as_bytes()));
    }

    /// Says what the person should know.
    pub fn warn(&self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    /// Says what to do next.
    pub fn hint(&self, text: &str) {
        self.say(&format!("hint: {text}"));
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
            self.say(&format!("error: {error}"));
        }
        if let Some(hint) = error.next_step() {
            self.hint(hint);
        }
        if self.json && !self.printed {
            let (code, exit) = (error.code(), error.kind().exit_code());
            let document = json!({"schema": 1, "error": {"code": code, "exit": exit, "message": error.to_string(), "hint": error.next_step()}});
            self.document(&document);
        }
    }

    /// Tells whether what a person sees may have colours.
    pub fn is_colourful(&self) -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal()
    }

    /// Tells whether a person can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks a question to be answered with y or yes; anything else is no.
    pub fn ask(&self, question: &str) -> bool {
        let _ = write!(std::io::stderr().lock(), "{question} [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}
