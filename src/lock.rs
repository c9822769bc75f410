//! Locks that the kernel frees when their holder dies, so that none is ever left behind.

use crate::error::{AtPath, Error, Kind, Result};
use crate::os;
use crate::process::Command;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a lock that is taken is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// A lock that is held until it is dropped, by an open file (`flock`).
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Lets a process that reads no input hold the lock, too: where we die before it, the lock is free when it has ended.
    ///
    /// It is its standard input, which no program hands on to what it leaves behind.
    pub fn held_by(&self, command: Command) -> Command {
        match self.file.try_clone() {
            Ok(file) => command.reading(file),
            Err(_) => command,
        }
    }
}

/// Takes the lock at `path`, waiting at most `wait`; the file is made with `mode` where it is missing.
///
/// Returns [`Kind::Busy`] when another process held it all that time.
pub fn take(path: &Path, mode: u32, wait: Duration) -> Result<Lock> {
    let file = open(path, mode)?;
    let deadline = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { file }),
            Err(TryLockError::Error(error)) => return Err(error).at("lock", path),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(RETRY),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another git-cairn holds {}", path.display());
                return Err(Error::new(Kind::Busy, "busy", message).hint("wait for it to end, then run this again"));
            }
        }
    }
}

/// Tells whether somebody holds the lock at `path` right now.
pub fn is_held(path: &Path) -> bool {
    // Shared, so that two who look at once do not take each other for a holder.
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(path: &Path, mode: u32) -> Result<File> {
    let existing = OpenOptions::new().read(true).write(true).open(path);
    if let Ok(file) = existing {
        return Ok(file);
    }
    let fresh = os::making(OpenOptions::new().read(true).write(true).create(true).truncate(false), mode).open(path);
    let file = fresh.at("open the lock", path)?;
    // The mode asked for is what counts, not the umask: a shared repository's lock is shared too.
    let _ = os::set_file_permissions(&file, mode);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = take(&path, 0o600, Duration::ZERO).unwrap();
        let refused = take(&path, 0o600, Duration::from_millis(30)).unwrap_err();
        assert_eq!(refused.kind(), Kind::Busy);
        assert!(is_held(&path) && !is_held(&dir.path().join("other")));
        drop(held);
        // A child that another test forks at this moment holds a copy of the file until it has become a program.
        take(&path, 0o600, Duration::from_secs(5)).unwrap();
    }
}
