//! As Windows has it: git's names are UTF-8, no file may be run more than another, nobody's number is known, and no disk is told
//! to keep the names in a folder.

use super::{Entry, Room, Stamp, Trouble};
use signal_hook::consts::SIGINT;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::MetadataExt;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether a machine like this can host repositories: git's hooks, the queue and the store are for Unix.
pub const HOSTS: bool = false;

/// Whether terminals draw more than ASCII whatever the locale is.
pub const DRAWS_UNICODE: bool = true;

/// What no file, no argument and no variable can be named: where bytes are no UTF-8, the system says so of this one, and nothing
/// else is taken for what was meant.
const NO_NAME: &str = "\0";
/// A process that is started leads a group of its own (`CREATE_NEW_PROCESS_GROUP`, winbase.h).
const NEW_GROUP: u32 = 0x200;
/// What a process ends with that Ctrl-C ended (`STATUS_CONTROL_C_EXIT`, ntstatus.h).
const CONTROL_C: u32 = 0xC000_013A;
/// From 1601, where times begin, to 1970, in units of 100 ns.
const TO_1970: u64 = 116_444_736_000_000_000;
/// How often it is looked whether the keyboard has interrupted.
const LOOK: Duration = Duration::from_millis(20);

/// Names of files in the bytes git has for them.
pub trait OsStrExt {
    /// Returns the name of these bytes; where they are no UTF-8, one that nothing can have.
    fn from_bytes(bytes: &[u8]) -> &Self;
    /// Returns its bytes.
    fn as_bytes(&self) -> &[u8];
}

impl OsStrExt for OsStr {
    fn from_bytes(bytes: &[u8]) -> &Self {
        Self::new(std::str::from_utf8(bytes).unwrap_or(NO_NAME))
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_encoded_bytes()
    }
}

/// The same of names that are owned.
pub trait OsStringExt {
    /// Returns the name of these bytes; where they are no UTF-8, one that nothing can have.
    fn from_vec(bytes: Vec<u8>) -> Self;
    /// Returns its bytes.
    fn into_vec(self) -> Vec<u8>;
}

impl OsStringExt for OsString {
    fn from_vec(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|_| NO_NAME.into(), Self::from)
    }

    fn into_vec(self) -> Vec<u8> {
        self.into_encoded_bytes()
    }
}

/// Lets the terminal color what it is told to, and tells whether it can.
pub fn colors() -> bool {
    crossterm::ansi_support::supports_ansi()
}

/// Returns the person's home, as git has it.
pub fn home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|home| !home.is_empty()).map(PathBuf::from);
    set("HOME").or_else(|| set("USERPROFILE"))
}

/// Returns the folders in which git's settings for the whole system may stand; `None` where that depends on the git, as here.
pub fn git_system_folders() -> Option<&'static [&'static str]> {
    None
}

/// Tells what is wrong with the system where an error says so.
pub fn trouble(error: &io::Error) -> Option<Trouble> {
    // winerror.h: ERROR_CRC, ERROR_IO_DEVICE; ERROR_TOO_MANY_OPEN_FILES.
    match error.raw_os_error()? {
        23 | 1117 => Some(Trouble::Disk),
        4 => Some(Trouble::OpenFiles),
        _ => None,
    }
}

/// Returns the absolute path of what is there, without links, as git would be told it: `C:\` and not `\\?\C:\`.
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    dunce::canonicalize(path)
}

/// Returns the bytes that git has for a path below the top of a work tree: it parts names with `/` alone.
pub fn git_path(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// Tells whether a file may be run.
pub fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Returns the permission bits of a file, of which there is one: whether it may be written.
pub fn permissions(metadata: &Metadata) -> u32 {
    match (metadata.is_dir(), metadata.permissions().readonly()) {
        (true, _) => 0o755,
        (false, false) => 0o644,
        (false, true) => 0o444,
    }
}

/// Gives a file these permission bits; of a folder there is none to give.
pub fn set_permissions(path: &Path, permissions: u32) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() { Ok(()) } else { std::fs::set_permissions(path, with_bits(&metadata, permissions)) }
}

