//! The one error of the library: what went wrong, why, and the next command to type.

use crate::os::{self, Trouble};
use std::fmt;
use std::io;
use std::path::Path;

/// What an error means to the one who called, and so the exit code of the command.
///
/// The codes are a contract; see "Asking" in the manual and `docs/commands.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It failed, and none of the other kinds says how.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// Changes collide; nothing was changed.
    Conflict,
    /// The state moved since it was seen; nothing was changed.
    Moved,
    /// A safety check here refused; nothing was changed.
    Unsafe,
    /// The host refused.
    Declined,
    /// A confirmation is needed and was not given.
    Unconfirmed,
    /// There is nothing to do.
    Nothing,
    /// Done in part; the output says which.
    Partial,
    /// No such backup, tag, commit, environment or store.
    NotFound,
    /// A lock was not free in time.
    Busy,
    /// What is stored is damaged.
    Damaged,
    /// An outside program, store or network failed.
    Outside,
    /// Interrupted by the person.
    Interrupted,
}

impl Kind {
    /// All of them, in the order of their exit codes.
    pub const ALL: [Self; 14] = [
        Self::Failed,
        Self::Usage,
        Self::Conflict,
        Self::Moved,
        Self::Unsafe,
        Self::Declined,
        Self::Unconfirmed,
        Self::Nothing,
        Self::Partial,
        Self::NotFound,
        Self::Busy,
        Self::Damaged,
        Self::Outside,
        Self::Interrupted,
    ];

    /// Returns the exit code that scripts rely on.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Conflict => 3,
            Self::Moved => 4,
            Self::Unsafe => 5,
            Self::Declined => 6,
            Self::Unconfirmed => 7,
            Self::Nothing => 8,
            Self::Partial => 9,
            Self::NotFound => 10,
            Self::Busy => 11,
            Self::Damaged => 12,
            Self::Outside => 13,
            Self::Interrupted => 130,
        }
    }

    /// Returns what the exit code means, in the words of the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "the command line, or a setting, makes no sense",
            Self::Conflict => "changes collide; nothing was changed",
            Self::Moved => "the state moved since it was seen; nothing was changed",
            Self::Unsafe => "refused by a safety check here; nothing was changed",
            Self::Declined => "refused by the host",
            Self::Unconfirmed => "a confirmation is needed and was not given",
            Self::Nothing => "nothing to do",
            Self::Partial => "done in part; the output says which",
            Self::NotFound => "not found: backup, tag, commit, environment, store",
            Self::Busy => "busy: a lock was not free in time (`--wait`, where there is one: 600 s unless given)",
            Self::Damaged => "what is stored is damaged",
            Self::Outside => "an outside program, store or network failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns what to do where the error itself names nothing better; `None` where nothing is wrong.
    fn next_step(self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::Interrupted => None,
            Self::Failed | Self::Outside => Some("to see each process that is started, run it again with GIT_TRACE=1"),
            Self::Usage => Some("what there is to say: git cairn -h, git cairn <verb> -h"),
            Self::Conflict => Some("nothing was changed; what conflicts stands above"),
            Self::Moved => Some("run the same command again to see where it stands now"),
            Self::Unsafe => Some("nothing was changed; what there is instead: git cairn -h"),
            Self::Declined => Some("nothing was changed; the host's reasons stand above"),
            Self::Unconfirmed => Some("answer with --yes"),
            Self::Partial => Some("what failed stands above; when that is mended, run the same command again"),
            Self::NotFound => Some("what there is: git cairn backup list, git cairn deployments"),
            Self::Busy => Some("run it again later, or wait for longer: --wait <time>"),
            Self::Damaged => Some("what else is damaged: git cairn backup verify --all"),
        }
    }
}

/// An error that knows its exit code, a stable code for scripts, and what to do next.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

/// The code of the error that whoever read our output has gone away, of which nobody needs to be told.
pub const READER_LEFT: &str = "reader-left";

/// The code of the error that the file of the jobs is damaged.
pub const JOBS_DAMAGED: &str = "jobs-damaged";

/// What to do where a disk itself fails.
const FAILING_DISK: &str = "the disk may be failing: see dmesg, and copy the store elsewhere before anything else";
/// What to do where it may also be full.
const FULL_OR_FAILING_DISK: &str =
    "is the disk full? See df -h and make room; else it may be failing: see dmesg, and copy the store elsewhere first";
