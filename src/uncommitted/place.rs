//! Which work tree is meant, and what it is: a plain folder, a clone of its own, or a linked work tree of the host.

use super::foreign::Foreign;
use super::{Stamp, inside};
use crate::error::{AtPath, Error, Result};
use crate::git::{
    Config, Drivers, HashKind, IndexFile, ObjectId, Objects, RULES_BYTES_MAX, Repository, RuleFiles, Rules,
};
use crate::os::{self, Folder, OsStrExt};
use bstr::{BStr, BString, ByteSlice};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The most that is read of a `.git` that is a file, in bytes.
const GIT_FILE_BYTES_MAX: u64 = 16 * 1024;

/// How a work tree is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A folder without a `.git`, filled by a deployment.
    Plain,
    /// A clone with a git directory of its own.
    Clone(PathBuf),
    /// A work tree of the host's own repository, with the git directory that git keeps for it.
    Linked(PathBuf),
}

/// An index that may not have been read yet.
struct OpenIndex {
    file: File,
    path: PathBuf,
    kind: HashKind,
    stamp: Stamp,
}

/// A work tree that is looked at. Nothing in it is ever written, run or followed.
pub struct WorkTree {
    root: Folder,
    path: PathBuf,
    /// The outermost tree it lies in: itself, or one whose repositories it is among.
    outermost: PathBuf,
    kept: Kept,
    objects: Objects,
    rules: Rules,
    index: OnceLock<Option<IndexFile>>,
    index_file: Option<OpenIndex>,
    /// The tree that the index is known to hold, and nothing else.
    index_holds: OnceLock<ObjectId>,
    drivers: Drivers,
    head: Option<ObjectId>,
    trusts_modes: bool,
    has_links: bool,
    warnings: Vec<String>,
}

impl WorkTree {
    /// Opens the work tree at `path` of a site whose repository is `host`.
    ///
    /// Returns [`crate::error::Kind::NotFound`] where there is no folder, and a refusal where its `.git` leads somewhere that
    /// is neither in it nor the host's.
    pub fn open(host: &Repository, path: &Path) -> Result<Self> {
        let path = os::canonicalize(path).map_err(|error| {
            Error::not_found("no-worktree", format!("there is no work tree {}: {error}", path.display()))
                .hint("name it: git config cairn.<env>.worktree <dir>, or --worktree <dir>")
        })?;
        Self::open_below(host, &path, &path)
    }

    /// Opens one that is a repository in another, whose `.git` must not lead out of the outermost one.
    pub(super) fn open_in(host: &Repository, path: &Path, outer: &Self) -> Result<Self> {
        Self::open_below(host, path, &outer.outermost)
    }

    /// Opens one that lies in `outer`, beyond which its `.git` must not lead.
    fn open_below(host: &Repository, path: &Path, outer: &Path) -> Result<Self> {
        let root = Folder::open(path).at("open the work tree", path)?;
        let place = Self {
            root,
            path: path.to_owned(),
            outermost: outer.to_owned(),
            kept: Kept::Plain,
            objects: host.objects()?,
            rules: Rules::new(&Config::default(), RuleFiles::default(), Drivers::default()),
            index: OnceLock::new(),
            index_file: None,
            index_holds: OnceLock::new(),
            drivers: Drivers::of(host, outer),
            head: None,
            trusts_modes: true,
            has_links: true,
            warnings: vec![],
        };
        match git_dir(&place.root, path)? {
            None => Ok(place.plain(host)),
            Some(git_dir) if is_of_host(host, &git_dir) => place.linked(host, git_dir),
            Some(git_dir) if git_dir.starts_with(outer) => place.clone(host, &git_dir),
            Some(git_dir) => {
                let message = format!("the .git of {} leads to {}, outside of it", path.display(), git_dir.display());
                Err(Error::refused("git-dir-outside", message).hint("serve a clone whose .git is a folder in it"))
            }
        }
    }

    fn plain(mut self, host: &Repository) -> Self {
        self.settle(&host.config(), &host.common_dir());
        self
    }

    fn linked(mut self, host: &Repository, git_dir: PathBuf) -> Result<Self> {
        let config = host.config();
        self.settle(&config, &host.common_dir());
        let own = Repository::open(&git_dir)?;
        self.head = own.find_commit("HEAD").ok();
        let foreign = Foreign::open(&git_dir, host.hash_kind())?;
        self.open_index(&foreign, host.hash_kind())?;
        self.kept = Kept::Linked(git_dir);
        Ok(self)
    }

