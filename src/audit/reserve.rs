//! Room kept for what must be written when the disk is full.

use crate::durable::{self, Modes};
use crate::error::Result;
use crate::os;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// How much is kept, in bytes: room for some hundred lines.
const BYTES: u64 = 256 << 10;
/// It is filled only where so many times as much is free.
const FREE_FACTOR: u64 = 16;

fn path(folder: &Path) -> PathBuf {
    folder.join("audit.reserve")
}

/// Does `write`, and where the disk is full gives the reserve up and does it once more.
pub fn with_room<T>(folder: &Path, mut write: impl FnMut() -> Result<T>) -> Result<T> {
    match write() {
        Err(error) if error.code() == "no-space" && spend(folder) => write(),
        done => done,
    }
}

/// Gives the reserve up; tells whether there was any.
fn spend(folder: &Path) -> bool {
    let file = OpenOptions::new().write(true).open(path(folder));
    file.is_ok_and(|file| {
        let any = file.metadata().is_ok_and(|metadata| os::takes_room(&metadata));
        any && file.set_len(0).and_then(|()| file.sync_all()).is_ok()
    })
}

/// Fills the reserve where it is missing and there is room to spare. A reserve that cannot be had stops nothing.
pub(super) fn fill(folder: &Path, modes: Modes) {
    let path = path(folder);
    if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= BYTES) {
        return;
    }
    if durable::free_bytes(folder).is_ok_and(|free| free < FREE_FACTOR * BYTES) {
        return;
    }
    let file = os::making(OpenOptions::new().write(true).create(true).truncate(false), modes.file).open(&path);
    if let Ok(file) = file {
        let _ = os::set_file_permissions(&file, modes.file);
        let _ = os::reserve(&file, BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn it_is_given_up_once() {
        let dir = tempfile::tempdir().unwrap();
        let full = || Error::outside("no-space", "full");
        let mut tries = 0;
        let mut write = || {
            tries += 1;
            if tries == 2 { Ok(()) } else { Err(full()) }
        };
        assert!(with_room(dir.path(), &mut write).is_err());
        fill(dir.path(), Modes::OWNER);
        assert_eq!(std::fs::metadata(path(dir.path())).unwrap().len(), BYTES);
        tries = 0;
        let mut write = || {
            tries += 1;
            if tries == 2 { Ok(()) } else { Err(full()) }
        };
        with_room(dir.path(), &mut write).unwrap();
        assert!(with_room(dir.path(), || Err::<(), _>(full())).is_err());
    }
}
