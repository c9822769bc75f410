//! The command line.

mod host;

pub use host::{
    Audit, AuditVerb, Explain, Grant, Guard, GuardVerb, Hold, Pause, Purge, Recover, Release, Rescue, RescueVerb,
};

use super::situations;
use crate::git::Place;
use clap::{Args, Command, CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Deployments that are marked, backups that are proven, and a way back
#[derive(Debug, Parser)]
#[command(name = "git-cairn", bin_name = "git cairn", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// Act as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    /// The repository, whatever the directory
    #[arg(long, value_name = "DIR", global = true)]
    git_dir: Option<PathBuf>,
    /// Print exactly one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// Help on one screen: what happened and what to type, then the verbs by their names.
const SCREEN: &str = "{before-help}{usage-heading} {usage}{after-help}

Options:
{options}";

/// Returns the command line as it is parsed, completed and documented.
pub fn program() -> Command {
    let mut program = Arguments::command();
    // All verbs, whose arguments wait until they are asked for.
    program.build();
    let table = situations::table(&program);
    let verbs = format!(
        "Verbs (git cairn <verb> -h explains one, git help cairn is the manual):\n{}",
        situations::verbs(&program)
    );
    program.before_help(table).after_help(verbs).help_template(SCREEN)
}

impl Arguments {
    /// Returns where the person says the repository is.
    pub fn place(&self) -> Place {
        Place { folder: self.folder.clone(), git_dir: self.git_dir.clone() }
    }
}

/// The verbs. The arguments of one are put together only where it is typed.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// Make this bare repository a host, or change what it is
    Setup(Setup),
    /// Say what is wrong with this host, and what mends it
    Doctor(Doctor),
    /// Say where each environment stands
    Status(Status),
    /// Put the hooks in place, take them away, or say which run
    Hooks(Hooks),
    /// List deployments, newest first
    Deployments(Deployments),
    /// Move an environment on: test takes what dev is, live what test is
    Deploy(Move),
    /// Move an environment back to what it was
    Rollback(Rollback),
    /// Bring your own commits onto a branch that somebody reset
    CatchUp(CatchUp),
    /// Take back what deploy, rollback, revert, reset or catch-up did in this clone
    Undo(Undo),
    /// Take back commits by new ones
    Revert(Revert),
    /// Put a branch back to what it was at a commit
    Reset(Reset),
    /// Make, list, hand out and verify backups
    Backup(Backup),
    /// Bring a backup back into a directory
    Restore(Restore),
    /// List what pushes dropped, and bring it back
    Rescue(Rescue),
    /// Explain or pause the guard, or permit one movement
    Guard(Guard),
    /// Let nothing be deployed to an environment
    Hold(Hold),
    /// Let an environment that was held be deployed to again
    Release(Release),
    /// Show who did what on this host, newest first
    Audit(Audit),
    /// Show what stands in a served work tree and in no commit: what a deployment would overwrite
    Uncommitted(Uncommitted),
    /// Do what pushes left to do
    Worker(Worker),
    /// Show the whole story in a throw-away folder
    Demo(Demo),
    /// Explain a verb, as -h does
    Help(Help),
    /// Be the hook that git runs
    #[command(hide = true)]
    Hook(Hook),
    /// Say what may stand at the cursor of a shell
    #[command(hide = true)]
    Complete(Complete),
}

impl Verb {
    /// Tells whether it is a verb for a machine on which repositories are hosted, and for no other.
    pub fn is_for_hosts(&self) -> bool {
        match self {
            Self::Setup(what) => what.man.is_none() && what.completions.is_none(),
            Self::Doctor(_)
            | Self::Status(_)
            | Self::Hooks(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Rescue(_)
            | Self::Guard(_)
            | Self::Hold(_)
            | Self::Release(_)
            | Self::Audit(_)
            | Self::Worker(_)
            | Self::Demo(_)
            | Self::Hook(_) => true,
            Self::Deployments(_)
            | Self::Deploy(_)
            | Self::Rollback(_)
            | Self::CatchUp(_)
            | Self::Undo(_)
            | Self::Revert(_)
            | Self::Reset(_)
            | Self::Uncommitted(_)
            | Self::Help(_)
            | Self::Complete(_) => false,
        }
    }
}

/// `git cairn setup`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of a command line")]
pub struct Setup {
    /// Where archives go; by default a folder <name>.cairn beside the repository
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// What the site is called
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// An environment: <name>=<branch>[:<work tree>]
    #[arg(long = "env", value_name = "NAME=BRANCH[:WORK TREE]")]
    pub environments: Vec<String>,
    /// Take over the settings of this backup's repository
    #[arg(long, value_name = "BACKUP")]
    pub from: Option<String>,
    /// Make no first backup
    #[arg(long)]
    pub no_backup: bool,
    /// In every bare repository below this folder; with the guard only warning at first
    #[arg(long, value_name = "DIR", conflicts_with_all = ["site", "environments", "from"])]
    pub sites: Option<PathBuf>,
    /// Make this folder a template (git init) of repositories that their first push sets up
    #[arg(long, value_name = "DIR", conflicts_with_all = ["store", "site", "environments", "from", "no_backup", "sites", "undo"])]
    pub template: Option<PathBuf>,
    /// Take the setup back: hooks, config and our own state; the store stays
    #[arg(long, conflicts_with_all = ["store", "site", "environments", "from", "sites"])]
    pub undo: bool,
    /// Ask nothing: take what flags and defaults say, and answer with yes
    #[arg(long, short)]
    pub yes: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Only write the manual, below this folder; by default beside this program, where man looks
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["store", "site", "environments", "from", "no_backup", "sites", "dry_run"])]
    #[expect(clippy::option_option, reason = "it may be there without a folder")]
    pub man: Option<Option<PathBuf>>,
    /// Only write what bash, zsh and fish complete, below this folder share; by default ~/.local/share
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["store", "site", "environments", "from", "no_backup", "sites", "dry_run", "undo", "man"])]
    #[expect(clippy::option_option, reason = "it may be there without a folder")]
    pub completions: Option<Option<PathBuf>>,
    /// How long to wait for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
}