    fn clone(mut self, host: &Repository, git_dir: &Path) -> Result<Self> {
        let foreign = Foreign::open(git_dir, host.hash_kind())?;
        if !foreign.is_one() {
            self.warnings.push(format!("{} is no repository that git knows", git_dir.display()));
            return Ok(self.plain(host));
        }
        let config = host.config().of_clone(&foreign.read(b"config").unwrap_or_default())?;
        let kind = if config.get("extensions", "objectFormat").is_some_and(|format| format == "sha256") {
            HashKind::Sha256
        } else {
            HashKind::Sha1
        };
        if kind != host.hash_kind() || config.get("extensions", "refStorage").is_some_and(|kind| kind != "files") {
            let message = format!("{} is kept in a format that is not read here", git_dir.display());
            return Err(Error::refused("clone-format", message).hint("clone it again with the host's object format"));
        }
        let known = os::canonicalize(host.objects_dir()).unwrap_or_else(|_| host.objects_dir());
        self.objects = self.objects.and(&foreign.objects(&[known])?)?;
        self.head = foreign.head()?;
        self.settle(&config, git_dir);
        self.open_index(&foreign, kind)?;
        self.kept = Kept::Clone(git_dir.to_owned());
        Ok(self)
    }

    /// Takes over the settings, and the rules that stand beside the tree.
    fn settle(&mut self, config: &Config, git_dir: &Path) {
        self.trusts_modes = config.is_true("core", "fileMode") != Some(false);
        self.has_links = config.is_true("core", "symlinks") != Some(false);
        self.rules = Rules::new(config, rule_files(config, git_dir), self.drivers.clone());
    }

    fn open_index(&mut self, git_dir: &Foreign, kind: HashKind) -> Result<()> {
        let path = git_dir.path().join("index");
        let open = |file: File| -> Result<_> {
            let stamp = os::stamp(&file).at("look at", &path)?;
            Ok(OpenIndex { file, path: path.clone(), kind, stamp })
        };
        self.index_file = git_dir.index().map(open).transpose()?;
        Ok(())
    }

    /// Returns its root, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how it is kept.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Returns the commit its own HEAD leads to; `None` of a plain folder, and where there is none yet.
    pub fn head(&self) -> Option<ObjectId> {
        self.head
    }

    /// Returns the objects of the host, and of the clone after them.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(super) fn root(&self) -> &Folder {
        &self.root
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Reads its index, if it has one.
    ///
    /// Returns an error for one that is damaged or newer than we are.
    pub(super) fn read_index(&self) -> Result<()> {
        if self.index.get().is_none() {
            let open = self.index_file.as_ref();
            let index = open.map(|open| IndexFile::read(&open.file, &open.path, open.kind)).transpose()?;
            let _ = self.index.set(index);
        }
        Ok(())
    }

    /// Its index; of a plain folder, none: there a commit says what git would watch. One that was not read yet is; that it
    /// cannot be is told by [`Self::read_index`].
    pub(super) fn index(&self) -> Option<&IndexFile> {
        let _ = self.read_index();
        self.index.get()?.as_ref()
    }

    /// Returns the stamp of its index, from before it is read.
    pub(super) fn index_stamp(&self) -> Option<Stamp> {
        self.index_file.as_ref().map(|open| open.stamp)
    }

    /// Notes that the index is known to hold what this tree has, and nothing else: then it need not be read.
    pub(super) fn set_index_holds(&self, tree: ObjectId) {
        let _ = self.index_holds.set(tree);
    }

    /// Tells whether the index is known to hold what this tree has, and nothing else.
    pub(super) fn index_holds(&self, tree: Option<ObjectId>) -> bool {
        tree.is_some() && self.index_holds.get().copied() == tree
    }

    /// Whether it has an index of its own, be it an empty one.
    pub(super) fn has_index(&self) -> bool {
        self.kept != Kept::Plain
    }

    pub(super) fn trusts_modes(&self) -> bool {
        self.trusts_modes
    }

