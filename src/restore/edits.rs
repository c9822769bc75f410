//! Writing a captured work tree as the files it was.

use super::target::Target;
use crate::backup::{Assembled, Catalog, Manifest, assemble_capture};
use crate::element::uncommitted::Loaded;
use crate::error::{AtPath, Result};
use crate::git::Repository;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredEdits {
    /// Where it is.
    pub path: PathBuf,
    /// The commit that holds the tree.
    pub commit: String,
    /// The folders in it that are the work trees of repositories of their own.
    pub inside: Vec<PathBuf>,
}

/// Writes the whole work tree that a backup captured to `to`, which must be free: the files alone, without a repository.
///
/// Returns [`crate::error::Kind::NotFound`] where nothing was captured, and [`crate::error::Kind::Damaged`] where what is stored
/// is not what was captured; then nothing is at `to`.
pub fn restore_edits(catalog: &Catalog<'_>, manifest: &Manifest, to: &Path, scratch: &Path) -> Result<RestoredEdits> {
    let target = Target::new(to)?;
    let Assembled { repository, refs, .. } = &assemble_capture(catalog, manifest, scratch)?;
    let staging = target.staging();
    std::fs::create_dir(&staging).at("create the folder", &staging)?;
    let mut inside = Vec::new();
    let trees = refs.iter().filter(|one| one.tree);
    for (n, tree) in trees.enumerate() {
        let folder = if tree.path.is_empty() { staging.clone() } else { staging.join(OsStr::from_bytes(&tree.path)) };
        write_tree(repository, tree, n, &folder)?;
        if !tree.path.is_empty() {
            inside.push(PathBuf::from(OsStr::from_bytes(&tree.path)));
        }
    }
    let commit = refs.first().map(|tree| tree.id.to_string()).unwrap_or_default();
    Ok(RestoredEdits { path: target.commit()?, commit, inside })
}

/// Lets git write the files: it makes no path that leads out of the folder.
fn write_tree(repository: &Repository, tree: &Loaded, n: usize, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).at("create the folder", folder)?;
    let index = repository.git_dir().join(format!("index-{n}"));
    let work_tree = [b"--work-tree=", folder.as_os_str().as_bytes()].concat();
    let git = repository.git().arg(OsStr::from_bytes(&work_tree)).env("GIT_INDEX_FILE", index);
    let git = git.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.bare=false"]);
    // No filter ran over what was captured, so none runs on its way back; and nothing the user's config names for other
    // trees is run over what somebody wrote into this one.
    let filters = repository.config().subsections("filter").into_iter().flat_map(|driver| {
        ["smudge=", "process=", "required=false"].map(|rest| ["-c".into(), format!("filter.{driver}.{rest}")])
    });
    git.args(filters.flatten())
        .in_folder(folder)
        .args(["read-tree", "--reset", "-u", &tree.id.to_string()])
        .read()
        .map(drop)
}
