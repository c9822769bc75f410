//! As Unix has it.

use super::{Entry, Room, Stamp, Trouble};
use rustix::fs::{AtFlags, CWD, Dir, FallocateFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use std::ffi::CString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Names of files are bytes.
pub use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Whether a machine like this can host repositories: git's hooks, the queue and the store are for Unix.
pub const HOSTS: bool = true;

/// Whether terminals draw more than ASCII whatever the locale is.
pub const DRAWS_UNICODE: bool = false;

/// Lets the terminal color what it is told to, and tells whether it can.
pub fn colors() -> bool {
    true
}

/// Returns the person's home, as git has it.
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Returns the folders in which git's settings for the whole system may stand; `None` where that depends on the git.
pub fn git_system_folders() -> Option<&'static [&'static str]> {
    Some(&["/etc", "/usr/etc", "/usr/local/etc", "/opt/homebrew/etc"])
}

/// Tells what is wrong with the system where an error says so.
pub fn trouble(error: &io::Error) -> Option<Trouble> {
    match Errno::from_io_error(error)? {
        Errno::IO => Some(Trouble::Disk),
        Errno::NFILE | Errno::MFILE => Some(Trouble::OpenFiles),
        _ => None,
    }
}

/// Returns the absolute path of what is there, without links, as git would be told it.
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// Returns the bytes that git has for a path below the top of a work tree.
pub fn git_path(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_owned()
}

/// Tells whether a file may be run.
pub fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Returns the permission bits of a file, of which a tree of git keeps one.
pub fn permissions(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}

/// Gives a file or a folder these permission bits.
pub fn set_permissions(path: &Path, permissions: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(permissions))
}

/// Gives an open file these permission bits.
pub fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(permissions))
}

/// Lets a file that is made have these permission bits, less those of the umask.
pub fn making(options: &mut OpenOptions, permissions: u32) -> &mut OpenOptions {
    options.mode(permissions)
}

/// Makes a folder that only its owner enters.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Makes a symbolic link at `path` that leads to `target`.
pub fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Returns the number of the user who owns a file.
pub fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

/// Tells whether the user who we are owns a file.
pub fn is_ours(metadata: &Metadata) -> bool {
    owner(metadata) == user()
}

/// Returns the number of the file system a file lies on.
pub fn device(metadata: &Metadata) -> u64 {
    metadata.dev()
}

/// Tells whether two are one file under two names.
pub fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Tells whether a file takes any room on the disk; one that was only given a size takes none.
pub fn takes_room(metadata: &Metadata) -> bool {
    metadata.blocks() > 0
}

/// Returns the number of the user who we are.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns the number of the user who started us, whoever we are.
pub fn user_who_started() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Tells whether we may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the number of the process that started us.
pub fn parent() -> Option<i32> {
    rustix::process::getppid().map(|process| process.as_raw_nonzero().get())
}

/// Leaves the session we were started in, so that its end is not ours.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// Returns a path by which an open file can be opened once more, whatever has its name by then.
pub fn path_of(file: &File) -> Option<PathBuf> {
    Some(format!("/dev/fd/{}", file.as_raw_fd()).into())
}

/// Opens a file to be read that anybody may have put there: no link is followed, and no pipe is waited for.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Gives an open file so many bytes on the disk before they are written.
pub fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes)?)
}

/// Renames where nothing has the new name; an empty folder counts as nothing where a folder moves.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot: a hard link never replaces anything either.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty())?;
            std::fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes everything durable that was written so far to the file system this path lies on.
pub fn sync_file_system(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(file)?;
    #[cfg(not(target_os = "linux"))]
    {
        drop(file);
        rustix::fs::sync();
    }
    Ok(())
}

/// Returns the number that Linux has for the kind of file system a path lies on (`f_type`, statfs(2)).
pub fn file_system_kind(path: &Path) -> Option<u32> {
    #[cfg(target_os = "linux")]
    return rustix::fs::statfs(path).ok().map(|file_system| kind_of(&file_system));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        None
    }
}

