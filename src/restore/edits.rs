//! Writing a captured work tree as the files it was.

use super::target::Target;
use crate::backup::{Assembled, Catalog, Manifest, assemble_capture};
use crate::element::uncommitted::Loaded;
use crate::error::{AtPath, Result};
use crate::git::Repository;
use crate::os::OsStrExt;
use std::ffi::{OsStr, OsString};
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

/// Writes the whole work tree that a backup captured to `to`, which must be free: the files alone, without a repository. What
/// filters made of them when they were captured the same filters undo, as far as the config here, and that of `host`, defines
/// them.
///
/// Returns [`crate::error::Kind::NotFound`] where nothing was captured, and [`crate::error::Kind::Damaged`] where what is stored
/// is not what was captured; then nothing is at `to`.
pub fn restore_edits(
    catalog: &Catalog<'_>,
    manifest: &Manifest,
    to: &Path,
    host: Option<&Repository>,
    scratch: &Path,
) -> Result<RestoredEdits> {
    let target = Target::new(to)?;
    let Assembled { repository, refs, .. } = &assemble_capture(catalog, manifest, scratch)?;
    let staging = target.staging();
    std::fs::create_dir(&staging).at("create the folder", &staging)?;
    let ran = manifest.uncommitted.as_ref().map(|record| record.filters.as_slice()).unwrap_or_default();
    let settings = filters(repository, host, ran);
    let mut inside = Vec::new();
    let trees = refs.iter().filter(|one| one.tree);
    for (n, tree) in trees.enumerate() {
        let folder = if tree.path.is_empty() { staging.clone() } else { staging.join(OsStr::from_bytes(&tree.path)) };
        write_tree(repository, tree, n, &folder, &settings)?;
        if !tree.path.is_empty() {
            inside.push(PathBuf::from(OsStr::from_bytes(&tree.path)));
        }
    }
    let commit = refs.first().map(|tree| tree.id.to_string()).unwrap_or_default();
    Ok(RestoredEdits { path: target.commit()?, commit, inside })
}

/// Lets git write the files: it makes no path that leads out of the folder.
fn write_tree(repository: &Repository, tree: &Loaded, n: usize, folder: &Path, settings: &[OsString]) -> Result<()> {
    std::fs::create_dir_all(folder).at("create the folder", folder)?;
    let index = repository.git_dir().join(format!("index-{n}"));
    let work_tree = [b"--work-tree=", folder.as_os_str().as_bytes()].concat();
    let git = repository.git().arg(OsStr::from_bytes(&work_tree)).env("GIT_INDEX_FILE", index);
    let git = git.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.bare=false"]);
    git.args(settings).in_folder(folder).args(["read-tree", "--reset", "-u", &tree.id.to_string()]).read().map(drop)
}

/// The settings by which git runs those filters alone that ran over what was captured, and none that the user's config names
/// for other trees. Where one fails, its file comes as it was captured.
fn filters(repository: &Repository, host: Option<&Repository>, ran: &[String]) -> Vec<OsString> {
    let mut config = repository.config();
    // The config of a repository in a work tree is whoever's who edits the tree.
    if let Some(host) = host.filter(|host| host.is_bare()) {
        config = host.config();
    }
    let mut settings: Vec<OsString> = Vec::new();
    for driver in config.subsections("filter") {
        for key in ["smudge", "process"] {
            let value = match config.get_in("filter", &driver, key) {
                Some(command) if ran.contains(&driver) => command,
                // An empty one would stand in the way of the other.
                None if ran.contains(&driver) => continue,
                _ => String::new(),
            };
            settings.push(format!("filter.{driver}.{key}={value}").into());
        }
        settings.push(format!("filter.{driver}.required=false").into());
    }
    if let Some(host) = host.filter(|_| !ran.is_empty()) {
        // Where git-lfs kept what it took out of the files.
        let folder = host.common_dir().join("lfs");
        settings.push([OsStr::new("lfs.storage="), folder.as_os_str()].into_iter().collect());
    }
    settings.into_iter().flat_map(|setting| ["-c".into(), setting]).collect()
}
