//! A host seen from outside: what it advertises, and pushing to it one reference at a time.

use super::{ObjectId, RefName, Repository, is_null};
use crate::error::{Error, Kind, Result};
use crate::os::{OsStrExt, OsStringExt};
use crate::process::{Command, Started};
use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// How often a push is made again that met a lock, and after how long: git itself waits for a second at most
/// (core.packedRefsTimeout).
const LOCKED_TURNS: usize = 3;
const LOCKED_WAIT: Duration = Duration::from_secs(1);

/// A host, by the URL that a push goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The name in the clone's config; `None` when the repository itself is the host.
    pub name: Option<String>,
    /// Where a push goes.
    pub push_url: String,
}

/// What a host advertises at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertised {
    /// References and the objects they hold.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// For annotated tags, what they lead to.
    pub peeled: BTreeMap<RefName, ObjectId>,
}

impl Advertised {
    /// Returns the commit a reference leads to, as far as the host says.
    pub fn commit_of(&self, name: &RefName) -> Option<ObjectId> {
        self.peeled.get(name).or_else(|| self.refs.get(name)).copied()
    }
}

/// A host that was asked for its references.
pub struct Advertising(Started);

impl Advertising {
    /// Returns what it answers.
    pub fn end(self) -> Result<Advertised> {
        let out = self.0.read().map_err(|error| {
            Error::outside("unreachable", format!("{error}")).hint("is the host reachable, and may you read there?")
        })?;
        let mut advertised = Advertised::default();
        for line in out.lines() {
            let Some((id, name)) = line.split_once_str("\t") else { continue };
            let Ok(id) = ObjectId::from_hex(id) else { continue };
            match name.strip_suffix(b"^{}") {
                Some(tag) => RefName::new(tag).and_then(|tag| advertised.peeled.insert(tag, id)),
                None => RefName::new(name).and_then(|name| advertised.refs.insert(name, id)),
            };
        }
        Ok(advertised)
    }
}

/// What a push may overwrite: exactly this, and never anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The reference that moves.
    pub name: RefName,
    /// What the person saw there; `None` when it did not exist.
    pub expect: Option<ObjectId>,
    /// What it is to hold; the null id: it is to be deleted.
    pub target: ObjectId,
    /// Whether the host has all of that already, so that there is no progress to tell.
    pub is_there: bool,
}

/// How a push ended, for the one reference it moved.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PushReport {
    /// The host has it.
    Done,
    /// It stood elsewhere than the person saw.
    Moved,
    /// Another process had a lock on it.
    Locked,
    /// The host refused, for this reason.
    Refused(String),
    /// The connection ended without an answer.
    Unknown,
}

impl Remote {
    /// Returns the host that `name`, or the only remote there is, stands for.
    pub fn named(repository: &Repository, name: &str) -> Result<Self> {
        let urls = push_urls(repository, name)?;
        let mut lines = urls.iter();
        let first = lines.next().ok_or_else(|| {
            Error::not_found("no-remote", format!("there is no remote {}", crate::text::shown(name.as_bytes())))
                .hint("name one of these with --remote: git remote -v")
        })?;
        if let Some(second) = lines.next() {
            let shown = |url: &BString| crate::text::without_secrets(&crate::text::shown(url));
            let urls: Vec<_> = urls.iter().map(shown).collect();
            let message = format!(
                "remote {name} pushes to {} hosts, which one lease cannot cover and no push moves together: {}",
                urls.len(),
                urls.join(", ")
            );
            let command =
                format!("git remote add {name}-2 {}", crate::text::shell_quoted(shown(second).as_bytes().as_bstr()));
            return Err(Error::refused("two-push-urls", message).hint(format!(
                "give each a remote of its own, such as {command}, and run the command for one after the other: --remote {name}-2"
            )));
        }
        let push_url = first.to_str().map_err(|_| Error::usage(format!("the URL of {name} is not UTF-8")))?;
        Ok(Self { name: Some(name.into()), push_url: push_url.into() })
    }

