//! The plainest case of what a person means, seen in this process; every other is git's to tell.

use super::{ObjectId, Place, RefName, Repository, Scratch};
use crate::os::{self, OsStrExt};
use bstr::ByteSlice;
use std::path::{Path, PathBuf};

/// What makes git look for a repository elsewhere or otherwise (git(1)), or take its settings from elsewhere.
const CHANGES_DISCOVERY: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
];
/// Where git looks for a short name, in this order (gitrevisions(7)).
const PLACES: [&str; 4] = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
/// The shortest start of an id that names an object.
const ID_START_MIN: usize = 4;

impl Repository {
    /// Opens the repository whose work tree the person is in, where it is a plain clone of the person's own: a `.git` folder
    /// on the way up, on the same file system, with nothing in the environment or its config that git would heed. Or the
    /// bare one of the person's own that they stand in.
    pub(super) fn discover_plain(place: &Place) -> Option<Self> {
        if place.git_dir.is_some() || CHANGES_DISCOVERY.iter().any(|name| std::env::var_os(name).is_some()) {
            return None;
        }
        let here =
            std::env::current_dir().ok().filter(|here| place.folder.as_ref().is_none_or(|folder| folder == here))?;
        let (work_tree, git_dir) = match plain_git_dir(&here)? {
            Plain::Clone(work_tree, git_dir) => (Some(work_tree), git_dir),
            Plain::Bare => (None, here),
        };
        let is_bare = work_tree.is_none();
        let repository = Self::open_with(&git_dir, work_tree).ok()?;
        let config = repository.config();
        let is_odd = config.get("core", "worktree").is_some()
            || config.is_true("core", "bare").unwrap_or(false) != is_bare
            // A person may forbid to find a bare one without being told where it is.
            || (is_bare && config.get("safe", "bareRepository").is_some())
            || config.section("extensions").next().is_some();
        (!is_odd).then_some(repository)
    }

    fn plain_name(&self, name: &str) -> Option<ObjectId> {
        let name = if name == "@" { "HEAD" } else { name };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return None;
        }
        let exists = |name: &RefName| Some(self.may_exist(name) && self.ref_id(name).ok()?.is_some());
        let below = PLACES.iter().map(|place| format!("{place}{name}"));
        let mut meant: Vec<RefName> = vec![];
        for name in below.chain([format!("refs/remotes/{name}/HEAD")]).filter_map(RefName::new) {
            if exists(&name)? {
                meant.push(name);
            }
        }
        if name.starts_with("refs/") {
            meant.extend(RefName::new(name).filter(|name| exists(name).unwrap_or(false)));
        } else if name == "HEAD" {
            meant.push(RefName::head());
        } else if [self.git_dir(), &self.common_dir()].iter().any(|folder| folder.join(name).exists()) {
            return None;
        }
        let is_id = name.len() >= ID_START_MIN && name.chars().all(|c| c.is_ascii_hexdigit());
        match (meant.as_slice(), is_id) {
            ([], true) => self.only_object(name).and_then(|id| self.peel_to_commit(&id)),
            ([name], false) => self.peel_to_commit(&self.ref_id(name).ok()??),
            _ => None,
        }
    }

    /// Tells whether a reference of this name may be there; that of a name which is another's folder may be, too.
    fn may_exist(&self, name: &RefName) -> bool {
        let is_packed = || {
            let packed = self.gix().refs.cached_packed_buffer().ok().flatten();
            packed.is_some_and(|packed| packed.try_find(name.as_bytes().as_bstr()).ok().flatten().is_some())
        };
        let file = std::ffi::OsStr::from_bytes(name.as_bytes());
        self.common_dir().join(file).exists() || self.git_dir().join(file).exists() || is_packed()
    }

    fn only_object(&self, start: &str) -> Option<ObjectId> {
        if start.len() == self.hash_kind().len_in_hex() {
            return ObjectId::from_hex(start.as_bytes()).ok();
        }
        let prefix = gix::hash::Prefix::from_hex(start).ok()?;
        self.gix().objects.lookup_prefix(prefix, None).ok()??.ok()
    }
}

impl Scratch {
    /// Returns the commit that a word names beyond doubt: by a whole id or a start of one that only one object has, or by the
    /// one reference it can mean, and from there `~<n>` and `^<n>`.
    pub fn plain_commit(&self, repository: &Repository, word: &str) -> Option<ObjectId> {
        if repository.uses_reftable() || repository.common_dir().join("shallow").exists() {
            return None;
        }
        let (name, mut steps) = word.split_at(word.find(['~', '^']).unwrap_or(word.len()));
        let mut commit = repository.plain_name(name)?;
        while let Some(kind) = steps.chars().next() {
            if kind != '~' && kind != '^' {
                return None;
            }
            let digits = steps[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(steps.len() - 1);
            let count: usize = if digits == 0 { 1 } else { steps[1..=digits].parse().ok()? };
            steps = &steps[1 + digits..];
            match (kind, count) {
                ('~', count) => {
                    for _ in 0..count {
                        commit = *self.parents(&commit).ok()?.first()?;
                    }
                }
                (_, 0) => {}
                (_, n) => commit = *self.parents(&commit).ok()?.get(n - 1)?,
            }
        }
        Some(commit)
    }
}

/// Goes up from a folder to the first with a `.git`, and returns both; `None` where anything on the way is not plain.
/// What a person may mean by the folder they are in.
enum Plain {
    /// A work tree, and its git directory.
    Clone(PathBuf, PathBuf),
    /// The folder itself.
    Bare,
}

fn plain_git_dir(from: &Path) -> Option<Plain> {
    let device = os::device(&from.metadata().ok()?);
    let is_own = |metadata: &std::fs::Metadata| os::is_ours(metadata) && os::device(metadata) == device;
    let is_whole = |git_dir: &Path| ["HEAD", "objects", "refs"].iter().all(|name| git_dir.join(name).exists());
    for folder in from.ancestors() {
        let metadata = folder.metadata().ok().filter(|metadata| os::device(metadata) == device)?;
        let git_dir = folder.join(".git");
        match git_dir.symlink_metadata() {
            Ok(found) => {
                let plain = found.is_dir() && is_own(&found) && is_own(&metadata) && is_whole(&git_dir);
                return plain.then(|| Plain::Clone(folder.to_owned(), git_dir));
            }
            // It may be a repository without a work tree, or inside of one.
            Err(_) if folder.join("HEAD").exists() => {
                return (folder == from && is_own(&metadata) && is_whole(folder)).then_some(Plain::Bare);
            }
            Err(_) => {}
        }
    }
    None
}
