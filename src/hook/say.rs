//! What a hook says to the person who pushes.
//!
//! git colors lines that begin with `success:`, `hint:`, `warning:` or `error:`. A client that went away leaves a pipe
//! that nobody reads, and a hook that fills it hangs for ever: so what is said is bounded, and a failed write is no error.

use crate::error::Error;
use crate::guard::Line;
use crate::text::shown;
use std::io::Write;

/// The most that one hook says, in bytes; a pipe holds 64 KiB, and others write into it too.
const SAID_MAX: usize = 8 * 1024;
/// The longest line, in characters.
const LINE_MAX: usize = 400;
/// The longest hint: a command that is cut short is of no use.
const HINT_MAX: usize = 1000;

/// What a document for programs begins with.
const DOCUMENT: &str = "hint: cairn ";

/// Says lines, while there is room.
pub struct Voice {
    said: usize,
    reserved: usize,
}

impl Voice {
    /// Begins to speak.
    pub fn new() -> Self {
        Self { said: 0, reserved: 0 }
    }

    /// Says that something was done.
    pub fn success(&mut self, text: &str) {
        self.line("success", text);
    }

    /// Says what to do next.
    pub fn hint(&mut self, text: &str) {
        self.line("hint", text);
    }

    /// Says what the person should know.
    pub fn warning(&mut self, text: &str) {
        self.line("warning", text);
    }

    /// Says what was refused.
    pub fn refusal(&mut self, text: &str) {
        self.line("error", text);
    }

    /// Says what failed, and what to do about it.
    pub fn error(&mut self, error: &Error) {
        self.line("error", &error.to_string());
        if let Some(hint) = error.next_step() {
            self.line("hint", hint);
        }
    }

    /// Keeps room for a document that is to be said last.
    pub fn reserve(&mut self, document: &str) {
        self.reserved = document.len() + DOCUMENT.len() + 1;
    }

    /// Says a document for programs: a hint as well, so that a person is not alarmed by it.
    pub fn document(&mut self, document: &str) {
        self.reserved = 0;
        self.write(&format!("{DOCUMENT}{document}\n"));
    }

    /// Says a line of a verdict.
    pub fn tell(&mut self, line: &Line) {
        match line {
            Line::Error(text) => self.refusal(text),
            Line::Warning(text) => self.warning(text),
            Line::Hint(text) => self.hint(text),
        }
    }

    fn line(&mut self, word: &str, text: &str) {
        // Names and subjects are others' words: whatever was not escaped where the line was made is here.
        let text = shown(text.lines().collect::<Vec<_>>().join(" ").as_bytes());
        let most = if word == "hint" { HINT_MAX } else { LINE_MAX };
        let text: String = text.chars().take(most).collect();
        self.write(&format!("{word}: {text}\n"));
    }

    fn write(&mut self, line: &str) {
        if self.said + line.len() + self.reserved <= SAID_MAX {
            self.said += line.len();
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
