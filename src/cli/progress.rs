//! How far it is, for a person who waits at a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A bar on a terminal, nothing elsewhere.
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Starts a bar of `steps` stages.
    pub fn stages(steps: u64) -> Self {
        Self::new(steps, "{spinner} [{bar:20}] {pos}/{len} {msg} ({elapsed})")
    }

    /// Starts a bar of `bytes` bytes.
    pub fn bytes(bytes: u64, message: &'static str) -> Self {
        let bar = Self::new(bytes, "{spinner} [{bar:20}] {bytes}/{total_bytes} {msg} ({eta})");
        bar.bar.set_message(message);
        bar
    }

    fn new(length: u64, template: &str) -> Self {
        let target =
            if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template(template).expect("a valid template");
        bar.set_style(style.progress_chars("=> "));
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
