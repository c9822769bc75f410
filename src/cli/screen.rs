//! What fits on a terminal: how wide and high it is, what it can draw, and lines cut or broken to that.

use crate::cli::style::{Line, Style};
use crate::deployment::PlanCommit;
use crate::os;
use crate::text::count;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The size of a terminal that does not tell its own, in columns and rows.
const SIZE: (u16, u16) = (80, 24);
/// The fewest columns and rows that are reckoned with.
const SIZE_MIN: (usize, usize) = (20, 12);
/// The rows that stay free for the question, and for the line that was typed.
const ROWS_FREE: usize = 3;
/// The most lines of one list that are shown.
const LISTED_MAX: usize = 10;
/// What stands before the lines of a list, and before what a broken line goes on with.
pub const INDENT: &str = "  ";

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// In columns.
    pub columns: usize,
    /// In rows.
    pub rows: usize,
}

impl Screen {
    /// Returns the size of the terminal we are on.
    pub fn here() -> Self {
        let (columns, rows) = crossterm::terminal::size().ok().filter(|(columns, _)| *columns > 0).unwrap_or(SIZE);
        Self { columns: usize::from(columns).max(SIZE_MIN.0), rows: usize::from(rows).max(SIZE_MIN.1) }
    }
}

/// Tells whether the locale is one whose terminals draw more than ASCII, by the variables that setlocale(3) heeds.
pub fn draws_unicode() -> bool {
    let named = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then_some(value)
    });
    let named = named.map(|value| value.to_lowercase().replace('-', ""));
    os::DRAWS_UNICODE || named.is_some_and(|value| value.ends_with("utf8") || value.contains("utf8@"))
}

/// Returns a text in ASCII: what is not is a question mark, as wide as it was.
pub fn ascii(text: &str) -> String {
    let one = |c: char| if c.is_ascii() { c.to_string() } else { "?".repeat(c.width().unwrap_or(0)) };
    text.chars().map(one).collect()
}

/// Returns as much of a line as fits in `columns`, with two points where something is missing.
pub fn cut(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut left = columns.saturating_sub(2);
    for c in line.chars() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        kept.push(c);
    }
    kept.trim_end().to_owned() + &"..".chars().take(columns).collect::<String>()
}

