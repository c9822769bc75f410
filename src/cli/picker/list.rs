//! A list that is chosen from: what is typed, which lines it leaves, and on which of them one is.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// How far a key has brought the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Open,
    /// The line of this place was taken.
    Taken(usize),
    /// The person leaves.
    Left,
}

/// Where the person is in a list.
pub struct List<'a> {
    /// What each line is found by, in lower case.
    searched: Vec<&'a str>,
    /// What was typed.
    pub typed: String,
    /// The places of the lines in which every typed word stands, in their order.
    found: Vec<usize>,
    /// The line that would be taken, among those that were found.
    at: usize,
    /// The first of them that is shown.
    top: usize,
}

impl<'a> List<'a> {
    /// Begins at the first line.
    pub fn of(searched: Vec<&'a str>) -> Self {
        let found = (0..searched.len()).collect();
        Self { searched, typed: String::new(), found, at: 0, top: 0 }
    }

    /// Takes what came from the terminal, on which so many lines are shown.
    pub fn take(&mut self, event: &Event, page: usize) -> Step {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(key, page),
            Event::Paste(text) => self.search(|typed| typed.extend(text.chars().filter(|c| !c.is_control()))),
            _ => Step::Open,
        }
    }

    fn press(&mut self, key: &KeyEvent, page: usize) -> Step {
        let last = self.found.len().saturating_sub(1);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Step::Left,
            KeyCode::Char('c' | 'd') if control => return Step::Left,
            KeyCode::Enter => return self.found.get(self.at).map_or(Step::Open, |place| Step::Taken(*place)),
            KeyCode::Up => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Char('p') if control => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Down => self.at = if self.at < last { self.at + 1 } else { 0 },
            KeyCode::Char('n') if control => self.at = if self.at < last { self.at + 1 } else { 0 },
            KeyCode::PageUp => self.at = self.at.saturating_sub(page),
            KeyCode::PageDown => self.at = (self.at + page).min(last),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = last,
            KeyCode::Backspace => {
                return self.search(|typed| typed.truncate(typed.char_indices().next_back().map_or(0, |(end, _)| end)));
            }
            KeyCode::Char('u') if control => return self.search(String::clear),
            KeyCode::Char('w') if control => {
                return self.search(|typed| typed.truncate(typed.trim_end().rfind(' ').map_or(0, |end| end + 1)));
            }
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                return self.search(|typed| typed.push(c));
            }
            _ => {}
        }
        Step::Open
    }

    /// Changes what is typed; the lines that are left keep their order, and the first is the one.
    fn search(&mut self, change: impl FnOnce(&mut String)) -> Step {
        change(&mut self.typed);
        let typed = self.typed.to_lowercase();
        let fits = |place: &usize| typed.split_whitespace().all(|word| self.searched[*place].contains(word));
        self.found = (0..self.searched.len()).filter(fits).collect();
        self.at = 0;
        Step::Open
    }

    /// Returns the places of the lines to be shown where so many fit, each with the mark before it: of the one that would be
    /// taken, or of more above or below.
    pub fn shown(&mut self, page: usize) -> Vec<(char, usize)> {
        let page = page.max(1);
        self.top = self.top.min(self.at).max((self.at + 1).saturating_sub(page));
        self.top = self.top.min(self.found.len().saturating_sub(page));
        let end = self.found.len().min(self.top + page);
        let mark = |n: usize| match n {
            n if n == self.at => '>',
            n if n == self.top && n > 0 => '^',
            n if n + 1 == end && end < self.found.len() => 'v',
            _ => ' ',
        };
        (self.top..end).map(|n| (mark(n), self.found[n])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(list: &mut List<'_>, code: KeyCode) -> Step {
        list.take(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)), 3)
    }

    fn marks(list: &mut List<'_>, page: usize) -> String {
        list.shown(page).iter().map(|(mark, place)| format!("{mark}{place}")).collect()
    }

    #[test]
    fn a_line_is_found_by_any_of_its_words_in_any_order() {
        let mut list = List::of(vec!["aa", "1234abcd  fix the page, anna live_3", "the page dev"]);
        list.take(&Event::Paste("PAGE live\n".into()), 3);
        assert_eq!((list.typed.clone(), marks(&mut list, 3)), ("PAGE live".into(), ">1".into()));
        list.take(&Event::Key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL)), 3);
        assert_eq!((list.typed.clone(), marks(&mut list, 3)), ("PAGE ".into(), ">1 2".into()));
        press(&mut list, KeyCode::Char('q'));
        assert_eq!(press(&mut list, KeyCode::Enter), Step::Open, "nothing is there to be taken");
        press(&mut list, KeyCode::Backspace);
        press(&mut list, KeyCode::Down);
        assert_eq!(press(&mut list, KeyCode::Enter), Step::Taken(2));
        assert_eq!(press(&mut list, KeyCode::Esc), Step::Left);
    }

    #[test]
    fn the_line_that_would_be_taken_is_always_shown() {
        let mut list = List::of(vec!["x"; 9]);
        assert_eq!(marks(&mut list, 3), ">0 1v2");
        for (key, shown) in [
            (KeyCode::Up, "^6 7>8"),
            (KeyCode::Down, ">0 1v2"),
            (KeyCode::PageDown, "^1 2>3"),
            (KeyCode::Down, "^2 3>4"),
            (KeyCode::Up, "^2>3v4"),
            (KeyCode::End, "^6 7>8"),
            (KeyCode::PageUp, ">5 6v7"),
            (KeyCode::Home, ">0 1v2"),
        ] {
            press(&mut list, key);
            assert_eq!(marks(&mut list, 3), shown, "{key:?}");
        }
        // On a terminal that grows and shrinks.
        press(&mut list, KeyCode::End);
        assert_eq!(marks(&mut list, 1), ">8");
        assert_eq!(marks(&mut list, 20), " 0 1 2 3 4 5 6 7>8");
    }
}
