//! Color, by the rules that git's own commands follow.
//!
//! `color.cairn`, else `color.ui`, says `always`, `never` or `auto`; `auto` is the default: a terminal that is not dumb, or git's
//! pager. `NO_COLOR` (no-color.org) turns `auto` off. Text is escaped before it is colored, so nothing in it can steer a terminal.

use crate::git::{Config, Place, settings};
use crate::os;
use crate::text::shown;
use std::ffi::OsStr;
use std::io::IsTerminal;

/// What a piece of a line is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text.
    Plain,
    /// What is to be seen first: a title, the line that says what will change.
    Strong,
    /// It is well.
    Good,
    /// Look here.
    Caution,
    /// It is not well.
    Bad,
    /// What a person types.
    Typed,
    /// What a change brings, as in git's patches.
    Added,
    /// What a change takes away.
    Removed,
}

impl Style {
    /// The colors are git's own for the same things; all are of the eight that every terminal has.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Good | Self::Added => "32",
            Self::Caution => "33",
            Self::Bad => "1;31",
            Self::Removed => "31",
            Self::Typed => "36",
        }
    }
}

/// A line in pieces.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pieces: Vec<(Style, String)>,
}

impl Line {
    /// Makes a line of one piece.
    pub fn of(style: Style, text: impl AsRef<[u8]>) -> Self {
        Self::default().then(style, text)
    }

    /// Makes a line in whose start a word has a style of its own, if it is there.
    pub fn marked(style: Style, word: &str, line: &str) -> Self {
        match line.strip_prefix(word) {
            Some(rest) => Self::of(style, word).then(Style::Plain, rest),
            None => Self::of(Style::Plain, line),
        }
    }

    /// Adds a piece; what in it could steer a terminal is escaped.
    #[must_use]
    pub fn then(mut self, style: Style, text: impl AsRef<[u8]>) -> Self {
        self.pieces.push((style, shown(text.as_ref())));
        self
    }

    /// Returns the line as it is printed.
    pub fn printed(&self, colored: bool) -> String {
        let piece = |(style, text): &(Style, String)| match style.code() {
            code if colored && !code.is_empty() && !text.is_empty() => format!("\x1b[{code}m{text}\x1b[m"),
            _ => text.clone(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// Whether each of the two streams is colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colors {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Colors {
    /// Nothing is.
    pub const OFF: Self = Self { stdout: false, stderr: false };

    /// Asks git's settings, the environment and the two streams.
    pub fn here(place: &Place) -> Self {
        Self::by(&settings(place, &["color.cairn", "color.ui", "color.pager"]))
    }

    /// The same by settings that are known.
    pub fn by(settings: &Config) -> Self {
        let around = Around {
            no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            dumb: std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == OsStr::new("dumb")),
            pager: std::env::var("GIT_PAGER_IN_USE").is_ok_and(|value| is_true(&value)),
            terminals: [std::io::stdout().is_terminal(), std::io::stderr().is_terminal()].map(|is| is && os::colors()),
        };
        decide(settings, &around)
    }
}

/// What beside git's settings has a say.
struct Around {
    no_color: bool,
    dumb: bool,
    pager: bool,
    terminals: [bool; 2],
}

fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

/// As git's `want_color_fd`: the more exact key wins, and true means where a person looks.
fn decide(config: &Config, around: &Around) -> Colors {
    let wish = config.get("color", "cairn").or_else(|| config.get("color", "ui")).unwrap_or_default().to_lowercase();
    match wish.as_str() {
        "always" => return Colors { stdout: true, stderr: true },
        "never" | "false" | "no" | "off" | "0" => return Colors::OFF,
        _ => {}
    }
    if around.no_color || around.dumb {
        return Colors::OFF;
    }
    let paged = around.pager && config.is_true("color", "pager") != Some(false);
    Colors { stdout: around.terminals[0] || paged, stderr: around.terminals[1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colors(lines: &[&str], change: impl FnOnce(&mut Around)) -> [bool; 2] {
        let mut around = Around { no_color: false, dumb: false, pager: false, terminals: [true, false] };
        change(&mut around);
        let Colors { stdout, stderr } = decide(&Config::of(lines), &around);
        [stdout, stderr]
    }

    #[test]
    fn the_more_exact_setting_wins_and_auto_looks_where_the_text_goes() {
        let off = [false, false];
        assert_eq!(colors(&[], |_| {}), [true, false]);
        assert_eq!(colors(&["color.ui=always", "color.cairn=never"], |_| {}), off);
        assert_eq!(colors(&["color.ui=never", "color.cairn=auto"], |_| {}), [true, false]);
        assert_eq!(colors(&["color.cairn=always"], |around| around.no_color = true), [true, true]);
        assert_eq!(colors(&["color.ui=true"], |around| around.no_color = true), off);
        assert_eq!(colors(&[], |around| around.dumb = true), off);
        let paged = |around: &mut Around| (around.pager, around.terminals) = (true, [false, true]);
        assert_eq!(colors(&[], paged), [true, true]);
        assert_eq!(colors(&["color.pager=false"], paged), [false, true]);
    }

    #[test]
    fn nothing_in_a_line_colors_it_but_its_style() {
        let line = Line::of(Style::Good, "a\x1b[31m").then(Style::Plain, "\tb");
        assert_eq!(line.printed(true), "\x1b[32ma\\u{1b}[31m\x1b[m\\u{9}b");
        assert_eq!(line.printed(false), "a\\u{1b}[31m\\u{9}b");
    }
}