/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error; `code` is a stable word for scripts, `message` a lower-case fragment.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), hint: None }
    }

    /// Adds the next thing to do, as a sentence or a command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it mean something else to the one who called.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts what was being done before the message.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Something failed and no other kind says how.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, code, message)
    }

    /// The command line or a setting makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, "usage", message)
    }

    /// A safety check refused and nothing was changed.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Unsafe, code, message)
    }

    /// Something that was named is not there.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message)
    }

    /// Something stored is damaged.
    pub fn damaged(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Damaged, code, message)
    }

    /// A program, store or network outside failed.
    pub fn outside(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Outside, code, message)
    }

    /// A program that answers to the name of git answered in no way that git does.
    pub fn strange_git(message: impl Into<String>) -> Self {
        Self::outside("git", message).hint("is it git itself that PATH finds? see: command -v git; git version")
    }

    /// git cannot read the repository it was asked about.
    pub fn unreadable_repository(message: impl Into<String>) -> Self {
        Self::outside("git", message).hint("is the repository whole? see: git fsck")
    }

    /// A repository lacks an object that something in it names.
    pub fn missing_object(id: &impl fmt::Display) -> Self {
        Self::failed("object-missing", format!("the repository lacks {id}"))
            .hint("what else it lacks: git fsck; bring it from a clone that has it: git fetch <clone>")
    }

    /// Returns what the error means to the caller.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the stable word for scripts.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the next thing to do: every error has one, but where nothing is wrong.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref().or(self.kind.next_step())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let made = Self::outside("jobs", format!("the jobs in $GIT_DIR/cairn/jobs.db: {error}"));
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => made.hint("free some room there, then run the same command again"),
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                made.hint("run this as the owner of the repository; git cairn doctor says what is not writable")
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                made.hint("another git-cairn is at work there: run the same command again")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self { code: JOBS_DAMAGED, ..made }.hint(
                "move jobs.db and what begins with that name aside; then, for what waited in it: git cairn backup create --all",
            ),
            // A full disk is told so too, where SQLite makes room for its index of the log.
            Some(ErrorCode::SystemIoFailure) => made.hint(FULL_OR_FAILING_DISK),
            _ => made,
        }
    }
}

/// Says which path an I/O error is about.
pub trait AtPath<T> {
    /// Turns an I/O error into ours: `cannot <doing> <path>: <reason>`.
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| from_io(doing, path, &error))
    }
}

/// Turns an I/O error into ours, as [`AtPath`] does, where it was found in that of a library.
pub fn from_io(doing: &str, path: &Path, error: &io::Error) -> Error {
    let message = format!("cannot {doing} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::outside("no-space", message).hint("free some room there, then run the same command again")
        }
        io::ErrorKind::PermissionDenied => {
            Error::outside("permission", message).hint("run this as the owner of that path")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Error::outside("read-only", message).hint("see how it is mounted: findmnt -T <that path>")
        }
        io::ErrorKind::BrokenPipe => Error::outside(READER_LEFT, message),
        io::ErrorKind::NotFound => {
            let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
            Error::not_found("no-such-file", message).hint(format!("see what is there: ls -la {}", folder.display()))
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            Error::outside("io", message).hint(format!("see what stands there: ls -ld {}", path.display()))
        }
        io::ErrorKind::StaleNetworkFileHandle => {
            Error::outside("io", message).hint("the file system was unmounted or its server lost it: mount it again")
        }
        _ => match os::trouble(error) {
            Some(Trouble::Disk) => Error::outside("io", message).hint(FAILING_DISK),
            Some(Trouble::OpenFiles) => {
                Error::outside("io", message).hint("too many files are open; allow more: ulimit -n 4096")
            }
            _ => Error::outside("io", message),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_to_do_next() {
        for kind in Kind::ALL {
            let error = Error::new(kind, "code", "what happened");
            let nothing_wrong = matches!(kind, Kind::Nothing | Kind::Interrupted);
            assert_eq!(error.next_step().is_none(), nothing_wrong, "{kind:?}");
            assert_eq!(error.hint("this").next_step(), Some("this"));
        }
    }

    #[test]
    fn exit_codes_are_distinct_and_ordered() {
        assert!(Kind::ALL.is_sorted_by(|one, next| one.exit_code() < next.exit_code()));
    }
}
