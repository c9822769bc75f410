//! A work tree whose files follow a branch: what of a person's own stands in it, and moving it from one commit to another.

use super::index_lines::{self, IndexLine};
use super::scratch::to_index;
use super::{HashKind, ObjectId, Repository, Scratch, Staged, TreeChange};
use crate::error::{AtPath, Error, Result};
use crate::os::OsStrExt;
use crate::process::{Command, Started};
use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many paths git is asked about by name; of more it is asked about all.
const PATHS_NAMED_MAX: usize = 200;
/// How many files that were touched are read here.
const PATHS_READ_MAX: usize = 64;

/// A work tree and its git directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The git directory, which holds the index.
    pub git_dir: PathBuf,
    /// The top of the files.
    pub work_tree: PathBuf,
}

/// What git was told of a path, so that it does not look at its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// It is what the index says (`git update-index --assume-unchanged`).
    pub assumed: bool,
    /// It need not be there (`git update-index --skip-worktree`, git-sparse-checkout(1)).
    pub skipped: bool,
}

/// Paths whose content is a person's own work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnWork {
    /// Changed in the index.
    pub staged: BTreeSet<BString>,
    /// Changed in the files.
    pub unstaged: BTreeSet<BString>,
    /// Bearing `assume-unchanged` or `skip-worktree`, so that git does not look at them.
    pub flagged: BTreeSet<BString>,
}

impl Checkout {
    /// Returns the work tree a command was started in; `None` where there is none.
    pub fn of(repository: &Repository) -> Option<Self> {
        let work_tree = repository.work_tree()?.to_owned();
        Some(Self { git_dir: repository.git_dir().to_owned(), work_tree })
    }