/// `git cairn doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Push into a copy of the repository as well, through the hooks as they stand
    #[arg(long)]
    pub trial_push: bool,
    /// In every set-up repository below this folder
    #[arg(long, value_name = "DIR")]
    pub sites: Option<PathBuf>,
}

/// `git cairn status`.
#[derive(Debug, Args)]
pub struct Status {
    /// End with 1 where what is there is in no backup of this age or a damaged one, or a job failed
    #[arg(long, value_name = "TIME")]
    pub max_age: Option<String>,
    /// In every set-up repository below this folder
    #[arg(long, value_name = "DIR")]
    pub sites: Option<PathBuf>,
}

/// `git cairn hooks`.
#[derive(Debug, Args)]
pub struct Hooks {
    /// What to do with the hooks
    #[command(subcommand)]
    pub verb: HooksVerb,
}

/// The verbs of `git cairn hooks`.
#[derive(Debug, Subcommand)]
pub enum HooksVerb {
    /// Put ours in place; what is there runs after it
    Install(HooksChange),
    /// Take ours away, and leave everything as it was found
    Uninstall(HooksChange),
    /// Say which hooks git runs
    Status,
    /// List the repositories of this machine in which ours stand, as the Debian package notes them; only root may
    List,
}

/// How hooks are changed.
#[derive(Debug, Args)]
pub struct HooksChange {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// `git cairn deployments`.
#[derive(Debug, Args)]
pub struct Deployments {
    /// Only this environment's
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,
    /// The host, where there are several remotes
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
}

/// `git cairn deploy` and `git cairn rollback`.
#[derive(Debug, Args)]
pub struct Move {
    /// The environment; chosen from a list where there is a terminal
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,
    /// A commit, or a deployment such as live_3
    #[arg(value_name = "COMMIT")]
    pub target: Option<String>,
    /// What the deployment's tag is to say
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// The host, where there are several remotes
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
    /// Whether it is to be done
    #[command(flatten)]
    pub consent: Consent,
}

/// `git cairn rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// What moves, and where to
    #[command(flatten)]
    pub what: Move,
    /// Then hold the environment: nothing is deployed there until somebody releases it on the host
    #[arg(long)]
    pub hold: bool,
}

/// `git cairn revert`.
#[derive(Debug, Args)]
#[expect(clippy::option_option, reason = "they may be there without a folder")]
pub struct Revert {
    /// Commits, or ranges <a>..<b>; chosen from a list where there is a terminal
    #[arg(value_name = "COMMIT")]
    pub commits: Vec<String>,
    /// Which parent of a merge is gone back to, counted from 1
    #[arg(short, long, value_name = "PARENT")]
    pub mainline: Option<u32>,
    /// Where changes collide, lay the conflict out in this new folder, to be resolved there
    #[arg(long, value_name = "DIR", conflicts_with = "apply")]
    pub resolve: Option<PathBuf>,
    /// Go on with what was resolved in this folder; by default the only one there is
    #[arg(long = "continue", value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["commits", "mainline", "resolve", "branch", "remote", "no_push", "include_mine"])]
    pub go_on: Option<Option<PathBuf>>,
    /// Give up what is being resolved in this folder, and remove it; by default the only one there is
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["go_on", "commits", "mainline", "resolve", "branch", "remote", "no_push", "include_mine", "plan", "yes", "confirm", "apply"])]
    pub abandon: Option<Option<PathBuf>>,
    /// Where it is done
    #[command(flatten)]
    pub at: Whereabouts,
    /// Whether it is to be done
    #[command(flatten)]
    pub consent: Consent,
}

