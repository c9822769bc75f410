//! Real pushes through the hooks, into a copy of the repository that is gone afterwards.
//!
//! The copy borrows the objects and has the references and the config, but a store and a state of its own. Of the hooks it has
//! ours, as they stand, and a mark by which they leave alone what stood there before them: that may serve what is pushed.

use crate::durable::{self, Modes};
use crate::error::{AtPath, Error, Result};
use crate::git::{Key, ObjectId, Repository, Scratch};
use crate::hook::Inspected;
use crate::os::{self, OsStrExt};
use crate::process::Command;
use crate::queue::TRIAL_MARK;
use crate::setup::{ConfigFile, Setting, begin, make_ready, new_id};
use crate::site::Site;
use bstr::{BStr, ByteSlice};
use std::ffi::OsStr;
use std::path::Path;
use tempfile::TempDir;

/// What the messages of commits of ours say: a commit beside another is never the same.
const MESSAGE: &str = "A trial of git cairn doctor";
const OTHER_MESSAGE: &str = "Another trial of git cairn doctor";
/// Sections of the config that say where and what the repository is, or that would do something of their own.
const LEFT_OUT: [&str; 9] =
    ["core", "extensions", "include", "includeif", "remote", "branch", "gc", "maintenance", "hook"];

/// What a push is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// That what adds commits comes through both hooks.
    Push,
    /// That a deployment is marked.
    Deployment,
    /// That what takes commits away is judged.
    Rewind,
}

/// A push that was tried.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What it was to show.
    pub means: Means,
    /// The short name of the branch.
    pub branch: String,
    /// Whether it was accepted.
    pub accepted: bool,
    /// What our hooks, or git, said of it: words such as `success: ` begin a line.
    pub said: Vec<String>,
}

/// Tries a push to the first environment, a deployment to the one after it, and a push that takes the first one back.
///
/// Returns an error where the copy cannot be made.
pub fn try_pushes(repository: &Repository, hooks: &[Inspected]) -> Result<Vec<Tried>> {
    let copy = Copy::of(repository, hooks)?;
    let scratch = Scratch::new(repository)?;
    let site = Site::from_config(&copy.repository.config())?;
    let first = site.first();
    let tip = copy.repository.ref_id(&first.branch)?;
    let pushed = commit(&scratch, tip.as_ref(), MESSAGE)?;
    let mut tried = vec![copy.push(&scratch, Means::Push, &pushed, first.branch.short(), &[])?];
    if let Some(next) = site.environments.iter().find(|one| site.deploys(one)) {
        let new = match copy.repository.ref_id(&next.branch)? {
            Some(tip) => commit(&scratch, Some(&tip), MESSAGE)?,
            None => pushed,
        };
        let option = format!("cairn.deploy={}", next.name);
        tried.push(copy.push(&scratch, Means::Deployment, &new, next.branch.short(), &[&option])?);
    }
    let other = commit(&scratch, None, OTHER_MESSAGE)?;
    tried.push(copy.push(&scratch, Means::Rewind, &other, first.branch.short(), &[])?);
    Ok(tried)
}

/// The copy.
struct Copy {
    /// Gone with us.
    _folder: TempDir,
    repository: Repository,
}

impl Copy {
    fn of(repository: &Repository, hooks: &[Inspected]) -> Result<Self> {
        let aside = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("cairn-trial-").tempdir().at("make a folder in", &aside)?;
        let git_dir = folder.path().join("copy.git");
        let clone = ["clone", "--quiet", "--mirror", "--shared", "--template="];
        Command::git().args(clone).arg(repository.git_dir()).arg(&git_dir).read()?;
        let store = folder.path().join("store");
        durable::make_folders(&store, Modes::OWNER)?;
        configure(repository, &git_dir, &store)?;
        let own = git_dir.join("hooks");
        durable::make_folders(&own, Modes::OWNER)?;
        for hook in hooks {
            let path = own.join(hook.event.name());
            let bytes = std::fs::read(&hook.path).at("read", &hook.path)?;
            std::fs::write(&path, bytes).at("write", &path)?;
            os::set_permissions(&path, 0o700).at("write", &path)?;
        }
        let mark = git_dir.join("cairn").join(TRIAL_MARK);
        durable::make_folders(&git_dir.join("cairn"), Modes::OWNER)?;
        std::fs::write(&mark, "").at("write", &mark)?;
        let copy = Repository::open(&git_dir)?;
        let site = Site::from_config(&copy.config())?;
        make_ready(&copy, &site)?;
        begin(&copy, &site)?;
        Ok(Self { _folder: folder, repository: copy })
    }

