//! A patch as a program reads it, or as a terminal shows it.

use crate::error::{AtPath, Result};
use crate::text::shown;
use std::io::Write;
use std::path::Path;

/// Who reads the patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A program: every byte as it is.
    Exact,
    /// A person: nothing that steers a terminal, and of what is no text only that it differs.
    Escaped,
    /// The same in git's colours.
    Colored,
}

/// What a line is; git's own colours for each (git-config(1), `color.diff.<slot>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Header,
    Hunk,
    Context,
    Old,
    New,
}

impl Role {
    fn colour(self) -> &'static str {
        match self {
            Self::Header => "\x1b[1m",
            Self::Hunk => "\x1b[36m",
            Self::Context => "",
            Self::Old => "\x1b[31m",
            Self::New => "\x1b[32m",
        }
    }
}

/// Writes lines.
pub(super) struct Painter<'a> {
    paint: Paint,
    out: &'a mut dyn Write,
}

impl<'a> Painter<'a> {
    pub(super) fn new(paint: Paint, out: &'a mut dyn Write) -> Self {
        Self { paint, out }
    }

    /// Writes a line of ours.
    pub(super) fn line(&mut self, role: Role, text: &str) -> Result<()> {
        self.bytes(role, text.as_bytes())
    }

    /// Writes a line, which must not hold its line feed.
    pub(super) fn bytes(&mut self, role: Role, line: &[u8]) -> Result<()> {
        match (self.paint, role.colour()) {
            (Paint::Exact, _) => self.raw(&[line, b"\n"].concat()),
            (Paint::Escaped, _) | (Paint::Colored, "") => self.raw(format!("{}\n", visible(line)).as_bytes()),
            (Paint::Colored, colour) => self.raw(format!("{colour}{}\x1b[m\n", visible(line)).as_bytes()),
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).at("write", Path::new("the patch"))
    }
}

/// Text from outside as a terminal may have it; a tab is harmless there and code is full of them.
fn visible(line: &[u8]) -> String {
    line.split(|byte| *byte == b'\t').map(shown).collect::<Vec<_>>().join("\t")
}