/// `git cairn undo`.
#[derive(Debug, Args)]
pub struct Undo {
    /// The operation, by the start of its id; the last one by default
    #[arg(value_name = "OPERATION", conflicts_with = "list")]
    pub operation: Option<String>,
    /// List what was done in this clone, newest first
    #[arg(long, conflicts_with_all = ["plan", "yes", "confirm", "apply", "remote"])]
    pub list: bool,
    /// The last one that moved something on this remote
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
    /// Whether it is to be done
    #[command(flatten)]
    pub consent: Consent,
}

/// `git cairn reset`.
#[derive(Debug, Args)]
pub struct Reset {
    /// The commit to go back to; chosen from a list where there is a terminal
    #[arg(value_name = "COMMIT")]
    pub commit: Option<String>,
    /// By one new commit that makes everything what it was: no force, no conflict, nothing lost
    #[arg(long)]
    pub as_commit: bool,
    /// By moving the branch back: the host drops what came after
    #[arg(long, conflicts_with = "as_commit")]
    pub overwrite_history: bool,
    /// Where it is done
    #[command(flatten)]
    pub at: Whereabouts,
    /// Whether it is to be done
    #[command(flatten)]
    pub consent: Consent,
}

/// The branch that is changed, and where.
#[derive(Debug, Args)]
pub struct Whereabouts {
    /// The branch; by default the one that is checked out
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// The host, where there are several remotes
    #[arg(long, value_name = "NAME", conflicts_with = "no_push")]
    pub remote: Option<String>,
    /// Only here: nothing is pushed
    #[arg(long)]
    pub no_push: bool,
    /// Publish commits of yours too that the host lacks
    #[arg(long, conflicts_with = "no_push")]
    pub include_mine: bool,
}

/// `git cairn catch-up`.
#[derive(Debug, Args)]
pub struct CatchUp {
    /// The branch; by default the one that is checked out
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// The host, where there are several remotes
    #[arg(long, value_name = "NAME")]
    pub remote: Option<String>,
    /// Publish the commits as well
    #[arg(long)]
    pub push: bool,
    /// Whether it is to be done
    #[command(flatten)]
    pub consent: Consent,
}

/// What every command takes that shows a plan and asks.
#[derive(Debug, Args)]
pub struct Consent {
    /// Only print the plan
    #[arg(long, conflicts_with_all = ["yes", "confirm", "apply"])]
    pub plan: bool,
    /// Answer the question with yes
    #[arg(long, short)]
    pub yes: bool,
    /// Carry out exactly the plan of this id, or stop
    #[arg(long, value_name = "PLAN ID", conflicts_with = "apply")]
    pub confirm: Option<String>,
    /// Carry out exactly the plan in this file, or stop
    #[arg(long, value_name = "FILE")]
    pub apply: Option<PathBuf>,
}

/// `git cairn backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// What to do with backups
    #[command(subcommand)]
    pub verb: BackupVerb,
}

/// The verbs of `git cairn backup`.
#[derive(Debug, Subcommand)]
pub enum BackupVerb {
    /// Make a backup now
    Create(Create),
    /// List backups, newest first
    List(List),
    /// Show everything a backup says
    Show(Show),
    /// Hand out a backup's code, or its uncommitted edits, as one file
    Get(Get),
    /// Read backups back: every digest, every object, every reference
    Verify(Verify),
    /// Remove what is past its retention, but never the newest good one of an environment
    Expire(Expire),
    /// Remove one backup before its time
    Delete(Delete),
}

/// Where a store is, without a repository.
#[derive(Debug, Args)]
pub struct StoreArguments {
    /// The store, where no repository is at hand
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// The site, where the store holds several
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
}

/// `git cairn backup create`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Create {
    /// The environment; the first one by default
    #[arg(value_name = "ENV", conflicts_with = "all")]
    pub environment: Option<String>,
    /// Every environment whose branch exists
    #[arg(long)]
    pub all: bool,
    /// What the backup is to say
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// In every set-up repository below this folder
    #[arg(long, value_name = "DIR")]
    pub sites: Option<PathBuf>,
    /// Stop unless the served work tree is as its commit has it
    #[arg(long, conflicts_with = "without_uncommitted")]
    pub require_clean: bool,
    /// Leave out what is not committed in the served work tree
    #[arg(long, conflicts_with = "include_ignored")]
    pub without_uncommitted: bool,
    /// Capture what ignore rules hide in the served work tree too
    #[arg(long)]
    pub include_ignored: bool,
    /// For how many days it is kept
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_for: Option<u32>,
    /// How long to wait for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
}

