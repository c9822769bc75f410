//! A repository: where it is, what it is, and reading its objects.

use super::config::Scope;
use super::refs::SYMREF_DEPTH_MAX;
use super::{Config, HashKind, Key, ObjectId, RefName};
use crate::error::{AtPath, Error, Result};
use crate::os::{self, OsStrExt};
use crate::process::Command;
use bstr::{BString, ByteSlice};
use jiff::Timestamp;
use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// For how many milliseconds references are waited for that somebody else has locked; git's own patience, a tenth of a second
/// for most (git-config(1)), is too short for a busy machine.
const LOCKED_MAX_MS: u32 = 5000;
/// The settings that tell git so.
const LOCK_TIMEOUTS: [&str; 3] = ["core.filesRefLockTimeout", "core.packedRefsTimeout", "reftable.lockTimeout"];

/// The settings by which what git writes is on the disk when it ends.
pub(super) const DURABLE: [&str; 4] = ["-c", "core.fsync=all", "-c", "core.fsyncMethod=fsync"];

/// The code of the error that there is no repository where one was looked for.
pub const NOT_A_REPOSITORY: &str = "not-a-repository";

/// How many commits are looked at before git is asked.
const NEAR_COMMITS: usize = 256;

/// Where a person says the repository is.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// `-C <dir>`: as if started there.
    pub folder: Option<PathBuf>,
    /// `--git-dir <dir>`: this one, whatever the folder.
    pub git_dir: Option<PathBuf>,
}

impl Place {
    /// Goes to the folder, so that every path a person types is meant from there, as git has it.
    pub fn enter(self) -> Result<Self> {
        let Some(folder) = &self.folder else { return Ok(self) };
        if !folder.is_dir() {
            return Err(Error::not_found("no-folder", format!("there is no folder {}", folder.display()))
                .hint("-C names one that is there, from where you are; see pwd and ls"));
        }
        std::env::set_current_dir(folder).at("go to", folder)?;
        Ok(Self { folder: std::env::current_dir().ok(), ..self })
    }
}

/// A repository that is there and that we may work on.
pub struct Repository {
    inner: gix::Repository,
    git_dir: PathBuf,
    work_tree: Option<PathBuf>,
}

/// A commit as a person recognizes it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// Its id.
    pub id: ObjectId,
    /// Who wrote it.
    pub author: String,
    /// Its first line.
    pub subject: String,
    /// Whether it has more than one parent.
    pub merge: bool,
}

/// An annotated tag object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagObject {
    /// What it points to.
    pub target: ObjectId,
    /// When it was made.
    pub made_at: Timestamp,
    /// Its text.
    pub message: BString,
}

/// Returns the id of no object, which git writes for "does not exist".
pub fn null_id(kind: HashKind) -> ObjectId {
    ObjectId::null(kind)
}

/// Tells whether an id is the one that means "does not exist".
pub fn is_null(id: &ObjectId) -> bool {
    id.is_null()
}

impl Repository {
    /// Finds the repository a person means, as git itself would: its rules of ownership and safety are git's.
    pub fn discover(place: &Place) -> Result<Self> {
        if let Some(plain) = Self::discover_plain(place) {
            return Ok(plain);
        }
        let mut command = match &place.git_dir {
            // Named on purpose, as git has it: no question of ownership.
            Some(git_dir) => Command::git().env("GIT_DIR", git_dir),
            None => Command::git_here(),
        };
        if let Some(folder) = &place.folder {
            command = command.in_folder(folder);
        }
        let output = command.args(["rev-parse", "--absolute-git-dir", "--show-toplevel"]).output()?;
        let mut lines = output.stdout.lines();
        match lines.next().filter(|line| !line.is_empty()) {
            Some(git_dir) => {
                let work_tree = lines.next().map(|line| PathBuf::from(OsStr::from_bytes(line)));
                Self::open_with(Path::new(OsStr::from_bytes(git_dir)), work_tree)
            }
            None => Err(not_a_repository(place, &output.complaint())),
        }
    }

    /// Opens the repository whose git directory this is, whoever owns it.
    pub fn open(git_dir: &Path) -> Result<Self> {
        Self::open_with(git_dir, None)
    }