#[cfg(target_os = "linux")]
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "magic numbers are of 32 bits")]
fn kind_of(file_system: &rustix::fs::StatFs) -> u32 {
    file_system.f_type as u32
}

/// Returns the room on the file system of a path that exists.
pub fn room(path: &Path) -> io::Result<Room> {
    let room = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    Ok(Room { free: bytes(room.f_bavail), total: bytes(room.f_blocks) })
}

/// Lets a process that is to be started lead a group of its own, which the keyboard does not reach.
pub fn lead_a_group(command: &mut Command) {
    command.process_group(0);
}

/// Ends a process that leads a group, and everything it started.
pub fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

/// Lets go of the file descriptors that were handed down to us, when the next process is started.
pub fn hand_nothing_down() {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
}

/// Returns the code a process ended with; of one that a signal ended, what a shell would say.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Tells whether a process was ended by the interrupt of the keyboard.
pub fn was_interrupted(status: ExitStatus) -> bool {
    status.signal() == Some(SIGINT)
}

/// Sets a flag when the keyboard interrupts, and calls `then`, on a thread of its own. Does nothing where the system lets nobody
/// listen.
pub fn on_interrupt(heard: &Arc<AtomicBool>, then: impl FnOnce() + Send + 'static) {
    // The flag is set within the signal, before any child of ours that it also reached can be seen to have died.
    let flagged = signal_hook::flag::register(SIGINT, Arc::clone(heard)).is_ok();
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT]) else { return };
    if flagged {
        std::thread::spawn(move || {
            signals.wait();
            then();
        });
    }
}

/// From now on lets `leave` run before we are ended or stopped from outside, and `enter` once we go on, on a thread of its own.
/// Does nothing where the system lets nobody listen.
pub fn around_leaving(leave: fn(), enter: fn()) {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGTSTP]) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP && !can_be_continued() {
                continue;
            }
            leave();
            // Of the first two we die, so that whoever started us sees of what.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            enter();
            // What stands on the terminal is to be drawn as if it had another size now.
            let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::WINCH);
        }
    });
}

/// Tells whether a shell would let us go on that has us as one of its jobs. The system stops nobody else (POSIX, orphaned
/// process groups), but would no longer know once the signal is ours.
fn can_be_continued() -> bool {
    rustix::process::getsid(None).is_ok_and(|session| session != rustix::process::getpgrp())
}

/// An open folder, in which what lies there is opened name by name, without ever following a link or waiting for a pipe.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder a path names. Links in it are followed: whoever typed it meant that.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens it once more.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Opens the folder of that name.
    pub fn folder(&self, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(Self(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Opens the file of that name, which must be a regular one.
    pub fn file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
    }

    /// Looks at what stands there, at a link itself.
    pub fn look(&self, name: &[u8]) -> io::Result<Stamp> {
        Ok(stamp_of(&rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Looks at the folder itself.
    pub fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp_of(&rustix::fs::fstat(&self.0)?))
    }

    /// Reads where the link of that name leads.
    pub fn link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Lists what lies there, sorted by name.
    pub fn list(&self) -> io::Result<Vec<(CString, Entry)>> {
        let mut found = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind = FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
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

    /// Returns the number of its file system, if a folder's stamp there tells whether its names are the same.
    pub fn telling(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        {
            let kind = kind_of(&rustix::fs::fstatfs(&self.0).ok()?);
            TELLING.contains(&kind).then(|| self.stamp().ok()).flatten().map(|stamp| stamp.device)
        }
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// The file systems, by their `f_type` (statfs(2), linux/magic.h), of which it is known that a folder's own times change with
/// every name that comes or goes, here and at once: ext2 to ext4, XFS, btrfs, F2FS, ZFS, bcachefs, tmpfs and overlays.
#[cfg(target_os = "linux")]
const TELLING: [u32; 8] =
    [0x0000_ef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e, 0x0102_1994, 0x794c_7630];

/// Looks at an open file.
pub fn stamp(file: &File) -> io::Result<Stamp> {
    Ok(stamp_of(&rustix::fs::fstat(file)?))
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