/// Gives an open file these permission bits.
pub fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    file.set_permissions(with_bits(&file.metadata()?, permissions))
}

fn with_bits(metadata: &Metadata, bits: u32) -> std::fs::Permissions {
    let mut permissions = metadata.permissions();
    permissions.set_readonly(bits & 0o200 == 0);
    permissions
}

/// Lets a file that is made have these permission bits, as far as there are any: it can be written.
pub fn making(options: &mut OpenOptions, _permissions: u32) -> &mut OpenOptions {
    options
}

/// Makes a folder; who may enter it is that of the folder above.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

/// Makes a symbolic link at `path` that leads to `target`; there are two kinds, for folders and for all else.
///
/// Returns an error where the user may make none, as most may not.
pub fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    let leads_to_folder = path.parent().is_some_and(|above| above.join(target).is_dir());
    if leads_to_folder {
        std::os::windows::fs::symlink_dir(target, path)
    } else {
        std::os::windows::fs::symlink_file(target, path)
    }
}

/// Returns a number for whoever owns a file: nobody's is known.
pub fn owner(_metadata: &Metadata) -> u32 {
    0
}

/// Tells whether the user who we are is known to own a file. It never is: git must be asked.
pub fn is_ours(_metadata: &Metadata) -> bool {
    false
}

/// Returns a number for the file system a file lies on: none is known.
pub fn device(_metadata: &Metadata) -> u64 {
    0
}

/// Tells whether two are known to be one file under two names.
pub fn is_same_file(_one: &Metadata, _other: &Metadata) -> bool {
    false
}

/// Tells whether a file takes any room on the disk.
pub fn takes_room(metadata: &Metadata) -> bool {
    metadata.len() > 0
}

/// Returns a number for the user who we are: none is known.
pub fn user() -> u32 {
    0
}

/// Returns a number for the user who started us: none is known.
pub fn user_who_started() -> u32 {
    0
}

/// Tells whether we may do everything.
pub fn is_root() -> bool {
    false
}

/// Returns the name of this machine.
pub fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Returns the number of the process that started us: none is known.
pub fn parent() -> Option<i32> {
    None
}

/// Leaves the session we were started in; there are none.
pub fn leave_session() {}

/// Returns a path by which an open file can be opened once more, whatever has its name by then: there is none.
pub fn path_of(_file: &File) -> Option<PathBuf> {
    None
}

/// Opens a file to be read that anybody may have put there.
pub fn open_plain(path: &Path) -> io::Result<File> {
    if path.symlink_metadata()?.is_file() { File::open(path) } else { Err(not_that()) }
}

/// Gives an open file so many bytes on the disk before they are written.
pub fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    file.set_len(bytes)
}

/// Renames where nothing has the new name; an empty folder counts as nothing where a folder moves.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    if from.symlink_metadata()?.is_dir() {
        // Which fails where there is something in it.
        match std::fs::remove_dir(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let mut moving = tempfile::TempPath::try_from_path(from)?;
    moving.disable_cleanup(true);
    moving.persist_noclobber(to).map_err(|failed| failed.error)
}