    /// Returns what git does here that is neither finished nor given up, in a person's words.
    pub fn in_progress(&self) -> Option<&'static str> {
        let states = [
            ("MERGE_HEAD", "a merge"),
            ("CHERRY_PICK_HEAD", "a cherry-pick"),
            ("REVERT_HEAD", "a revert"),
            ("rebase-merge", "a rebase"),
            ("rebase-apply", "a rebase or git am"),
            ("sequencer", "a series of commits"),
            ("index.lock", "another git command, or what one left (index.lock)"),
        ];
        states.into_iter().find(|(name, _)| self.has(name)).map(|(_, what)| what)
    }

    /// Tells whether a file by which git says what it is doing is here; two of them are references (gitglossary(7), "pseudoref"),
    /// and lie in no file where those are kept in a table.
    pub(super) fn has(&self, name: &str) -> bool {
        let asks = || self.git().args(["rev-parse", "--verify", "--quiet", name]).output();
        self.git_dir.join(name).exists()
            || matches!(name, "CHERRY_PICK_HEAD" | "REVERT_HEAD")
                && self.git_dir.join("reftable").is_dir()
                && asks().is_ok_and(|output| output.status.success())
    }

    /// Returns the path of a file of the work tree.
    pub fn path(&self, path: &[u8]) -> PathBuf {
        self.work_tree.join(OsStr::from_bytes(path))
    }

    /// Tells whether nothing but folders is above a path: what lies behind a link is another path's.
    pub fn is_below_folders(&self, path: &[u8]) -> bool {
        let mut above = path.find_iter("/").map(|end| self.path(&path[..end]));
        above.all(|folder| folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()))
    }

    /// Makes a git command that works on these files, and takes no lock it can do without.
    pub fn git(&self) -> Command {
        let word = |name: &str, path: &Path| [name.as_bytes(), path.as_os_str().as_bytes()].concat();
        let command = Command::git().env("GIT_OPTIONAL_LOCKS", "0").in_folder(&self.work_tree);
        let command = command.arg(OsStr::from_bytes(&word("--git-dir=", &self.git_dir)));
        command.arg(OsStr::from_bytes(&word("--work-tree=", &self.work_tree)))
    }

    /// Returns which of the paths that change hold a person's own work.
    pub fn own_work(&self, scratch: &Scratch, changes: &[TreeChange]) -> Result<OwnWork> {
        let mut own = OwnWork::default();
        let touched = self.doubtful(scratch, changes);
        if touched.is_empty() {
            return Ok(own);
        }
        let named: Vec<&OsStr> = if touched.len() <= PATHS_NAMED_MAX {
            touched.iter().map(|path| OsStr::from_bytes(path)).collect()
        } else {
            vec![]
        };
        let words = [
            "--literal-pathspecs",
            "status",
            "--porcelain=v2",
            "-z",
            "--no-renames",
            "--untracked-files=no",
            "--ignore-submodules=all",
            "--",
        ];
        let status = self.git().args(words).args(&named).start()?;
        let flags = self.begin_flags(changes)?;
        for record in status.read()?.split(|byte| *byte == 0) {
            let Some((state, path)) = changed_path(record) else { continue };
            if touched.contains(path) {
                if state[0] != b'.' {
                    own.staged.insert(path.into());
                }
                if state[1] != b'.' {
                    own.unstaged.insert(path.into());
                }
            }
        }
        let flags = flags_in(&flags.read()?).into_keys();
        own.flagged = flags.filter(|path| touched.contains(path.as_slice())).collect();
        Ok(own)
    }

    /// Returns the flags of the paths that change, of those that the index has and that bear one.
    pub fn flags(&self, changes: &[TreeChange]) -> Result<BTreeMap<BString, Flags>> {
        self.begin_flags(changes)?.read().map(|out| flags_in(&out))
    }

    fn begin_flags(&self, changes: &[TreeChange]) -> Result<Started> {
        let named: Vec<_> = changes.iter().map(|change| OsStr::from_bytes(&change.path)).collect();
        let named = if named.len() <= PATHS_NAMED_MAX { named } else { vec![] };
        self.git().args(["--literal-pathspecs", "ls-files", "-v", "-z", "--"]).args(named).start()
    }

    /// Gives paths of an index their flags.
    pub fn set_flags(&self, index: &Path, flags: &BTreeMap<BString, Flags>) -> Result<()> {
        let with = |bears: fn(&Flags) -> bool| {
            flags.iter().filter(|(_, flags)| bears(flags)).map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        for (word, paths) in
            [("--assume-unchanged", with(|flags| flags.assumed)), ("--skip-worktree", with(|flags| flags.skipped))]
        {
            if !paths.is_empty() {
                let git = self.git().env("GIT_INDEX_FILE", index).args(["update-index", "-z", word, "--stdin"]);
                git.read_with(&joined(&paths))?;
            }
        }
        Ok(())
    }

    /// Returns the paths of which only git can tell whether they hold a person's own work: all but those that the index has
    /// as they were, without a flag, and whose files were not touched since, or hold the same.
    fn doubtful<'a>(&self, scratch: &Scratch, changes: &'a [TreeChange]) -> BTreeSet<&'a [u8]> {
        let Some((lines, written)) = self.index_lines(changes) else {
            return changes.iter().map(|change| change.path.as_slice()).collect();
        };
        let is_staged = |line: &IndexLine, (mode, id): (u32, ObjectId)| {
            let staged = line.staged;
            (staged.mode, staged.id) == (mode, id)
                && !(staged.conflicted || staged.intended || staged.assumed || staged.skipped)
        };
        let mut touched = vec![];
        let mut doubtful = BTreeSet::new();
        for (change, line) in changes.iter().zip(lines) {
            let file = self.path(&change.path);
            match (line, change.old) {
                (None, None) => {}
                (Some(line), Some(old)) if is_staged(&line, old) && line.is_untouched(&file, written) => {}
                (Some(line), Some(old)) if is_staged(&line, old) => touched.push((change, line, file)),
                _ => drop(doubtful.insert(change.path.as_slice())),
            }
        }
        // Of many files git reads faster.
        let is_same = touched.len() <= PATHS_READ_MAX
            && !touched.is_empty()
            && touched.iter().all(|(_, line, file)| line.is_same_content(file))
            && scratch.attribute_files().is_some_and(|attributes| {
                let changes: Vec<_> = touched.iter().map(|(change, ..)| (*change).clone()).collect();
                let kind = touched[0].1.staged.id.kind();
                attributes.leave_content(&changes, |names| self.are_in_index(names, kind))
            });
        if !is_same {
            doubtful.extend(touched.iter().map(|(change, ..)| change.path.as_slice()));
        }
        doubtful
    }

    /// Tells of each of these paths whether the index has it; `None` where it does not say it path by path.
    fn are_in_index(&self, paths: &[BString], kind: HashKind) -> Option<Vec<bool>> {
        let path = self.git_dir.join("index");
        let file = std::fs::File::open(&path).ok()?;
        let paths: Vec<_> = paths.iter().map(|path| path.as_bstr()).collect();
        let lines = index_lines::lines(&file, &path, kind, &paths)?;
        Some(lines.into_iter().map(|line| line.is_some()).collect())
    }

    /// Returns what the index says of these paths, in their order, and when it was written; `None` where it does not say it
    /// path by path.
    fn index_lines(&self, changes: &[TreeChange]) -> Option<(Vec<Option<IndexLine>>, SystemTime)> {
        let path = self.git_dir.join("index");
        let kind = changes.iter().find_map(|change| change.old.or(change.new))?.1.kind();
        let file = std::fs::File::open(&path).ok()?;
        let written = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
        let paths: Vec<_> = changes.iter().map(|change| change.path.as_bstr()).collect();
        Some((index_lines::lines(&file, &path, kind, &paths)?, written))
    }

    /// Returns which of the paths git ignores.
    pub fn ignored(&self, paths: &[BString]) -> Result<BTreeSet<BString>> {
        let output = self.git().args(["check-ignore", "-z", "--no-index", "--stdin"]).output_with(&joined(paths))?;
        match output.status.code() {
            Some(0 | 1) => {
                Ok(output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(Into::into).collect())
            }
            _ => Err(Error::outside("git", format!("git check-ignore: {}", output.complaint()))),
        }
    }

    /// Tells whether a file holds what the tree has at its path, by git's own filters; `None` stands for no file.
    pub fn holds(&self, path: &[u8], entry: Option<(u32, ObjectId)>) -> Result<bool> {
        let file = self.path(path);
        let Ok(metadata) = file.symlink_metadata() else { return Ok(entry.is_none()) };
        let Some((mode, id)) = entry else { return Ok(metadata.is_dir()) };
        if mode == 0o160_000 || metadata.is_dir() {
            return Ok(mode == 0o160_000 && metadata.is_dir());
        }
        if metadata.is_symlink() {
            let target = std::fs::read_link(&file).at("read", &file)?;
            let out = self.git().args(["hash-object", "--stdin"]).read_with(target.as_os_str().as_bytes())?;
            return Ok(mode == 0o120_000 && out.trim() == id.to_string().as_bytes());
        }
        let out = self.git().args(["hash-object", "--"]).arg(OsStr::from_bytes(path)).read()?;
        Ok(mode != 0o120_000 && out.trim() == id.to_string().as_bytes())
    }

    /// Tells whether a file is the beginning of what git writes for this entry: what a killed git leaves.
    pub fn is_begun(&self, path: &[u8], id: &ObjectId) -> Result<bool> {
        let file = self.path(path);
        if !file.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok(false);
        }
        let spec = [b"--path=", path].concat();
        let whole =
            self.git().args(["cat-file", "--filters"]).arg(OsStr::from_bytes(&spec)).arg(id.to_string()).read()?;
        Ok(whole.starts_with(&std::fs::read(&file).at("read", &file)?))
    }

    /// Sets entries of an index to what these paths become, of whose files it knows nothing then: it looks at each again.
    pub fn adopt<'a>(&self, index: &Path, changes: impl IntoIterator<Item = &'a TreeChange>) -> Result<()> {
        let lines = to_index(changes);
        if lines.is_empty() {
            return Ok(());
        }
        let git = self.git().env("GIT_INDEX_FILE", index);
        git.args(["update-index", "-z", "--index-info"]).read_with(&lines).map(drop)
    }

    /// Moves index and files from one commit to another as `git reset --keep` does, but that what is staged elsewhere stays
    /// staged. git works on a copy of the index at `index`; nothing has changed where it refuses before it begins.
    ///
    /// `changes` are what changes, and `moved` those of them that stand as they are to be already. `held_by` lets the git that moves
    /// files hold the lock under which they move.
    pub fn move_files(
        &self,
        scratch: &Scratch,
        held_by: impl Fn(Command) -> Command,
        index: &Path,
        [from, to]: [&ObjectId; 2],
        changes: &[TreeChange],
        moved: &[TreeChange],
    ) -> Result<()> {
        let mut from = scratch.tree_of(from)?;
        if !moved.is_empty() {
            // From what stands now: git would take what has come for files that nobody gave it.
            from = scratch.tree_after(&from, moved)?;
            let mut skipped = self.flags(moved)?;
            skipped.retain(|path, flags| {
                flags.assumed = false;
                flags.skipped && moved.iter().any(|change| change.path == *path && change.new.is_some())
            });
            self.adopt(index, moved)?;
            self.set_flags(index, &skipped)?;
        }
        self.see_flagged(index, changes)?;
        let words = ["-c", "submodule.recurse=false", "read-tree", "-m", "-u"];
        let ids = [from.to_string(), scratch.tree_of(to)?.to_string()];
        held_by(scratch.shown_to(self.git())?).env("GIT_INDEX_FILE", index).args(words).args(ids).read().map(drop)?;
        self.refresh(index)
    }

    /// Returns what the index says of these paths, in their order; `None` where it does not say it path by path.
    pub fn staged(&self, changes: &[TreeChange]) -> Option<Vec<Option<Staged>>> {
        let (lines, _) = self.index_lines(changes)?;
        Some(lines.into_iter().map(|line| line.map(|line| line.staged)).collect())
    }

    /// Lets an index see the files that change and at which it was told not to look: git refuses to move one that only looks
    /// changed, as after a copy of the work tree.
    fn see_flagged(&self, index: &Path, changes: &[TreeChange]) -> Result<()> {
        let mut flags = self.flags(changes)?;
        let mut seen = vec![];
        for change in changes.iter().filter(|change| flags.contains_key(&change.path) && change.old.is_some()) {
            if self.path(&change.path).symlink_metadata().is_ok() && self.holds(&change.path, change.old)? {
                seen.push(TreeChange { new: change.old, ..change.clone() });
            }
        }
        flags.retain(|path, _| seen.iter().any(|change| change.path == *path));
        self.adopt(index, &seen)?;
        self.refresh(index)?;
        self.set_flags(index, &flags)
    }

    /// Lets an index see which files are what it says.
    pub fn refresh(&self, index: &Path) -> Result<()> {
        // It says 1 where some are not.
        self.git().env("GIT_INDEX_FILE", index).args(["update-index", "-q", "--refresh"]).output().map(drop)
    }

    /// Makes a commit, which lies in the scratch folder, whose tree holds these files to the byte, at their paths.
    pub fn capture(&self, scratch: &Scratch, paths: &[BString]) -> Result<ObjectId> {
        let mut lines = vec![];
        for path in paths {
            let file = self.path(path);
            let metadata = file.symlink_metadata().at("look at", &file)?;
            let (mode, content) = if metadata.is_symlink() {
                ("120000", std::fs::read_link(&file).at("read", &file)?.into_os_string().as_bytes().to_vec())
            } else {
                ("100644", std::fs::read(&file).at("read", &file)?)
            };
            let id = scratch.git()?.args(["hash-object", "-w", "--stdin"]).read_with(&content)?;
            lines.extend([format!("{mode} ").as_bytes(), id.trim(), b"\t", path, b"\0"].concat());
        }
        let index = scratch.folder()?.join("captured");
        let git = || Ok::<_, Error>(scratch.git()?.env("GIT_INDEX_FILE", &index));
        git()?.args(["update-index", "--add", "-z", "--index-info"]).read_with(&lines)?;
        let tree = git()?.arg("write-tree").read()?;
        let tree =
            ObjectId::from_hex(tree.trim()).map_err(|_| Error::strange_git("git write-tree answers with no id"))?;
        scratch.bare_commit(&tree, None)
    }
}

/// Reads the flags that `git ls-files -v -z` lists.
fn flags_in(out: &[u8]) -> BTreeMap<BString, Flags> {
    let mut flags = BTreeMap::new();
    for record in out.split(|byte| *byte == 0) {
        let Some((tag, path)) = record.split_once_str(" ") else { continue };
        let found = Flags { assumed: tag.iter().any(u8::is_ascii_lowercase), skipped: tag.eq_ignore_ascii_case(b"S") };
        if found != Flags::default() {
            flags.insert(path.into(), found);
        }
    }
    flags
}

fn joined(paths: &[BString]) -> Vec<u8> {
    paths.iter().flat_map(|path| [path.as_slice(), b"\0"].concat()).collect()
}

/// Reads a record of `git status --porcelain=v2 -z` without renames: its two letters and its path.
fn changed_path(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let fields = match record.first()? {
        b'1' => 8,
        b'u' => 10,
        _ => return None,
    };
    let mut words = record.splitn(fields + 1, |byte| *byte == b' ');
    let state = words.nth(1).filter(|state| state.len() == 2)?;
    Some((state, words.last()?))
}
