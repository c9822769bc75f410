//! Turns at heavy work: a few processes of a user at once on this host, the others in the order they came.
//!
//! Each takes a ticket, a numbered file that it keeps locked; it may go as soon as fewer than so many living tickets have
//! smaller numbers. A ticket whose lock is free belongs to a process that died, and whoever sees it removes it.

use crate::error::{AtPath, Error, Kind, Result};
use crate::lock;
use crate::os;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a process that waits looks again.
const LOOK: Duration = Duration::from_millis(5);

/// The right to do heavy work, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    ticket: PathBuf,
    _locked: File,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // While the lock is still ours, so that nobody takes the ticket for a dead one's.
        let _ = std::fs::remove_file(&self.ticket);
    }
}

/// Waits for a turn, of which half as many as there are cores are taken at once.
///
/// Returns [`Kind::Busy`] where none came within `wait`, and [`Kind::Unsafe`] where somebody else has taken our folder in
/// `/tmp`.
pub fn take(wait: Duration) -> Result<Turn> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    take_in(&own_folder()?, (cores / 2).max(1), wait)
}

/// Makes the folder of this user's tickets. Not where `TMPDIR` says: all processes of the user must see the same one.
fn own_folder() -> Result<PathBuf> {
    let user = os::user();
    let folder = PathBuf::from(format!("/tmp/git-cairn-{user}"));
    match os::make_private_folder(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).at("create the folder", &folder);
        }
        _ => {}
    }
    let metadata = std::fs::symlink_metadata(&folder).at("read", &folder)?;
    if metadata.is_dir() && os::is_ours(&metadata) && os::permissions(&metadata) & 0o022 == 0 {
        return Ok(folder);
    }
    Err(Error::refused("turns", format!("{} is not a folder of ours alone", folder.display()))
        .hint("remove it, or ask whoever owns it to"))
}

fn take_in(folder: &Path, at_once: usize, wait: Duration) -> Result<Turn> {
    let deadline = Instant::now() + wait;
    let turn = draw(folder, wait)?;
    while living_before(folder, &turn.ticket)? >= at_once {
        if Instant::now() >= deadline {
            let message = format!("{at_once} backups at once are made on this host, and others wait before this one");
            return Err(Error::new(Kind::Busy, "busy", message).hint("wait for them, then run this again"));
        }
        std::thread::sleep(LOOK);
    }
    Ok(turn)
}

/// Takes the ticket after the last one. It is locked before it is seen, and numbers are given one at a time, so that none
/// appears before one that has looked already.
fn draw(folder: &Path, wait: Duration) -> Result<Turn> {
    let _one_at_a_time = lock::take(&folder.join("draw.lock"), 0o600, wait)?;
    let last = tickets(folder)?.into_iter().map(|(number, _)| number).max().unwrap_or(0);
    let fresh = folder.join(format!("new-{}", std::process::id()));
    let locked = File::create(&fresh).at("create", &fresh)?;
    locked.lock().at("lock", &fresh)?;
    let ticket = folder.join(format!("{:020}", last + 1));
    std::fs::rename(&fresh, &ticket).at("rename to", &ticket)?;
    Ok(Turn { ticket, _locked: locked })
}

fn tickets(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let entries = std::fs::read_dir(folder).at("read the folder", folder)?.flatten();
    Ok(entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))).collect())
}

/// Counts the living tickets with smaller numbers.
fn living_before(folder: &Path, own: &Path) -> Result<usize> {
    let mut living = 0;
    for (_, path) in tickets(folder)?.into_iter().filter(|(_, path)| path.as_path() < own) {
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock_shared().is_ok() {
            let _ = std::fs::remove_file(&path);
        } else {
            living += 1;
        }
    }
    Ok(living)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn no_more_than_so_many_work_at_once_and_in_the_order_they_came() {
        let dir = tempfile::tempdir().unwrap();
        let (working, order) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let first = take_in(dir.path(), 1, Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (working, order, folder) = (&working, &order, dir.path());
                scope.spawn(move || {
                    let _turn = take_in(folder, 1, Duration::from_secs(60)).unwrap();
                    assert_eq!(working.fetch_add(1, Ordering::SeqCst), 0);
                    order.lock().unwrap().push(n);
                    std::thread::sleep(Duration::from_millis(2));
                    working.fetch_sub(1, Ordering::SeqCst);
                });
                while tickets(folder).unwrap().len() < n + 2 {
                    std::thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3]);
        assert!(tickets(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn the_dead_hold_nobody_up_and_the_living_do() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(format!("{:020}", 7)), b"").unwrap();
        let turn = take_in(dir.path(), 1, Duration::ZERO).unwrap();
        assert_eq!(take_in(dir.path(), 1, Duration::from_millis(20)).unwrap_err().kind(), Kind::Busy);
        let second = take_in(dir.path(), 2, Duration::ZERO).unwrap();
        drop((turn, second));
        take_in(dir.path(), 1, Duration::ZERO).unwrap();
    }
}