    pub(super) fn open_with(git_dir: &Path, work_tree: Option<PathBuf>) -> Result<Self> {
        let git_dir = os::canonicalize(git_dir).at("find the repository", git_dir)?;
        let overrides = std::env::var("GIT_CONFIG_PARAMETERS").map(|text| parse_parameters(&text)).unwrap_or_default();
        let options = gix::open::Options::default()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true)
            .strict_config(false)
            .config_overrides(overrides);
        let inner = gix::ThreadSafeRepository::open_opts(&git_dir, options).map_err(|error| {
            Error::not_found(NOT_A_REPOSITORY, format!("cannot open {}: {error}", git_dir.display()))
                .hint(format!("see what git says of it: git --git-dir {} rev-parse --git-dir", git_dir.display()))
        })?;
        let mut inner = inner.to_thread_local();
        // The objects as they are, here as in every git we start.
        inner.objects.ignore_replacements = true;
        Ok(Self { inner, git_dir, work_tree })
    }

    pub(super) fn gix(&self) -> &gix::Repository {
        &self.inner
    }

    /// Returns the absolute path of the git directory.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns the folder that all work trees share.
    pub fn common_dir(&self) -> PathBuf {
        os::canonicalize(self.inner.common_dir()).unwrap_or_else(|_| self.git_dir.clone())
    }

    /// Returns the root of the work tree we were started in.
    pub fn work_tree(&self) -> Option<&Path> {
        self.work_tree.as_deref()
    }

    /// Returns the folder objects lie in.
    pub fn objects_dir(&self) -> PathBuf {
        self.inner.objects.store_ref().path().to_owned()
    }

    /// Tells whether the repository has no work tree.
    pub fn is_bare(&self) -> bool {
        self.inner.is_bare()
    }

    /// Returns the hash its ids are made with.
    pub fn hash_kind(&self) -> HashKind {
        self.inner.object_hash()
    }

    /// Tells whether its references lie in a reftable, which gix cannot read.
    pub fn uses_reftable(&self) -> bool {
        let value = self.inner.config_snapshot().string("extensions.refStorage");
        value.is_some_and(|value| value.eq_ignore_ascii_case(b"reftable"))
    }

    /// Returns why a backup of this repository could never be whole, if so.
    pub fn incompleteness(&self) -> Option<Error> {
        if self.common_dir().join("shallow").is_file() {
            let message =
                "this is a shallow repository: history before its cut is not here, so no backup of it is whole";
            return Some(Error::refused("shallow", message).hint("fetch the rest first: git fetch --unshallow"));
        }
        let config = self.inner.config_snapshot();
        let partial = config.string("extensions.partialClone").is_some() || has_promisor_pack(&self.objects_dir());
        partial.then(|| {
            let message = "this is a partial clone: some objects are only at its remote, so no backup of it is whole";
            Error::refused("partial", message)
                .hint("make a whole one: git clone --mirror <url> <dir>, and set that one up")
        })
    }

    /// Makes a git command that works on this repository.
    pub fn git(&self) -> Command {
        Command::git().arg(OsStr::from_bytes(&[b"--git-dir=", self.git_dir.as_os_str().as_bytes()].concat()))
    }

    /// Makes a git command as [`Repository::git`] whose writes are durable when it ends (git-config(1), `core.fsync`).
    pub fn durable_git(&self) -> Command {
        self.git().args(DURABLE)
    }

    /// Returns the configuration, as git reads it for this repository.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        let snapshot = self.inner.config_snapshot();
        for section in snapshot.plumbing().sections() {
            let scope = match section.meta().source {
                gix::config::Source::Local => Scope::Local,
                gix::config::Source::Worktree => Scope::WorkTree,
                _ => Scope::Around,
            };
            let header = section.header();
            let mut names: Vec<String> = section.value_names().map(|name| name.to_lowercase()).collect();
            names.sort();
            names.dedup();
            for name in names {
                for value in section.values(&name) {
                    let key = Key {
                        section: header.name().to_str_lossy().to_lowercase(),
                        subsection: header.subsection_name().map(ToOwned::to_owned),
                        name: name.clone(),
                    };
                    config.push(key, value, scope);
                }
            }
        }
        config
    }

    /// Tells whether the object is here.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.inner.has_object(id)
    }

    /// Returns the commit an object leads to through tags; `None` where it is missing or leads to none.
    pub fn peel_to_commit(&self, id: &ObjectId) -> Option<ObjectId> {
        let mut at = *id;
        loop {
            // gix would look through all loose objects for a short name of what is no commit, and read it whole.
            match self.inner.find_header(at).ok()?.kind() {
                gix::object::Kind::Commit => return Some(at),
                gix::object::Kind::Tag => at = self.inner.find_tag(at).ok()?.target_id().ok()?.detach(),
                gix::object::Kind::Tree | gix::object::Kind::Blob => return None,
            }
        }
    }

    /// Tells whether an object is this commit, or a tag that leads to it. Of a tag the commit itself is not read.
    pub fn leads_to(&self, id: &ObjectId, commit: &ObjectId) -> bool {
        let mut at = *id;
        while at != *commit {
            let Ok(object) = self.inner.find_object(at) else { return false };
            let Ok(tag) = object.try_into_tag() else { return false };
            match tag.decode() {
                Ok(tag) if tag.target_kind == gix::objs::Kind::Commit => return tag.target() == *commit,
                Ok(tag) => at = tag.target(),
                Err(_) => return false,
            }
        }
        self.contains(commit)
    }

    /// Tells whether a shallow repository ends at this commit, whose parents are then not here.
    pub fn is_cut_at(&self, commit: &ObjectId) -> bool {
        let list = std::fs::read(self.common_dir().join("shallow")).unwrap_or_default();
        list.lines().any(|line| line == commit.to_string().as_bytes())
    }

    /// Returns the parents of a commit.
    ///
    /// Returns an error where the commit is not here.
    pub fn parents(&self, commit: &ObjectId) -> Result<Vec<ObjectId>> {
        let missing = || {
            Error::failed("object-missing", format!("the repository does not have {commit}, which it needs"))
                .hint("see what it lacks: git fsck --full")
        };
        let object =
            self.inner.find_object(*commit).map_err(|_| missing())?.try_into_commit().map_err(|_| missing())?;
        Ok(object.parent_ids().map(gix::Id::detach).collect())
    }

    /// Returns what the reference of exactly this name leads to; `None` where it does not exist.
    pub fn ref_id(&self, name: &RefName) -> Result<Option<ObjectId>> {
        if self.uses_reftable() {
            // Not rev-parse: where refs/heads/x is missing it takes refs/heads/refs/heads/x for it.
            let output = self.git().args(["show-ref", "--verify", "--hash", "--"]).arg(name.as_os_str()).output()?;
            return Ok(ObjectId::from_hex(output.stdout.trim()).ok().filter(|_| output.status.success()));
        }
        Ok(match self.find_ref(&self.follow(name)).map(|found| found.target) {
            Some(gix::refs::Target::Object(id)) => Some(id),
            Some(gix::refs::Target::Symbolic(_)) | None => None,
        })
    }

    /// Follows a symbolic reference to the one a push to it really moves.
    pub fn follow(&self, name: &RefName) -> RefName {
        if self.uses_reftable() {
            let target = self.git().args(["symbolic-ref", "--quiet"]).arg(name.as_os_str()).read();
            return target.ok().and_then(|target| RefName::new(target.trim())).unwrap_or_else(|| name.clone());
        }
        let mut current = name.clone();
        for _ in 0..SYMREF_DEPTH_MAX {
            let next = self.find_ref(&current).and_then(|found| match found.target {
                gix::refs::Target::Symbolic(target) => RefName::new(target.as_bstr()),
                gix::refs::Target::Object(_) => None,
            });
            match next {
                Some(next) => current = next,
                None => break,
            }
        }
        current
    }

    /// Reads a reference from its file or from packed-refs.
    fn find_ref(&self, name: &RefName) -> Option<gix::refs::Reference> {
        let found = self.inner.refs.try_find(name.as_bytes().as_bstr()).ok().flatten();
        // A name that is missing is looked for below others too; that one is another reference.
        found.filter(|found| found.name.as_bstr() == name.as_bytes())
    }

    /// Returns the object a person's words mean, peeled to a commit.
    pub fn find_commit(&self, words: &str) -> Result<ObjectId> {
        let spec = super::commit_spec(words);
        let output = self.git().args(["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]).output()?;
        let id = ObjectId::from_hex(output.stdout.trim()).ok().filter(|_| output.status.success());
        id.ok_or_else(|| {
            Error::not_found("no-such-commit", format!("there is no commit {}", crate::text::shown(words.as_bytes())))
                .hint("name a commit, a branch or a tag that this repository has")
        })
    }

    /// Tells whether `ancestor` is reachable from `descendant`, or is it.
    pub fn is_ancestor(&self, ancestor: &ObjectId, descendant: &ObjectId) -> Result<bool> {
        // Most often it is the other way round, by a few commits: then no process is needed to say no.
        if ancestor != descendant && self.is_near_ancestor(descendant, ancestor) {
            return Ok(false);
        }
        let ids = [ancestor.to_string(), descendant.to_string()];
        let output = self.git().args(["merge-base", "--is-ancestor"]).args(ids).output()?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(Error::unreadable_repository(format!("git merge-base: {}", output.complaint()))),
        }
    }

    /// Tells whether `ancestor` is met within a few hundred commits from `descendant`.
    fn is_near_ancestor(&self, ancestor: &ObjectId, descendant: &ObjectId) -> bool {
        let (mut waiting, mut seen) = (VecDeque::from([*descendant]), HashSet::new());
        while let Some(commit) = waiting.pop_front().filter(|_| seen.len() < NEAR_COMMITS) {
            if commit == *ancestor {
                return true;
            }
            if seen.insert(commit) {
                waiting.extend(self.parents(&commit).unwrap_or_default());
            }
        }
        false
    }

    /// Returns the first line of a commit; empty where it is missing.
    pub fn subject(&self, id: &ObjectId) -> String {
        let object = self.inner.find_object(*id).ok().and_then(|object| object.try_into_commit().ok());
        let summary = object.and_then(|commit| commit.message().ok().map(|message| message.summary().into_owned()));
        summary.map(|summary| crate::text::json_text(&summary)).unwrap_or_default()
    }

    /// Reads a commit as a person recognizes it; `None` where it is missing.
    pub fn commit_line(&self, id: &ObjectId) -> Option<CommitLine> {
        let commit = self.inner.find_object(*id).ok()?.try_into_commit().ok()?;
        let decoded = commit.decode().ok()?;
        Some(CommitLine {
            id: *id,
            author: crate::text::json_text(decoded.author().ok()?.name),
            subject: crate::text::json_text(&decoded.message().summary()),
            merge: decoded.parents().count() > 1,
        })
    }

    /// Returns git's word for what an object is; `None` where it is missing.
    pub fn kind_of(&self, id: &ObjectId) -> Option<&'static str> {
        Some(match self.inner.find_header(*id).ok()?.kind() {
            gix::object::Kind::Commit => "commit",
            gix::object::Kind::Tag => "tag",
            gix::object::Kind::Tree => "tree",
            gix::object::Kind::Blob => "blob",
        })
    }

    /// Reads an annotated tag; `None` where the object is missing or is none.
    pub fn tag_object(&self, id: &ObjectId) -> Option<TagObject> {
        let tag = self.inner.find_object(*id).ok()?.try_into_tag().ok()?;
        let decoded = tag.decode().ok()?;
        let seconds = decoded.tagger().ok().flatten().map_or(0, |tagger| tagger.seconds());
        Some(TagObject {
            target: decoded.target(),
            made_at: Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH),
            message: decoded.message.to_owned(),
        })
    }

    /// Reads a blob of at most `bytes_max` bytes.
    pub fn blob(&self, id: &ObjectId, bytes_max: u64) -> Option<Vec<u8>> {
        let header = self.inner.find_header(*id).ok()?;
        if header.size() > bytes_max {
            return None;
        }
        self.inner.find_object(*id).ok()?.try_into_blob().ok().map(|mut blob| blob.take_data())
    }

    /// Lists the commits reachable from `from` and not from `not`, newest first, `limit` at most, each with its author's
    /// address.
    pub fn commits_between(
        &self,
        not: Option<&ObjectId>,
        from: &ObjectId,
        limit: usize,
    ) -> Result<Vec<(CommitLine, String)>> {
        let range = not.map_or(from.to_string(), |not| format!("{not}..{from}"));
        let limit = format!("--max-count={limit}");
        let out = self.git().args([
            "log",
            "--no-show-signature",
            "--format=%H%x00%P%x00%an%x00%ae%x00%s",
            &limit,
            &range,
            "--",
        ]);
        let out = out.read()?;
        Ok(out.lines().filter_map(commit_line).collect())
    }

    /// Counts the commits reachable from `from` and not from `not`.
    pub fn count_between(&self, not: Option<&ObjectId>, from: &ObjectId) -> Result<usize> {
        let range = not.map_or(from.to_string(), |not| format!("{not}..{from}"));
        let out = self.git().args(["rev-list", "--count", &range, "--"]).read()?;
        Ok(out.trim().to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Returns the messages of the commits that one has and another has not, one after the other.
    pub fn messages_between(&self, not: &ObjectId, from: &ObjectId) -> Result<Vec<u8>> {
        self.git().args(["log", "--no-show-signature", "--format=%B", &format!("{not}..{from}"), "--"]).read()
    }

    /// Writes an object durably and returns its id.
    pub fn write_object(&self, kind: &str, bytes: &[u8]) -> Result<ObjectId> {
        let out = self.durable_git().args(["hash-object", "-w", "--stdin", "-t", kind]).read_with(bytes)?;
        ObjectId::from_hex(out.trim()).map_err(|_| Error::strange_git("git hash-object answers with no id"))
    }

    /// Writes many objects with one process and returns their ids; whoever needs them to last syncs the file system.
    pub fn write_objects_quickly(&self, kind: &str, objects: &[Vec<u8>]) -> Result<Vec<ObjectId>> {
        let folder = tempfile::tempdir().at("make a folder in", &std::env::temp_dir())?;
        let mut paths = Vec::new();
        for (n, bytes) in objects.iter().enumerate() {
            let path = folder.path().join(n.to_string());
            std::fs::write(&path, bytes).at("write", &path)?;
            paths.extend_from_slice(path.as_os_str().as_bytes());
            paths.push(b'\n');
        }
        let words = ["hash-object", "-w", "--no-filters", "--stdin-paths", "-t", kind];
        let out = self.git().args(words).read_with(&paths)?;
        let ids = out.lines().map(ObjectId::from_hex).collect::<std::result::Result<Vec<_>, _>>();
        let ids = ids.ok().filter(|ids| ids.len() == objects.len());
        ids.ok_or_else(|| Error::strange_git("git hash-object answers with too few ids"))
    }

    /// Carries out instructions of `git update-ref --stdin` in one transaction, durably. Others who change references at the
    /// same time are waited for.
    pub fn update_refs(&self, message: &str, instructions: &[u8]) -> Result<()> {
        waiting_for_others(self.durable_git(), &["-m", message], instructions)
    }
}

/// Makes git wait for the locks of others on references longer than it does by itself.
pub(super) fn patient(git: Command) -> Command {
    let settings = LOCK_TIMEOUTS.map(|name| format!("{name}={LOCKED_MAX_MS}"));
    settings.iter().fold(git, |git, setting| git.args(["-c", setting]))
}

/// Runs `git update-ref` by a command that waits for the locks of others longer than git does by itself.
fn waiting_for_others(git: Command, words: &[&str], instructions: &[u8]) -> Result<()> {
    patient(git).arg("update-ref").args(words).arg("--stdin").read_with(instructions).map(drop)
}

impl Repository {
    /// As [`Repository::update_refs`], for references that need not outlive a power cut.
    pub fn update_refs_quickly(&self, instructions: &[u8]) -> Result<()> {
        waiting_for_others(self.git(), &[], instructions)
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Repository({})", self.git_dir.display())
    }
}

fn commit_line(line: &[u8]) -> Option<(CommitLine, String)> {
    let mut fields = line.split(|byte| *byte == 0);
    let id = ObjectId::from_hex(fields.next()?).ok()?;
    let merge = fields.next()?.contains(&b' ');
    let author = crate::text::json_text(fields.next()?);
    let email = crate::text::json_text(fields.next()?);
    Some((CommitLine { id, author, merge, subject: crate::text::json_text(fields.next()?) }, email))
}

fn has_promisor_pack(objects: &Path) -> bool {
    let packs = std::fs::read_dir(objects.join("pack"));
    packs.is_ok_and(|packs| packs.flatten().any(|entry| entry.path().extension().is_some_and(|e| e == "promisor")))
}

fn not_a_repository(place: &Place, complaint: &str) -> Error {
    let named = place.git_dir.as_deref().or(place.folder.as_deref());
    let here = named.map_or("this folder".into(), |path| path.display().to_string());
    if complaint.contains("dubious ownership") {
        return Error::refused("owned-by-other", format!("{here} belongs to somebody else, and git does not trust it"))
            .hint("run this as its owner, or name it: git config --global --add safe.directory <its path>");
    }
    if complaint.contains("safe.bareRepository") {
        return Error::refused(
            "bare-not-named",
            format!("git's safe.bareRepository forbids to find {here} by its folder"),
        )
        .hint("name it: git cairn --git-dir <dir> ...");
    }
    Error::not_found(NOT_A_REPOSITORY, format!("{here} is not in a git repository ({complaint})"))
        .hint("go to a repository, or name it with -C <dir> or --git-dir <dir>")
}

/// Reads `GIT_CONFIG_PARAMETERS`, in which `git -c` hands on its settings: `'key'='value'` since 2.31, `'key=value'` before.
fn parse_parameters(text: &str) -> Vec<BString> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if !quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.into_iter().map(BString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_git_c_are_read_in_both_forms() {
        assert_eq!(parse_parameters("'cairn.site'='a b' 'cairn.store=/x'"), ["cairn.site=a b", "cairn.store=/x"]);
        assert_eq!(parse_parameters(r"'a.b'='it'\''s'"), ["a.b=it's"]);
        assert!(parse_parameters("").is_empty());
    }
}
