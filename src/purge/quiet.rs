//! A time in which no push relies on what is pruned.
//!
//! A push that is half in takes an object that is there already for its own. So first a lock is taken that makes the hook
//! refuse, then every process that receives a push is waited for; and after the pruning those that came in the meantime.

use crate::error::{Error, Kind, Result};
use crate::git::Repository;
use crate::lock::{self, Lock};
use crate::queue::State;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often it is looked whether a push is over.
const LOOK: Duration = Duration::from_millis(20);

/// The quiet, until it is dropped.
#[derive(Debug)]
pub struct Quiet {
    _lock: Lock,
    git_dir: PathBuf,
    deadline: Instant,
}

/// A process that receives a push, and when it began.
type Receiver = (String, String);

fn path(state: &State) -> PathBuf {
    state.lock_path("purge")
}

/// Tells whether something is being purged, so that no push may go on. A lock that may not be looked at is taken for held.
pub fn is_going_on(state: &State) -> bool {
    let path = path(state);
    path.exists() && (std::fs::File::open(&path).is_err() || lock::is_held(&path))
}

impl Quiet {
    /// Waits for it.
    ///
    /// Returns [`Kind::Busy`] where pushes were still under way after `wait`, and a refusal where that cannot be told.
    pub fn wait(repository: &Repository, state: &State, wait: Duration) -> Result<Self> {
        if !Path::new("/proc/self/stat").exists() {
            let message = "whether pushes are under way can only be told where there is /proc";
            return Err(Error::refused("no-proc", message).hint("mount it: mount -t proc proc /proc"));
        }
        let deadline = Instant::now() + wait;
        let lock = lock::take(&path(state), state.modes().file, wait)?;
        let quiet = Self { _lock: lock, git_dir: repository.git_dir().to_owned(), deadline };
        quiet.until_received()?;
        Ok(quiet)
    }

    /// Waits until the pushes that are being received now are over.
    pub(super) fn until_received(&self) -> Result<()> {
        let mut waiting = receivers(&self.git_dir);
        while !waiting.is_empty() {
            if Instant::now() > self.deadline {
                let message = "a push to this repository is still under way";
                return Err(Error::new(Kind::Busy, "busy", message).hint("wait for it to end, then run this again"));
            }
            std::thread::sleep(LOOK);
            waiting.retain(|(process, began)| stat(process).as_ref() == Some(began));
        }
        Ok(())
    }
}

/// The processes of git that receive a push here. One whose folder may not be seen may be one.
fn receivers(git_dir: &Path) -> Vec<Receiver> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let receives = processes.filter(|process| process.bytes().all(|byte| byte.is_ascii_digit())).filter(|process| {
        let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        command.windows(b"receive-pack".len()).any(|part| part == b"receive-pack")
            && std::fs::read_link(format!("/proc/{process}/cwd")).map_or(true, |folder| folder == git_dir)
    });
    receives.filter_map(|process| Some((stat(&process)?, process))).map(|(began, process)| (process, began)).collect()
}

/// When a process began (proc_pid_stat(5), field 22); `None` where it is over.
fn stat(process: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    fields.nth(18).filter(|_| state != "Z").map(str::to_owned)
}