/// `git cairn backup list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only this environment's
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,
    /// Those whose retention has ended
    #[arg(long)]
    pub expired: bool,
    /// Where to look
    #[command(flatten)]
    pub store: StoreArguments,
}

/// `git cairn backup show`.
#[derive(Debug, Args)]
pub struct Show {
    /// An id or its start, an environment, live@{2}, live@{yesterday}, or a deployment's tag
    #[arg(value_name = "BACKUP")]
    pub backup: String,
    /// Where to look
    #[command(flatten)]
    pub store: StoreArguments,
}

/// `git cairn backup get`.
#[derive(Debug, Args)]
pub struct Get {
    /// An id or its start, an environment, live@{2}, live@{yesterday}, or a deployment's tag
    #[arg(value_name = "BACKUP")]
    pub backup: String,
    /// Which part of it
    #[arg(long, value_name = "ELEMENT", value_parser = ["code", "uncommitted"])]
    pub element: String,
    /// The file to write, or - for standard output; by default a file named after the backup
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Without the references that clients of the host do not see
    #[arg(long)]
    pub visible: bool,
    /// Uncommitted edits as a patch to the commit the work tree stood on
    #[arg(long, conflicts_with_all = ["visible", "thin"])]
    pub patch: bool,
    /// Uncommitted edits as the bundle that is stored: it needs the commit the work tree stood on
    #[arg(long, conflicts_with = "visible")]
    pub thin: bool,
    /// Where to look
    #[command(flatten)]
    pub store: StoreArguments,
}

/// `git cairn backup verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which backups; the newest of each environment by default
    #[arg(value_name = "BACKUP", conflicts_with = "all")]
    pub backups: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Make again what can be made again: indexes, proofs, lists of digests
    #[arg(long, conflicts_with = "sites")]
    pub repair: bool,
    /// How long --repair waits for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
    /// In every set-up repository below this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["backups", "store"])]
    pub sites: Option<PathBuf>,
    /// Where to look
    #[command(flatten)]
    pub store: StoreArguments,
}

/// `git cairn backup expire`.
#[derive(Debug, Args)]
pub struct Expire {
    /// Only say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
}

/// `git cairn backup delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Which backup
    #[arg(value_name = "BACKUP")]
    pub backup: String,
    /// Why it goes before its time
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// How long to wait for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
}

/// `git cairn restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// An id or its start, an environment, live@{2}, live@{yesterday}, or a deployment's tag
    #[arg(value_name = "BACKUP")]
    pub backup: String,
    /// The directory to make
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// A bare repository with every reference and HEAD as they were
    #[arg(long)]
    pub bare: bool,
    /// Which part of it
    #[arg(long, value_name = "ELEMENT", value_parser = ["code", "uncommitted"], default_value = "code")]
    pub element: String,
    /// Where to look
    #[command(flatten)]
    pub store: StoreArguments,
}

/// `git cairn uncommitted`.
#[derive(Debug, Args)]
pub struct Uncommitted {
    /// The environment whose work tree is meant; by default every one that has one
    #[arg(value_name = "ENV")]
    pub environment: Option<String>,
    /// Look at this work tree
    #[arg(long, value_name = "DIR")]
    pub worktree: Option<PathBuf>,
    /// Show how many lines of each file changed
    #[arg(long, conflicts_with_all = ["patch", "json"])]
    pub stat: bool,
    /// Show the changes as a patch, which git apply --binary takes
    #[arg(long, short, conflicts_with = "json")]
    pub patch: bool,
    /// End with 1 if there are changes
    #[arg(long)]
    pub exit_code: bool,
}

/// `git cairn worker`.
#[derive(Debug, Args)]
pub struct Worker {
    /// Return when nothing waits or runs
    #[arg(long)]
    pub once: bool,
    /// In every set-up repository below this folder
    #[arg(long, value_name = "DIR")]
    pub sites: Option<PathBuf>,
    /// How long to wait for another git-cairn
    #[arg(long, value_name = "TIME", default_value = "600s")]
    pub wait: String,
    /// Live on when the push that started it ends
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// `git cairn demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Keep what it makes in this directory, which must not exist yet
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `git cairn hook`.
#[derive(Debug, Args)]
pub struct Hook {
    /// pre-receive or post-receive
    pub event: String,
    /// The hook that stood there before
    #[arg(long)]
    pub then: Option<PathBuf>,
}

/// `git cairn help`.
#[derive(Debug, Args)]
pub struct Help {
    /// A verb, and one of its own verbs
    #[arg(value_name = "VERB", num_args = 0..=2)]
    pub verbs: Vec<String>,
}

/// `git cairn complete`.
#[derive(Debug, Args)]
pub struct Complete {
    /// The words of the line up to the cursor, the first of which is the program
    #[arg(last = true)]
    pub words: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn the_command_line_is_consistent() {
        program().debug_assert();
    }
}