    /// Returns the repository itself as the host.
    pub fn myself(repository: &Repository) -> Result<Self> {
        let path = repository.git_dir().to_str();
        let path = path.ok_or_else(|| Error::usage("the path of the repository is not UTF-8"))?;
        Ok(Self { name: None, push_url: path.into() })
    }

    /// Returns where a push goes as a plan may say it, who is logged, mailed and confirmed: without a password.
    pub fn shown_url(&self) -> String {
        crate::text::without_secrets(&self.push_url)
    }

    /// Asks the host for all its references.
    pub fn advertised(&self, repository: &Repository) -> Result<Advertised> {
        self.begin_advertised(repository)?.end()
    }

    /// Begins to ask the host for all its references.
    pub fn begin_advertised(&self, repository: &Repository) -> Result<Advertising> {
        repository.git().args(["ls-remote", "--quiet", "--", &self.push_url]).start().map(Advertising)
    }

    /// Brings the objects of these references here, if any is missing; no reference moves by it.
    pub fn fetch(&self, repository: &Repository, advertised: &Advertised, names: &[RefName]) -> Result<()> {
        let missing = |name: &&RefName| advertised.refs.get(name).is_some_and(|id| !repository.contains(id));
        let missing: Vec<_> = names.iter().filter(missing).collect();
        if missing.is_empty() { Ok(()) } else { self.fetch_by(repository.git(), &missing) }
    }

    /// As [`Remote::fetch`], by a git command that says where the objects go.
    pub(super) fn fetch_by(&self, git: Command, names: &[&RefName]) -> Result<()> {
        let flags = [
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--no-tags",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--refmap=",
            "--",
            &self.push_url,
        ];
        let names = names.iter().map(|name| name.as_os_str());
        git.args(flags).args(names).read().map(drop).map_err(|error| {
            Error::outside("fetch", format!("{error}")).hint("is the host reachable, and may you read there?")
        })
    }

    fn push(&self, repository: &Repository, git: Command, lease: &Lease, options: &[BString]) -> Result<PushReport> {
        let words: &[&str] = if lease.is_there { &["--porcelain", "--no-progress"] } else { &["--porcelain"] };
        let push = self.pushing(git, words, lease, options);
        let output = push.arg("--").arg(self.to()).arg(refspec(&lease.target, &lease.name)).talking().output()?;
        crate::process::pass_on(said_before(&output.stdout));
        match report(&output.stdout, output.status.success()) {
            // A guard that looks before git does refuses what comes too late as it refuses anything else.
            PushReport::Refused(_) | PushReport::Locked if self.moved_since(repository, lease) => Ok(PushReport::Moved),
            report => Ok(report),
        }
    }

    /// Moves one reference on the host, if it still stands where the person saw it. Where the answer is lost, the host is
    /// asked where the reference stands. `git` makes commands that say where the person's own hooks run.
    ///
    /// Never `--force`, never `+`, and never a lease that git computes itself: each of these overwrites what nobody saw.
    /// Returns an error unless the host has it; one with the code `no-answer` where not even that can be told.
    pub fn deliver(
        &self,
        repository: &Repository,
        git: impl Fn() -> Command,
        lease: &Lease,
        options: &[BString],
    ) -> Result<()> {
        let mut report = self.push(repository, git(), lease, options)?;
        for _ in 0..LOCKED_TURNS {
            if report != PushReport::Locked {
                break;
            }
            std::thread::sleep(LOCKED_WAIT);
            report = self.push(repository, git(), lease, options)?;
        }
        if report != PushReport::Unknown {
            return accepted(report, &lease.name);
        }
        let target = Some(lease.target).filter(|id| !is_null(id));
        match self.advertised(repository).map(|now| now.refs.get(&lease.name).copied()) {
            Ok(now) if now == target => Ok(()),
            Ok(now) if now == lease.expect && !options.is_empty() && !self.takes_options(git(), lease)? => {
                let message = "the host takes no push options, and so no announcement";
                let folder = repository.work_tree().unwrap_or(repository.git_dir());
                // Where that is off, setup was not run there, or more of what it does is missing.
                let fix = self.told_there(folder, "cairn setup");
                Err(Error::new(Kind::Declined, "no-push-options", message).hint(fix))
            }
            Ok(now) if now == lease.expect => {
                let message = format!("the push of {} did not arrive; nothing was changed", lease.name.short());
                Err(Error::outside("push", message).hint("what stopped it stands above"))
            }
            _ => accepted(report, &lease.name),
        }
    }