/// Breaks a text into lines of at most `columns`, at its spaces where it can; what it goes on with is indented.
pub fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    let mut line: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let space = usize::from(!is_empty);
        if !is_empty && line.width() + space + word.width() > columns {
            lines.push(std::mem::replace(&mut line, INDENT.into()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or(0) > columns {
                lines.push(std::mem::replace(&mut line, INDENT.into()));
            }
            line.push(c);
        }
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// As [`broken`], but that a command at the end has a line of its own, whole, so that it can be copied.
pub fn advice(text: &str, columns: usize) -> Vec<String> {
    if text.width() <= columns {
        return vec![text.to_owned()];
    }
    match text.rfind(": git ") {
        Some(end) => {
            let mut lines = broken(&text[..=end], columns);
            lines.push(format!("{INDENT}{}", &text[end + 2..]));
            lines
        }
        None if text.contains("git ") => vec![text.to_owned()],
        None => broken(text, columns),
    }
}

/// What a warning opens with.
const WARNING: &str = "warning:";

/// What a command is about to do, in lines: sentences, and lists of which as much is shown as there is room for.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
enum Block {
    Sentence(Style, String),
    /// Its first lines, and how many there are in all.
    List(Vec<(Style, String)>, usize),
}

impl Sheet {
    /// Makes one that opens with what will change, and where.
    pub fn new(title: String) -> Self {
        Self { blocks: vec![Block::Sentence(Style::Strong, title)] }
    }

    /// Adds a sentence.
    pub fn say(&mut self, style: Style, text: impl Into<String>) {
        self.blocks.push(Block::Sentence(style, text.into()));
    }

    /// Adds warnings.
    pub fn warn<'a>(&mut self, warnings: impl Iterator<Item = &'a String>) {
        for text in warnings {
            self.say(Style::Caution, format!("{WARNING} {text}"));
        }
    }

    /// Adds a list of which these are the first lines, and `total` how many it has; of nothing where it has none.
    pub fn list(&mut self, what: &str, style: Style, lines: impl Iterator<Item = String>, total: usize) {
        if total > 0 {
            self.say(Style::Plain, format!("{what}:"));
            let lines = lines.take(LISTED_MAX).map(|line| (style, line)).collect();
            self.blocks.push(Block::List(lines, total));
        }
    }

    /// Adds a list of commits, of which there are `total`.
    pub fn commits(&mut self, what: &str, style: Style, commits: &[PlanCommit], total: usize) {
        let lines = commits.iter().map(|commit| format!("{} {}, {}", &commit.id[..10], commit.subject, commit.author));
        self.list(&format!("{what}, {}", count(total, "commit")), style, lines, total);
    }

    /// Returns the lines, whole and unbroken, or so that they fit on a screen below what was typed.
    pub fn lines(&self, screen: Option<Screen>) -> Vec<Line> {
        let shares = self.shares(screen);
        let mut shares = shares.into_iter();
        let mut lines = vec![];
        for block in &self.blocks {
            match (block, screen) {
                (Block::Sentence(style, text), screen) => {
                    let safe = crate::text::shown(text.as_bytes());
                    let parts = screen.map_or_else(|| vec![safe.clone()], |screen| broken(&safe, screen.columns));
                    let warns = *style == Style::Caution;
                    lines.extend(
                        parts.iter().map(|line| {
                            if warns { Line::marked(*style, WARNING, line) } else { Line::of(*style, line) }
                        }),
                    );
                }
                (Block::List(listed, total), _) => {
                    let share = shares.next().unwrap_or(1);
                    let all = share >= *total && listed.len() == *total;
                    let shown = if all { *total } else { share.saturating_sub(1).min(listed.len()) };
                    for (style, line) in listed.iter().take(shown) {
                        let line = format!("{INDENT}{}", crate::text::shown(line.as_bytes()));
                        let line = screen.map_or_else(|| line.clone(), |screen| cut(&line, screen.columns));
                        lines.push(Line::of(*style, line));
                    }
                    if shown < *total {
                        let more = if shown > 0 { "and " } else { "" };
                        let many = if shown > 0 { " more" } else { " in all" };
                        lines.push(Line::of(Style::Plain, format!("{INDENT}{more}{}{many}", total - shown)));
                    }
                }
            }
        }
        lines
    }

    /// Returns how many rows each list gets: one each, and of what is left by turns as many as it can use.
    fn shares(&self, screen: Option<Screen>) -> Vec<usize> {
        let lists = self.blocks.iter().filter_map(|block| match block {
            Block::List(listed, total) => Some(if *total > listed.len() { listed.len() + 1 } else { *total }),
            Block::Sentence(..) => None,
        });
        let wanted: Vec<usize> = lists.collect();
        let Some(screen) = screen else { return wanted };
        let sentences = self.blocks.iter().map(|block| match block {
            Block::Sentence(_, text) => broken(&crate::text::shown(text.as_bytes()), screen.columns).len(),
            Block::List(..) => 1,
        });
        let mut left = screen.rows.saturating_sub(ROWS_FREE + sentences.sum::<usize>());
        let mut shares = vec![1; wanted.len()];
        while left > 0 && shares.iter().zip(&wanted).any(|(share, wanted)| share < wanted) {
            for (share, wanted) in shares.iter_mut().zip(&wanted) {
                if *share < *wanted && left > 0 {
                    (*share, left) = (*share + 1, left - 1);
                }
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_the_columns_it_is_drawn_in() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcd..");
        assert_eq!(cut("grün", 4), "grün");
        assert_eq!(cut("漢字漢字", 6), "漢字..");
        assert_eq!(cut("ab cdefg", 5), "ab..");
        assert_eq!((ascii("grün 漢"), ascii("e\u{301}")), ("gr?n ??".into(), "e".into()));
    }

    #[test]
    fn a_text_is_broken_at_its_spaces_and_long_words_anywhere() {
        assert_eq!(broken("one two three", 9), ["one two", "  three"]);
        assert_eq!(broken("  one two", 7), ["  one", "  two"]);
        assert_eq!(broken("on abcdefghij", 6), ["on", "  abcd", "  efgh", "  ij"]);
        assert_eq!(broken("", 9), [""]);
        assert!(broken("漢字 漢字漢字漢字", 8).iter().all(|line| line.width() <= 8));
    }

    #[test]
    fn what_is_to_be_typed_stays_whole() {
        assert_eq!(advice("hint: so: git x", 20), ["hint: so: git x"]);
        let lines = advice("hint: go back to it: git cairn reset 1234567890", 20);
        assert_eq!(lines, ["hint: go back to it:", "  git cairn reset 1234567890"]);
        assert_eq!(advice("hint: one two", 8), ["hint:", "  one", "  two"]);
        assert_eq!(advice("hint: type git x twice", 8), ["hint: type git x twice"]);
    }

    #[test]
    fn lists_share_the_rows_and_say_what_they_leave_out() {
        let mut sheet = Sheet::new("a title".into());
        for name in ["one", "two"] {
            sheet.list(name, Style::Plain, (0..60).map(|n| format!("{name} {n}")), 60);
        }
        sheet.list("none", Style::Plain, std::iter::empty(), 0);
        sheet.list("few", Style::Plain, ["x".to_owned()].into_iter(), 1);
        sheet.say(Style::Caution, "a sentence");
        let text = |screen| sheet.lines(screen).iter().map(|line| line.printed(false)).collect::<Vec<_>>();
        let small = text(Some(Screen { columns: 40, rows: 16 }));
        assert_eq!(small.len(), 16 - ROWS_FREE, "{small:?}");
        assert!(small.contains(&"  and 57 more".into()) && small.contains(&"  x".into()), "{small:?}");
        assert_eq!(text(None).iter().filter(|line| line.starts_with("  one")).count(), LISTED_MAX);
        let tiny = text(Some(Screen { columns: 40, rows: 1 }));
        assert!(tiny.contains(&"  60 in all".into()), "{tiny:?}");
    }

    #[test]
    fn of_one_more_than_are_listed_that_one_is_counted() {
        let mut sheet = Sheet::new("a title".into());
        sheet.list("one", Style::Plain, (0..=LISTED_MAX).map(|n| format!("one {n}")), LISTED_MAX + 1);
        for screen in [None, Some(Screen { columns: 40, rows: 40 })] {
            let lines: Vec<_> = sheet.lines(screen).iter().map(|line| line.printed(false)).collect();
            assert_eq!(lines.iter().filter(|line| line.starts_with("  one")).count(), LISTED_MAX, "{lines:?}");
            assert_eq!(lines.last().unwrap(), "  and 1 more");
        }
    }
}
