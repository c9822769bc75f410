//! Ending a process, and everything it started, when its time is over.

use crate::os;
use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Instant;

/// Watches a process that leads a group of its own, for as long as this is kept.
#[derive(Debug)]
pub(super) struct Limit {
    /// Nothing is ever sent: that it is gone is the message.
    _kept: Sender<()>,
}

impl Limit {
    /// Ends the child and its group at the deadline.
    pub(super) fn on(child: &Child, deadline: Instant) -> Self {
        let (kept, gone) = channel();
        let leader = child.id();
        std::thread::spawn(move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if gone.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                os::kill_group(leader);
            }
        });
        Self { _kept: kept }
    }
}