    /// Tells whether the reference is known to stand elsewhere than where the person saw it.
    fn moved_since(&self, repository: &Repository, lease: &Lease) -> bool {
        self.advertised(repository).is_ok_and(|now| now.refs.get(&lease.name).copied() != lease.expect)
    }

    /// Returns what a host says of a push that it cannot carry out: all or nothing, with a reference `beside` the one that
    /// moves that cannot exist with it. The person's own hooks are not asked.
    pub fn check(&self, git: Command, lease: &Lease, beside: &RefName, options: &[BString]) -> Result<Vec<u8>> {
        let push = self.pushing(git, &["--porcelain", "--atomic", "--no-verify"], lease, options);
        let specs = [&lease.name, beside].map(|name| refspec(&lease.target, name));
        Ok(push.arg("--").arg(self.to()).args(specs).output()?.stderr)
    }

    /// Tells whether the host takes push options.
    pub fn takes_options(&self, git: Command, lease: &Lease) -> Result<bool> {
        let push = self.pushing(git, &["--dry-run", "--no-verify"], lease, &["cairn".into()]);
        let output = push.arg("--").arg(self.to()).arg(refspec(&lease.target, &lease.name)).output()?;
        Ok(!output.stderr.contains_str("does not support push options"))
    }

    /// What git calls the host: by its name, so that its settings count and its remote-tracking references follow.
    fn to(&self) -> &str {
        self.name.as_deref().filter(|name| !name.contains('=')).unwrap_or(&self.push_url)
    }

    /// Nothing of the config may add a reference to the push, or a force.
    fn pushing(&self, git: Command, words: &[&str], lease: &Lease, options: &[BString]) -> Command {
        let expect = lease.expect.filter(|id| !is_null(id)).map(|id| id.to_string()).unwrap_or_default();
        let leased = [b"--force-with-lease=", lease.name.as_bytes(), b":", expect.as_bytes()].concat();
        let mirror = format!("remote.{}.mirror=false", self.to());
        let git = if self.name.is_some() { git.arg("-c").arg(mirror) } else { git };
        let git = git.args(["-c", "push.followTags=false", "-c", "push.gpgSign=false", "push"]).args(words);
        let git = git.args(["--no-follow-tags", "--recurse-submodules=no"]).arg(OsStr::from_bytes(&leased));
        let options = options.iter().map(|option| [b"--push-option=", option.as_slice()].concat());
        options.fold(git, |git, option| git.arg(OsStr::from_bytes(&option)))
    }
}

/// Returns the names of a repository's remotes.
pub fn remote_names(repository: &Repository) -> Result<Vec<String>> {
    // Files of old may name some too (git-fetch(1), "Named file in $GIT_DIR/remotes").
    let old = ["remotes", "branches"].map(|folder| repository.common_dir().join(folder));
    let has_some = |folder: &PathBuf| std::fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some());
    if !old.iter().any(has_some) {
        return Ok(repository.config().subsections("remote"));
    }
    let out = repository.git().arg("remote").read()?;
    Ok(out.lines().filter_map(|line| Some(line.to_str().ok()?.to_owned())).collect())
}

/// Returns the URLs that a push to a remote goes to; none where there is no such remote.
fn push_urls(repository: &Repository, name: &str) -> Result<Vec<BString>> {
    let config = repository.config();
    let [push, fetch] = ["pushurl", "url"].map(|key| config.all_in("remote", name, key));
    let urls = if push.is_empty() { &fetch } else { &push };
    let rewritten = config.section("url").next().is_some();
    // A value that is empty takes back those before it, and what is not UTF-8 is not what it seems.
    let plain = |url: &String| !url.is_empty() && !url.contains(char::REPLACEMENT_CHARACTER);
    if !rewritten && !fetch.is_empty() && push.iter().chain(&fetch).all(plain) {
        return Ok(urls.iter().map(|url| url.as_str().into()).collect());
    }
    let output = repository.git().args(["remote", "get-url", "--push", "--all", "--", name]).output()?;
    Ok(output.stdout.lines().filter(|_| output.status.success()).map(Into::into).collect())
}

