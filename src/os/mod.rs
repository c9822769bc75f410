//! What systems have in ways of their own: names as bytes, modes, owners, links, groups of processes, signals, what makes a disk
//! keep something. It is asked here, and nowhere else.
//!
//! A host is a Unix machine ([`HOSTS`]); what only a host asks, Windows answers with "nobody" or "no such thing".

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

use jiff::Timestamp;

/// How many bytes a file system has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For an ordinary user to write yet.
    pub free: u64,
    /// In all.
    pub total: u64,
}

/// What is wrong with the system itself, not with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The disk cannot be read or written.
    Disk,
    /// No more files can be opened.
    OpenFiles,
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

/// By what a file is known to be the one that was read: equal stamps are the same content, unless it was written within the
/// grain of the file system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// When its content was last written, in nanoseconds since 1970.
    pub modified: i64,
    /// When its inode was last changed, in nanoseconds since 1970.
    pub changed: i64,
    /// Its size in bytes.
    pub size: u64,
    /// The number of its inode.
    pub inode: u64,
    /// The number of its file system.
    pub device: u64,
    /// Its type and permissions, as Unix has them.
    pub mode: u32,
    /// Who owns it.
    pub owner: u32,
}

impl Stamp {
    /// Returns when its content was last written.
    pub fn modified_at(&self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(self.modified.into()).ok()
    }

    /// The bits of a mode that tell the type (inode(7)).
    const TYPE: u32 = 0o170_000;

    /// Tells whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & Self::TYPE == 0o100_000
    }

    /// Tells whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.mode & Self::TYPE == 0o120_000
    }

    /// Tells whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.mode & Self::TYPE == 0o040_000
    }
}
