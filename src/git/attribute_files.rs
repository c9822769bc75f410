//! The files in which git looks for attributes (gitattributes(5)), and whether they may say what would make a difference. That is
//! seen from words alone: what an attribute is called is written in plain letters wherever it is set, or unset, or made part of
//! a macro, behind the pattern that says of which files, and macros stand in the same files.

use super::past::Past;
use super::{Attributes, ObjectId, Repository, TreeChange};
use crate::os::{self, OsStrExt};
use bstr::{BStr, BString, ByteSlice};
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What may stand where something is said of merging a file: the attribute, and a macro of git's own that unsets it.
const ABOUT_MERGES: [&str; 2] = ["merge", "binary"];
/// The same of counting its lines.
const ABOUT_LINES: [&str; 2] = ["diff", "binary"];
/// The same of changing what it holds (gitattributes(5), `filter` and `working-tree-encoding`).
const ABOUT_CONTENT: [&str; 2] = ["filter", "encoding"];
/// The same of merging in settings: a section, and what leads to more of them.
const SETTING_MERGES: [&str; 2] = ["merge", "include"];
/// The most bytes of a file that is read here; of a larger one it counts as said.
const BYTES_MAX: u64 = 1 << 16;

/// Where git looks for attributes.
pub(super) struct AttributeFiles {
    work_tree: Option<PathBuf>,
    /// Outside any tree.
    around: Vec<PathBuf>,
    /// Settings of a git that stands elsewhere, which we do not know as settings.
    unread: Vec<PathBuf>,
    /// Whether what is outside any tree leaves merging alone, once that was looked at.
    leaves_merging: OnceCell<bool>,
}

impl AttributeFiles {
    /// Finds where they may stand; `None` where git may take them from elsewhere.
    pub(super) fn of(repository: &Repository) -> Option<Self> {
        let config = repository.config();
        let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if config.get("core", "attributesFile").is_some()
            || config.get("attr", "tree").is_some()
            || home("GIT_ATTR_SOURCE").is_some()
        {
            return None;
        }
        let beside = home("XDG_CONFIG_HOME").or_else(|| Some(os::home()?.join(".config")));
        let mut around = vec![repository.common_dir().join("info").join("attributes")];
        around.extend(beside.map(|folder| folder.join("git").join("attributes")));
        let system = system()?;
        around.extend(system.iter().map(|folder| folder.join("gitattributes")));
        let unread = system.iter().filter(|folder| **folder != Path::new("/etc"));
        let unread = unread.map(|folder| folder.join("gitconfig")).collect();
        let work_tree = repository.work_tree().map(Path::to_owned);
        Some(Self { work_tree, around, unread, leaves_merging: OnceCell::new() })
    }

    /// Tells whether none in the work tree, or around it, can say anything of how lines of these files are counted.
    pub(super) fn leave_counting(&self, changes: &[TreeChange]) -> bool {
        self.above(changes).is_some_and(|names| self.are_silent(&names, leaves_counting))
    }

    /// Tells whether those that `is_staged` finds in the index, or that stand in the work tree, let files be what git keeps of
    /// them, but for the ends of lines and what `$Id$` becomes.
    pub(super) fn leave_content(
        &self,
        changes: &[TreeChange],
        is_staged: impl Fn(&[BString]) -> Option<Vec<bool>>,
    ) -> bool {
        let Some(folders) = self.above(changes) else { return false };
        let Some(work_tree) = &self.work_tree else { return false };
        let files = folders.iter().filter_map(|file| file.strip_prefix(work_tree).ok());
        let names: Vec<_> = files.map(|name| BString::from(os::git_path(name))).collect();
        // What is missing in the work tree git takes from the index.
        let is_there = |name: &BString| work_tree.join(OsStr::from_bytes(name)).symlink_metadata().is_ok();
        is_staged(&names).is_some_and(|staged| names.iter().zip(staged).all(|(name, staged)| !staged || is_there(name)))
            && self.are_silent(&folders, leaves_content)
    }

    /// Returns where attributes may stand for these files of the work tree, and for a git that was started where we were.
    fn above(&self, changes: &[TreeChange]) -> Option<Vec<PathBuf>> {
        let work_tree = self.work_tree.as_ref()?;
        let mut folders = HashSet::from([work_tree.clone()]);
        folders.extend(std::env::current_dir());
        for change in changes {
            let path = work_tree.join(OsStr::from_bytes(&change.path));
            folders.extend(path.ancestors().skip(1).take_while(|above| above != work_tree).map(Path::to_owned));
        }
        Some(folders.into_iter().map(|folder| folder.join(".gitattributes")).collect())
    }