fn refspec(target: &ObjectId, name: &RefName) -> OsString {
    let source = if is_null(target) { String::new() } else { target.to_string() };
    OsString::from_vec([source.as_bytes(), b":", name.as_bytes()].concat())
}

/// Returns what a push printed before its report: by the person's own `pre-push`, whose output is that of git.
fn said_before(stdout: &[u8]) -> &[u8] {
    let begins = stdout.find_iter("To ").find(|at| *at == 0 || stdout[at - 1] == b'\n');
    &stdout[..begins.unwrap_or(stdout.len())]
}

/// Reads git-push(1)'s `--porcelain`: `<flag>\t<from>:<to>\t<summary> (<reason>)`.
fn report(stdout: &[u8], success: bool) -> PushReport {
    for line in stdout.lines() {
        let text = crate::text::json_text(line);
        if line.starts_with(b"!") {
            let reason = text.rsplit('\t').next().unwrap_or_default().to_owned();
            let moved = ["stale info", "fetch first", "already exists", "non-fast-forward"];
            if moved.iter().any(|word| reason.contains(word)) && !reason.contains("remote rejected") {
                return PushReport::Moved;
            }
            // Another push wins the race after the host has told us where the reference stood, or a worker there lets go of a pin.
            let locked = ["cannot lock ref", "failed to update ref", "reference already exists"];
            if locked.iter().any(|words| reason.contains(words)) {
                return PushReport::Locked;
            }
            return PushReport::Refused(reason);
        }
    }
    if success { PushReport::Done } else { PushReport::Unknown }
}

/// Turns what the host said of a push into an error, unless it has it.
fn accepted(report: PushReport, name: &RefName) -> Result<()> {
    match report {
        PushReport::Done => Ok(()),
        PushReport::Moved => Err(Error::new(
            Kind::Moved,
            "moved",
            format!("{} moved on the host since you saw it; nothing was changed", name.short()),
        )
        .hint("run the same command again to see where it stands now")),
        PushReport::Locked => {
            let message = format!("the host could not lock {}, and says above why; nothing was changed", name.short());
            Err(Error::new(Kind::Busy, "locked", message)
                .hint("run the same command again; a .lock file that stays there was left by a git that died: remove it on the host"))
        }
        PushReport::Unknown => {
            let message =
                format!("the push of {} ended without an answer; whether it arrived is not known", name.short());
            Err(Error::outside("no-answer", message).hint("see where it stands: git cairn deployments"))
        }
        PushReport::Refused(reason) => {
            Err(Error::new(Kind::Declined, "declined", format!("the host refused: {reason}"))
                .hint("nothing was changed; its reasons stand above"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_a_push() {
        let line = |text: &str| report(format!("To /x\n{text}\nDone\n").as_bytes(), false);
        assert_eq!(report(b"To /x\n*\tabc:refs/heads/live\t[new branch]\nDone\n", true), PushReport::Done);
        assert_eq!(line("!\tabc:refs/heads/live\t[rejected] (stale info)"), PushReport::Moved);
        assert_eq!(line("!\tabc:refs/heads/live\t[remote rejected] (failed to update ref)"), PushReport::Locked);
        assert!(matches!(
            line("!\tabc:refs/heads/live\t[remote rejected] (pre-receive hook declined)"),
            PushReport::Refused(_)
        ));
        assert_eq!(said_before(b"no To x\nmore\nTo /x\n!\tx\n"), b"no To x\nmore\n");
        assert_eq!((said_before(b"To /x\nDone\n"), said_before(b"only this")), (&b""[..], &b"only this"[..]));
        assert_eq!(report(b"", false), PushReport::Unknown, "a host that says nothing did not accept");
    }
}
