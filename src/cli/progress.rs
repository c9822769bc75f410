//! How far it is, for a person who waits at a terminal.

use super::screen::Screen;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// From how many columns on there is room for a bar.
const WIDE: usize = 70;

/// A bar on a terminal, nothing elsewhere.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Starts a bar of `steps` stages.
    pub fn stages(steps: u64) -> Self {
        Self::new(steps, ["{spinner} [{bar:20}] {pos}/{len} {elapsed} {wide_msg}", "{spinner} {pos}/{len} {wide_msg}"])
    }

    /// Starts a bar of `bytes` bytes.
    pub fn bytes(bytes: u64, message: &'static str) -> Self {
        let wide = "{spinner} [{bar:20}] {bytes}/{total_bytes} {eta} {wide_msg}";
        let bar = Self::new(bytes, [wide, "{spinner} {bytes}/{total_bytes} {wide_msg}"]);
        bar.bar.set_message(message);
        bar
    }

    /// The templates are for a terminal that is wide, and for another.
    fn new(length: u64, [wide, narrow]: [&str; 2]) -> Self {
        let seen = std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        // To ask how wide it is may take a process where there is none.
        let template = if seen && Screen::here().columns < WIDE { narrow } else { wide };
        let style = ProgressStyle::with_template(template).expect("a valid template");
        // ASCII, which every terminal draws.
        bar.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    /// Enters the next stage.
    pub fn stage(&self, name: &str) {
        self.bar.inc(1);
        self.bar.set_message(name.to_owned());
    }

    /// Moves on by some bytes.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