    fn are_silent(&self, files: &[PathBuf], silent: fn(&[u8]) -> bool) -> bool {
        files.iter().all(|file| is_silent(file, file.symlink_metadata(), silent))
            && self.around.iter().all(|file| is_silent(file, file.metadata(), silent))
    }

    /// Tells whether none can say anything of how a file is merged.
    pub(super) fn leave_merging(&self, past: &Past, trees: &Attributes, path: &BStr) -> bool {
        let ends = std::iter::once(0).chain(path.find_iter("/").map(|end| end + 1));
        let mut named = ends.map(|end| BString::from([path[..end].as_bytes(), b".gitattributes"].concat()));
        let in_trees = match trees {
            Attributes::WorkTree(top) => named.all(|name| {
                let file = top.join(OsStr::from_bytes(&name));
                // git follows no link there.
                is_silent(&file, file.symlink_metadata(), leaves_merging)
            }),
            Attributes::Commit(commit) => are_silent_in(past, commit, &named.collect::<Vec<_>>()),
        };
        in_trees
            && *self.leaves_merging.get_or_init(|| {
                self.around.iter().all(|file| is_silent(file, file.metadata(), leaves_merging))
                    && self.unread.iter().all(|file| is_silent(file, file.metadata(), sets_nothing))
            })
    }
}

/// Where a git may have its own: what it was built for says so, mostly the folder beside that of its program. `None` where it may
/// be anywhere.
fn system() -> Option<Vec<PathBuf>> {
    let mut folders: Vec<_> = os::git_system_folders()?.iter().map(PathBuf::from).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).find_map(|folder| os::canonicalize(folder.join("git")).ok());
    if let Some(prefix) = program.as_deref().and_then(|program| program.ancestors().nth(2)) {
        folders.extend(["etc", "share/git-core"].map(|folder| prefix.join(folder)));
    }
    Some(folders)
}

/// Tells whether a file, of which this is known, is missing or holds what is silent.
fn is_silent(file: &Path, found: std::io::Result<Metadata>, silent: fn(&[u8]) -> bool) -> bool {
    match found {
        Ok(found) if found.is_file() && found.len() <= BYTES_MAX => {
            std::fs::read(file).is_ok_and(|content| silent(&content))
        }
        Ok(_) => false,
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// Tells whether the files of a commit, or of a tree, say nothing of merging.
fn are_silent_in(past: &Past, commit: &ObjectId, names: &[BString]) -> bool {
    let tree = past.commit(commit).map_or(*commit, |commit| commit.tree);
    let silent = |(mode, id)| match mode & 0o170_000 {
        0o100_000 => past.blob(&id, BYTES_MAX).is_some_and(|content| leaves_merging(&content)),
        _ => false,
    };
    past.held(&tree, names).is_some_and(|held| held.into_iter().flatten().all(silent))
}

fn leaves_merging(content: &[u8]) -> bool {
    says_none(content, ABOUT_MERGES)
}

fn leaves_counting(content: &[u8]) -> bool {
    says_none(content, ABOUT_LINES)
}

fn leaves_content(content: &[u8]) -> bool {
    says_none(content, ABOUT_CONTENT)
}

/// Tells whether attributes are said without these words; where a pattern is quoted, or a macro made, it may not say them either.
fn says_none(content: &[u8], words: [&str; 2]) -> bool {
    content.split(|byte| *byte == b'\n').all(|line| {
        let line = line.trim_start();
        let pattern = match line.first() {
            Some(b'#') => line.len(),
            Some(b'"' | b'[') => 0,
            _ => line.find_byteset(b" \t\r").unwrap_or(line.len()),
        };
        words.iter().all(|word| line[pattern..].find(word).is_none())
    })
}

/// Tells whether settings cannot be about merging, by the names alone.
fn sets_nothing(content: &[u8]) -> bool {
    let content = content.to_ascii_lowercase();
    SETTING_MERGES.iter().all(|word| content.find(word).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_merging_is_seen() {
        for silent in
            ["", "# merge\n", "*.merge text\n/git-merge.txt\tconflict-marker-size=32\n", "  # binary\n* text=auto\n"]
        {
            assert!(leaves_merging(silent.as_bytes()), "{silent}");
        }
        for said in [
            "* merge",
            "*\t-merge\n",
            "a\n* text !merge\r\n",
            "[attr]merged text\n",
            "\"a merge\" text\n",
            "*.png binary\n",
        ] {
            assert!(!leaves_merging(said.as_bytes()), "{said}");
        }
        assert!(sets_nothing(b"[core]\n\teditor = vi\n"));
        assert!(!sets_nothing(b"[Merge]\n\trenormalize = true\n") && !sets_nothing(b"[include]\n\tpath = more\n"));
    }
}
