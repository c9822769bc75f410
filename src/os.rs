//! What Unix has and other systems have otherwise: names as bytes, modes, owners, groups of processes, signals, what makes a
//! disk keep something. What a developer's commands need of it they ask here, and nowhere else.

use rustix::fs::{AtFlags, CWD, RenameFlags};
use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What the system says went wrong.
pub use rustix::io::Errno;
/// Names of files are bytes.
pub use std::os::unix::ffi::{OsStrExt, OsStringExt};

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

/// Returns the number of the file system a file lies on.
pub fn device(metadata: &Metadata) -> u64 {
    metadata.dev()
}

/// Returns the number of the user who we are.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns a path by which an open file can be opened once more, whatever has its name by then.
pub fn path_of(file: &File) -> PathBuf {
    format!("/dev/fd/{}", file.as_raw_fd()).into()
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

/// Makes everything durable that was written so far to the file system this file lies on.
pub fn sync_file_system(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(file)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        rustix::fs::sync();
    }
    Ok(())
}

/// How many bytes a file system has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For an ordinary user to write yet.
    pub free: u64,
    /// In all.
    pub total: u64,
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
