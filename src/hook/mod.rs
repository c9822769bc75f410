//! What git asks of a hook: its input, its environment, what it may print, and the hook that stood there before.

mod audited;
mod chain;
mod edits;
mod files;
mod gitolite;
mod input;
mod post_receive;
mod pre_receive;
mod pusher;
mod ruled;
mod say;

pub use audited::who_types;
pub use files::{
    Configured, Facts, Forge, Inspected, InstallPlan, Layout, Record, Step, configured, facts, inspect, known,
    plan_install, plan_template, plan_uninstall, try_out,
};
pub use pusher::{Pusher, user_name, who_pushes};

use crate::durable::Modes;
use crate::error::{Error, Result};
use crate::git::{Config, Repository};
use crate::queue::State;
use crate::site::Site;
use files::FOUND;
use input::Push;
use say::Voice;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The hooks that we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Before anything moves; a push may be refused.
    PreReceive,
    /// After everything moved.
    PostReceive,
}

impl Event {
    /// Both, in the order git runs them.
    pub const ALL: [Self; 2] = [Self::PreReceive, Self::PostReceive];

    /// Returns the name git gives the hook.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreReceive => "pre-receive",
            Self::PostReceive => "post-receive",
        }
    }

    /// Returns the name of our program for it.
    pub fn program(self) -> &'static str {
        match self {
            Self::PreReceive => "cairn-pre-receive",
            Self::PostReceive => "cairn-post-receive",
        }
    }

    /// Reads such a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// Makes a repository a host.
pub type SetUp = fn(&Repository) -> Result<()>;

/// Runs a hook as git started it; `arguments` are those after the program's name. Returns its exit code.
///
/// A repository that is not set up is left alone, unless `cairn.setupOnPush` is on: then `set_up` does it before the first push
/// is judged, and where it fails the push is refused. Without it that push is left to the `git-cairn` beside us: setting up takes
/// most of the library, which the hook of every other push would load for nothing.
pub fn run(event: Event, arguments: impl Iterator<Item = OsString>, set_up: Option<SetUp>) -> ExitCode {
    let found = found_hook(arguments);
    let mut voice = Voice::new();
    let push = match Push::read() {
        Ok(push) => push,
        Err(error) => {
            voice.error(&error);
            return ExitCode::FAILURE;
        }
    };
    if push.raw.is_empty() && std::env::var_os(TRIAL).is_some() {
        return trial(event, &mut voice);
    }
    let here = here();
    // What stood here before may serve what is pushed, and a trial is not to be served.
    let found = found.filter(|_| !here.as_ref().is_ok_and(is_trial));
    if set_up.is_none() && here.as_ref().is_ok_and(|repository| is_first_push(event, &repository.config())) {
        return chain::hand_over(event, found.as_deref(), &push.raw);
    }
    let host = here.and_then(|repository| host(event, repository, set_up, &mut voice));
    let ours = host.and_then(|host| match (event, host) {
        (_, None) => Ok(Verdict::Accepted),
        (Event::PreReceive, Some(repository)) => audited::judge(&repository, &push, &mut voice),
        (Event::PostReceive, Some(repository)) => post_receive::run(&repository, &push, &mut voice),
    });
    match ours {
        Ok(Verdict::Refused) => return ExitCode::FAILURE,
        Ok(Verdict::Accepted) => {}
        Err(error) => {
            voice.error(&error);
            if event == Event::PreReceive {
                return ExitCode::FAILURE;
            }
        }
    }
    let code = chain::run(found.as_deref(), event, &push.raw);
    if event == Event::PreReceive && code != ExitCode::SUCCESS {
        audited::refused_by_other(&push, &mut voice);
    }
    code
}

/// Tells whether git runs us in a copy that `doctor` pushes into.
fn is_trial(repository: &Repository) -> bool {
    State::of(repository, Modes::OWNER).is_trial()
}

/// Returns the repository if it is set up, or is to be by its first push. `None`: our hook file came to one of others, by a
/// copy or a template.
fn host(event: Event, repository: Repository, set_up: Option<SetUp>, voice: &mut Voice) -> Result<Option<Repository>> {
    let config = repository.config();
    if config.get("cairn", "id").is_some() {
        return Ok(Some(repository));
    }
    let Some(set_up) = set_up.filter(|_| is_first_push(event, &config)) else { return Ok(None) };
    set_up(&repository).map_err(|error| error.while_doing("this repository cannot be set up"))?;
    voice.hint("this push set the repository up; on the host: git cairn doctor");
    Repository::open(repository.git_dir()).map(Some)
}

/// Tells whether this push is to set the repository up.
fn is_first_push(event: Event, config: &Config) -> bool {
    let wanted = config.is_true("cairn", "setupOnPush") == Some(true);
    wanted && event == Event::PreReceive && config.get("cairn", "id").is_none()
}

/// The variable by which a run without a push says that it is a trial: of that, the hook that was there before hears nothing.
pub const TRIAL: &str = "CAIRN_TRIAL";

/// Tells whether a push would find everything it needs to be judged.
fn trial(event: Event, voice: &mut Voice) -> ExitCode {
    match here().and_then(|repository| Site::for_hook(&repository.config())) {
        Ok((site, _)) => {
            voice.success(&format!("the {} hook of {} runs", event.name(), site.name));
            ExitCode::SUCCESS
        }
        Err(error) => {
            voice.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Whether the push may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accepted,
    Refused,
}

/// Returns the hook that stood there before us: `--then <path>` of our hook file, or where the system runs us for that file, and so
/// names it, what is kept beside it.
fn found_hook(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let first = arguments.next()?;
    if first == "--then" {
        return arguments.next().map(PathBuf::from);
    }
    let file = PathBuf::from(first);
    Some(file.with_file_name(FOUND).join(file.file_name()?))
}

/// git runs a hook in the repository, and says where it is relative to that.
fn here() -> Result<Repository> {
    let git_dir = std::env::var_os("GIT_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    if !git_dir.join("HEAD").exists() {
        return Err(Error::not_found("not-a-hook", "this is run by git as a hook of a repository")
            .hint("to try the hooks out: git cairn doctor"));
    }
    Repository::open(&git_dir)
}