/// Makes the names in a folder durable: what a journal of the file system does by itself, and nobody is told to do.
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes everything durable that was written so far to the file system this path lies on.
///
/// Returns an error: only an administrator may ask for that.
pub fn sync_file_system(_path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns the number that Linux has for the kind of file system a path lies on.
pub fn file_system_kind(_path: &Path) -> Option<u32> {
    None
}

/// Returns the room on the file system of a path that exists.
///
/// Returns an error: only a host asks.
pub fn room(_path: &Path) -> io::Result<Room> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Lets a process that is to be started lead a group of its own, which the keyboard does not reach.
pub fn lead_a_group(command: &mut Command) {
    command.creation_flags(NEW_GROUP);
}

/// Ends a process that leads a group, and everything it started.
pub fn kill_group(leader: u32) {
    let mut command = Command::new("taskkill");
    command.args(["/F", "/T", "/PID", &leader.to_string()]);
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Lets go of what was handed down to us, when the next process is started: only what hooks start outlives its push, and hooks are
/// a host's.
pub fn hand_nothing_down() {}

/// Returns the code a process ended with.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

/// Tells whether a process was ended by the interrupt of the keyboard.
pub fn was_interrupted(status: ExitStatus) -> bool {
    status.code() == Some(CONTROL_C.cast_signed())
}

/// Sets a flag when the keyboard interrupts, and calls `then`, on a thread of its own. Does nothing where the system lets nobody
/// listen.
pub fn on_interrupt(heard: &Arc<AtomicBool>, then: impl FnOnce() + Send + 'static) {
    if signal_hook::flag::register(SIGINT, Arc::clone(heard)).is_err() {
        return;
    }
    let heard = Arc::clone(heard);
    // A handler can wake nobody here.
    std::thread::spawn(move || {
        while !heard.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
        then();
    });
}

/// From now on lets `leave` run before we are ended or stopped from outside, and `enter` once we go on: nobody says so here.
pub fn around_leaving(_leave: fn(), _enter: fn()) {}

/// A folder, in which what lies there is opened name by name, without ever following a link.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Takes the folder a path names. Links in it are followed: whoever typed it meant that.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = canonicalize(path)?;
        if path.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// Takes it once more.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// Takes the folder of that name.
    pub fn folder(&self, name: &[u8]) -> io::Result<Self> {
        let path = self.path(name)?;
        if path.symlink_metadata()?.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// Opens the file of that name, which must be a regular one.
    pub fn file(&self, name: &[u8]) -> io::Result<File> {
        open_plain(&self.path(name)?)
    }

    /// Looks at what stands there, at a link itself.
    pub fn look(&self, name: &[u8]) -> io::Result<Stamp> {
        Ok(stamp_of(&self.path(name)?.symlink_metadata()?))
    }

    /// Looks at the folder itself.
    pub fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp_of(&self.0.symlink_metadata()?))
    }

    /// Reads where the link of that name leads, as git would store it.
    pub fn link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(git_path(&std::fs::read_link(self.path(name)?)?))
    }

    /// Lists what lies there, sorted by name.
    pub fn list(&self) -> io::Result<Vec<(CString, Entry)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let kind = match (kind.is_dir(), kind.is_file() || kind.is_symlink()) {
                (true, _) => Entry::Folder,
                (_, true) => Entry::File,
                _ => Entry::Special,
            };
            found.push((CString::new(entry.file_name().into_vec())?, kind));
        }
        found.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        Ok(found)
    }

    /// Returns the number of its file system, if a folder's stamp there tells whether its names are the same: that is not known.
    pub fn telling(&self) -> Option<u64> {
        None
    }

    /// The path of a name in it; what would lead anywhere else is no name.
    fn path(&self, name: &[u8]) -> io::Result<PathBuf> {
        if name.iter().any(|byte| b"/\\:".contains(byte)) || matches!(name, b"" | b"." | b"..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(self.0.join(OsStr::from_bytes(name)))
    }
}

/// Looks at an open file.
pub fn stamp(file: &File) -> io::Result<Stamp> {
    Ok(stamp_of(&file.metadata()?))
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    let time = |time: u64| (i64::try_from(time.saturating_sub(TO_1970)).unwrap_or_default()).saturating_mul(100);
    let kind = metadata.file_type();
    let mode = match (kind.is_symlink(), kind.is_dir()) {
        (true, _) => 0o120_000,
        (_, true) => 0o040_755,
        _ => 0o100_644,
    };
    Stamp {
        modified: time(metadata.last_write_time()),
        changed: time(metadata.creation_time()),
        size: metadata.file_size(),
        mode,
        ..Stamp::default()
    }
}

fn not_that() -> io::Error {
    io::Error::other("it is no regular file")
}