    pub(super) fn has_links(&self) -> bool {
        self.has_links
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Returns where the `.git` in a folder leads, absolute and without links; `None` where there is none.
///
/// Returns an error for one that is neither a folder nor a file that names one.
pub(super) fn git_dir(folder: &Folder, path: &Path) -> Result<Option<PathBuf>> {
    let dot_git = path.join(".git");
    let Ok(stamp) = folder.look(b".git") else { return Ok(None) };
    if stamp.is_folder() || stamp.is_link() {
        return os::canonicalize(&dot_git).map(Some).at("follow", &dot_git);
    }
    let text = inside::read(folder, b".git", GIT_FILE_BYTES_MAX).at("read", &dot_git)?.unwrap_or_default();
    let Some(target) = text.strip_prefix(b"gitdir: ") else { return Ok(None) };
    let target = path.join(OsStr::from_bytes(target.trim_end_with(|c| c == '\n' || c == '\r')));
    os::canonicalize(&target).map(Some).at("follow", &target)
}

/// Tells whether a git directory is the host's own, or one that the host keeps for a linked work tree.
fn is_of_host(host: &Repository, git_dir: &Path) -> bool {
    git_dir == host.git_dir()
        || git_dir == host.common_dir()
        || git_dir.starts_with(host.common_dir().join("worktrees"))
}

/// Reads the rules that stand beside a tree (gitignore(5), gitattributes(5)). A file that cannot be read holds none, as git
/// has it.
fn rule_files(config: &Config, git_dir: &Path) -> RuleFiles {
    let home = os::home();
    let xdg = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let user = xdg.or_else(|| home.as_ref().map(|home| home.join(".config")));
    let named = |key: &str, default: &str| match config.get("core", key) {
        Some(path) => Some(expand(&path, home.as_deref())),
        None => user.as_ref().map(|user| user.join("git").join(default)),
    };
    let system = std::env::var_os("GIT_ATTR_NOSYSTEM").is_none().then(|| PathBuf::from("/etc/gitattributes"));
    let attributes = [system, named("attributesFile", "attributes")];
    let info = Folder::open(git_dir).ok();
    let beside = |name: &[u8]| inside::read(info.as_ref()?, name, RULES_BYTES_MAX).ok().flatten();
    RuleFiles {
        excludes: named("excludesFile", "ignore").and_then(|path| read(&path)),
        info_exclude: beside(b"info/exclude"),
        attributes: attributes.into_iter().flatten().filter_map(|path| read(&path)).collect(),
        info_attributes: beside(b"info/attributes"),
    }
}

fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Reads a file that config names; links in its path are followed, as git does, but nothing is waited for.
fn read(path: &Path) -> Option<Vec<u8>> {
    let real = os::canonicalize(path).ok()?;
    let folder = Folder::open(real.parent()?).ok()?;
    inside::read(&folder, real.file_name()?.as_bytes(), RULES_BYTES_MAX).ok().flatten()
}

/// Joins a path in the tree to its root.
pub(super) fn join(root: &Path, path: &BStr) -> PathBuf {
    root.join(OsStr::from_bytes(path))
}

/// Returns the rules of the folder a path stands in, reading those of every folder on the way; `fallback` gives what git has
/// of a file of attributes that is not there.
pub(super) fn rules_for(
    tree: &WorkTree,
    path: &BStr,
    mut fallback: impl FnMut(&BStr) -> Option<Vec<u8>>,
) -> std::io::Result<Rules> {
    let mut rules = tree.rules().clone();
    let mut at = tree.root().try_clone()?;
    let mut folder = BString::default();
    let above = path.rfind_byte(b'/').map_or(&b""[..], |slash| &path[..slash]);
    let mut names = above.split_str("/").filter(|name| !name.is_empty());
    loop {
        let ignore = inside::read(&at, b".gitignore", RULES_BYTES_MAX)?;
        let file = BString::from([folder.as_slice(), b".gitattributes"].concat());
        // A folder of that name is to git a file that says nothing.
        let is_folder = at.look(b".gitattributes").is_ok_and(|stamp| stamp.is_folder());
        let attributes = inside::read(&at, b".gitattributes", RULES_BYTES_MAX)?
            .or_else(|| if is_folder { None } else { fallback(file.as_bstr()) });
        rules = rules.enter(folder.as_bstr(), ignore.as_deref(), attributes.as_deref());
        let Some(name) = names.next() else { return Ok(rules) };
        at = at.folder(name)?;
        folder.extend_from_slice(name);
        folder.push(b'/');
    }
}