    /// Pushes a commit to a branch, with `--force`: what is refused then is refused by the host.
    fn push(
        &self,
        scratch: &Scratch,
        means: Means,
        commit: &ObjectId,
        branch: &BStr,
        options: &[&str],
    ) -> Result<Tried> {
        let mut git = scratch.git()?.args(["-c", "core.hooksPath=/dev/null", "push", "--force", "--porcelain"]);
        for option in options {
            git = git.args(["-o", option]);
        }
        let target = [commit.to_string().as_bytes(), b":refs/heads/", branch].concat();
        let output = git.arg(self.repository.git_dir()).arg(OsStr::from_bytes(&target)).output()?;
        let said = output.stderr.lines().map(|line| crate::text::shown(line.trim_ascii_end()));
        let said = said.map(|line| line.strip_prefix("remote: ").map_or(line.clone(), str::to_owned));
        let said = said.filter(|line| !line.is_empty()).collect();
        Ok(Tried { means, branch: crate::text::shown(branch), accepted: output.status.success(), said })
    }
}

/// Gives the copy the repository's own config, but for what would reach out of it.
fn configure(repository: &Repository, git_dir: &Path, store: &Path) -> Result<()> {
    let config = repository.config();
    let mut settings = Vec::new();
    let mut set = |key: &str, value: &OsStr| {
        settings.push(Setting { key: key.into(), value: value.into(), add: true });
    };
    for (key, value) in config.local().filter(|(key, _)| !reaches_out(key)) {
        // What stands without a value means yes.
        set(&key.to_string(), if value.is_empty() { "true".as_ref() } else { OsStr::from_bytes(value) });
    }
    set("cairn.id", new_id().as_ref());
    set("cairn.store", store.as_os_str());
    set("cairn.reserve", "0".as_ref());
    set("core.hooksPath", git_dir.join("hooks").as_os_str());
    set("gc.auto", "0".as_ref());
    set("receive.autogc", "false".as_ref());
    ConfigFile::planned(&git_dir.join("config"), &settings)?.put()
}

fn reaches_out(key: &Key) -> bool {
    let ours = key.section == "cairn" && ["id", "store", "worktree", "onfailure"].contains(&key.name.as_str());
    ours || LEFT_OUT.contains(&key.section.as_str())
}

/// Makes a commit with the tree of its parent, or none.
fn commit(scratch: &Scratch, parent: Option<&ObjectId>, message: &str) -> Result<ObjectId> {
    let tree = match parent {
        Some(parent) => scratch.tree_of(parent)?,
        None => id(&scratch.git()?.args(["mktree"]).read_with(b"")?)?,
    };
    let mut git = scratch.git()?;
    for who in ["AUTHOR", "COMMITTER"] {
        git = git.env(&format!("GIT_{who}_NAME"), "git-cairn").env(&format!("GIT_{who}_EMAIL"), "git-cairn@localhost");
    }
    let mut git = git.args(["commit-tree", "-m", message]);
    if let Some(parent) = parent {
        git = git.args(["-p", &parent.to_string()]);
    }
    id(&git.arg(tree.to_string()).read()?)
}

fn id(printed: &[u8]) -> Result<ObjectId> {
    ObjectId::from_hex(printed.trim_ascii()).map_err(|_| Error::strange_git("git made no object"))
}
