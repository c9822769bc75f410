//! Opening what lies below a folder, name by name, without ever following a link or waiting for a pipe.

use super::Stamp;
use bstr::ByteSlice;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Opens the folder a path names. Links in it are followed: whoever typed it meant that.
pub fn open_root(folder: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Opens the folder of that name.
pub fn open_folder(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(at, name, flags, Mode::empty())?)
}

/// Opens the file of that name, which must be a regular one.
pub fn open_file(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(at, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}

/// Opens the folder of a path below another one; an empty path is that folder itself.
pub fn walk_to(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<OwnedFd> {
    let mut at = root.try_clone_to_owned()?;
    for name in path.split_str("/").filter(|name| !name.is_empty()) {
        at = open_folder(at.as_fd(), name)?;
    }
    Ok(at)
}

/// Opens the folder a path stands in, and returns it with the path's last name.
pub fn walk_above<'a>(root: BorrowedFd<'_>, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
    match path.rfind_byte(b'/') {
        Some(slash) => Ok((walk_to(root, &path[..slash])?, &path[slash + 1..])),
        None => Ok((root.try_clone_to_owned()?, path)),
    }
}

/// Reads a regular file of at most `bytes_max` bytes; `None` where there is none, or something else of that name.
pub fn read(root: BorrowedFd<'_>, path: &[u8], bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let opened = walk_above(root, path).and_then(|(at, name)| open_file(at.as_fd(), name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// Looks at what stands there, at a link itself.
pub fn stamp(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<Stamp> {
    Ok(stamp_of(&rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Looks at an open file or folder.
pub fn stamp_of_file(file: impl AsFd) -> io::Result<Stamp> {
    Ok(stamp_of(&rustix::fs::fstat(file)?))
}

/// The file systems, by their `f_type` (statfs(2), linux/magic.h), of which it is known that a folder's own times change with
/// every name that comes or goes, here and at once: ext2 to ext4, XFS, btrfs, F2FS, ZFS, bcachefs, tmpfs and overlays.
#[cfg(target_os = "linux")]
const TELLING: [u32; 8] =
    [0x0000_ef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e, 0x0102_1994, 0x794c_7630];

/// Returns the number of the file system a folder lies on, if a folder's stamp there tells whether its names are the same.
pub fn telling(folder: BorrowedFd<'_>) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let kind = rustix::fs::fstatfs(folder).ok()?.f_type;
        #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "magic numbers are of 32 bits")]
        let kind = kind as u32;
        TELLING.contains(&kind).then(|| stamp_of_file(folder).ok()).flatten().map(|stamp| stamp.device)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        None
    }
}

/// Reads where a link leads.
pub fn link(at: BorrowedFd<'_>, name: &[u8]) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(at, name, Vec::new())?.into_bytes())
}

/// What kind of thing an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A regular file or a symbolic link.
    File,
    /// A folder.
    Folder,
    /// A socket, pipe or device.
    Special,
}

/// Lists a folder, sorted by name.
pub fn list(folder: BorrowedFd<'_>) -> io::Result<Vec<(CString, Entry)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let mut kind = entry.file_type();
        if kind == FileType::Unknown {
            match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind = FileType::from_raw_mode(stat.st_mode),
                Err(rustix::io::Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            }
        }
        let kind = match kind {
            FileType::Directory => Entry::Folder,
            FileType::RegularFile | FileType::Symlink => Entry::File,
            _ => Entry::Special,
        };
        found.push((name.to_owned(), kind));
    }
    found.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    Ok(found)
}

#[allow(
    clippy::cast_possible_wrap,
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "systems differ in types"
)]
fn stamp_of(stat: &Stat) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        size: stat.st_size as u64,
        inode: stat.st_ino as u64,
        device: stat.st_dev as u64,
        mode: stat.st_mode as u32,
        owner: stat.st_uid as u32,
    }
}

impl Stamp {
    /// Tells whether it is a regular file.
    pub fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.mode as _) == FileType::RegularFile
    }

    /// Tells whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        FileType::from_raw_mode(self.mode as _) == FileType::Symlink
    }

    /// Tells whether it is a folder.
    pub fn is_folder(&self) -> bool {
        FileType::from_raw_mode(self.mode as _) == FileType::Directory
    }
}
