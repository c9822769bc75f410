//! The terminal's other screen, and how the terminal is given back, whatever ends or stops the program meanwhile.

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// What the terminal is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// As we found it.
    Found,
    /// On the other screen, each key heard when it is pressed.
    Apart,
    /// Given back for as long as we are stopped, or because we end.
    GivenBack,
}

/// Held by whoever changes it or draws; signals are heard on threads of their own.
static STATE: Mutex<State> = Mutex::new(State::Found);
static LISTENS: Once = Once::new();

/// The terminal's other screen, which holds the list alone, and on which each key is heard when it is pressed.
pub struct ScreenApart;

impl ScreenApart {
    /// Goes there; dropped, it goes back.
    ///
    /// Returns an error where the terminal cannot do that.
    pub fn enter() -> io::Result<Self> {
        LISTENS.call_once(|| {
            crate::process::before_exit(give_back);
            crate::os::around_leaving(give_back, take_again);
        });
        let apart = Self;
        let went = {
            let mut state = state();
            *state = State::Apart;
            go_apart()
        };
        went.map(|()| apart)
    }

    /// Shows a drawing in one piece, so that nothing is seen in between.
    pub fn show(&self, drawing: &[u8]) -> io::Result<()> {
        let state = state();
        if *state != State::Apart {
            return Ok(());
        }
        let mut terminal = io::stderr().lock();
        terminal.write_all(drawing)?;
        terminal.flush()
    }
}

impl Drop for ScreenApart {
    fn drop(&mut self) {
        let mut state = state();
        if *state == State::Apart {
            go_back();
        }
        *state = State::Found;
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn give_back() {
    let mut state = state();
    if *state == State::Apart {
        go_back();
        *state = State::GivenBack;
    }
}

fn take_again() {
    let mut state = state();
    if *state == State::GivenBack {
        *state = State::Apart;
        let _ = go_apart();
    }
}

fn go_apart() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    execute!(io::stderr(), EnterAlternateScreen, EnableBracketedPaste)
}

/// The terminal may be gone, and then nothing of it is left to be put right.
fn go_back() {
    let _ = execute!(io::stderr(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = terminal::disable_raw_mode();
}
