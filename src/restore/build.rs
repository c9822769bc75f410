//! Building a repository from a backup.

use super::target::Target;
use crate::backup::{Catalog, Manifest, init_bare};
use crate::element::code::load_objects;
use crate::error::{AtPath, Error, Result};
use crate::git::{Head, Membership, RefList, RefName, RefValue, Repository};
use crate::process::Command;
use crate::site::HIDDEN_REFS;
use std::path::{Path, PathBuf};

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bare repository, with HEAD as it was.
    Bare,
    /// A work tree with the environment's code checked out, and the repository in it.
    WorkTree,
}

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where it is.
    pub path: PathBuf,
    /// How many references it has.
    pub refs: usize,
    /// How many objects it has.
    pub objects: u64,
    /// What was checked out, as a person calls it.
    pub checked_out: Option<String>,
}

/// Restores a backup to `to`, which must be free. `store_root` is written into a bare one's config.
///
/// Returns [`crate::error::Kind::Damaged`] where what is stored is not what was backed up; then nothing is at `to`.
pub fn restore(
    catalog: &Catalog<'_>,
    manifest: &Manifest,
    kind: Kind,
    to: &Path,
    store_root: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Restored> {
    let target = Target::new(to)?;
    let list = catalog.refs(manifest)?;
    let staging = target.staging();
    let git_dir = match kind {
        Kind::Bare => staging.clone(),
        Kind::WorkTree => staging.join(".git"),
    };
    if kind == Kind::WorkTree {
        std::fs::create_dir(&staging).at("create the folder", &staging)?;
    }
    init_bare(&git_dir, manifest)?;
    let hash = manifest.hash_kind()?;
    let packs = git_dir.join("objects/pack");
    let indexes = load_objects(catalog.store, &catalog.site, &manifest.segments, hash, &packs, progress)?;
    if let Some(tip) = list.tips().iter().find(|tip| !indexes.as_slice().holds(tip)) {
        return Err(Error::damaged("refs", format!("no segment holds {tip}, which a reference names")));
    }
    write_refs(&git_dir, &list)?;
    compare(&git_dir, &list)?;
    let checked_out = match kind {
        Kind::Bare => {
            write_config(&git_dir, manifest, store_root)?;
            None
        }
        Kind::WorkTree => check_out(&git_dir, &staging, manifest, &list)?,
    };
    let objects = indexes.iter().map(|index| u64::from(index.objects())).sum();
    Ok(Restored { path: target.commit()?, refs: list.refs.len(), objects, checked_out })
}

/// Writes all references in one go: the direct ones into packed-refs (git-pack-refs(1)), the others one by one.
fn write_refs(git_dir: &Path, list: &RefList) -> Result<()> {
    let mut packed = b"# pack-refs with: sorted \n".to_vec();
    // A map of names is sorted as git sorts them: by bytes.
    for (name, value) in list.refs.iter() {
        if let RefValue::Direct(id) = value {
            packed.extend_from_slice(format!("{id} ").as_bytes());
            packed.extend_from_slice(name.as_bytes());
            packed.push(b'\n');
        }
    }
    let path = git_dir.join("packed-refs");
    std::fs::write(&path, packed).at("write", &path)?;
    let repository = Repository::open(git_dir)?;
    let point = |name: &RefName, target: &RefName| {
        repository.git().args(["symbolic-ref", "--"]).arg(name.as_os_str()).arg(target.as_os_str()).read().map(drop)
    };
    for (name, value) in list.refs.iter() {
        if let RefValue::Symbolic(target, _) = value {
            point(name, target)?;
        }
    }
    match &list.head {
        Head::On(target, _) | Head::Unborn(target) => point(&RefName::head(), target),
        Head::Detached(id) => {
            repository.git().args(["update-ref", "--no-deref", "HEAD", &id.to_string()]).read().map(drop)
        }
    }
}

/// What git now reads must be what was backed up, reference by reference.
fn compare(git_dir: &Path, list: &RefList) -> Result<()> {
    let restored = Repository::open(git_dir)?.own_refs()?;
    if (&restored.refs, &restored.head) == (&list.refs, &list.head) {
        return Ok(());
    }
    let differs =
        list.refs.iter().find(|(name, value)| restored.refs.get(name) != Some(value)).map(|(name, _)| name.to_string());
    let what = differs.unwrap_or_else(|| "HEAD, or a reference that should not be there".into());
    Err(Error::failed("restored-differs", format!("what was restored differs from the backup: {what}"))
        .hint("look whether the backup is whole: git cairn backup verify <backup>; then restore another"))
}

/// The keys of the site and the hidden references: without these a client would see, and could write, what is ours.
fn write_config(git_dir: &Path, manifest: &Manifest, store_root: &Path) -> Result<()> {
    let repository = Repository::open(git_dir)?;
    let store = store_root.to_string_lossy().into_owned();
    let of_site = manifest.repository.config.iter().filter(|(key, _)| key.starts_with("cairn."));
    let mut settings: Vec<(String, String)> = of_site
        .map(|(key, value)| (key.clone(), if key == "cairn.store" { store.clone() } else { value.clone() }))
        .collect();
    settings.push(("transfer.hideRefs".into(), HIDDEN_REFS.trim_end_matches('/').into()));
    for (key, value) in settings {
        repository.git().args(["config", "--local", "--add", &key, &value]).read()?;
    }
    Ok(())
}

/// Checks out the deployment's tag for an environment that takes deployments, else the branch, and returns its name.
fn check_out(git_dir: &Path, work_tree: &Path, manifest: &Manifest, list: &RefList) -> Result<Option<String>> {
    let git = || Command::new("git").env("LC_ALL", "C").in_folder(work_tree);
    Repository::open(git_dir)?.git().args(["config", "--local", "core.bare", "false"]).read()?;
    let tag = manifest.tag.as_deref().and_then(RefName::tag).filter(|tag| list.id_of(tag).is_some());
    let branch = branch_of(manifest, list);
    let out = |words: &[&str]| {
        git()
            .args([
                "-c",
                "advice.detachedHead=false",
                "-c",
                "core.hooksPath=/dev/null",
                "checkout",
                "--quiet",
                "--force",
            ])
            .args(words)
            .read()
    };
    match (tag, branch, manifest.commit_id()) {
        (Some(tag), ..) => {
            out(&["--detach", &format!("refs/tags/{}", tag.short())])?;
            Ok(Some(format!("tag {}", tag.short())))
        }
        (None, Some(branch), _) => {
            git().args(["symbolic-ref", "HEAD"]).arg(branch.as_os_str()).read()?;
            git().args(["-c", "core.hooksPath=/dev/null", "reset", "--quiet", "--hard"]).read()?;
            Ok(Some(format!("branch {}", branch.short())))
        }
        (None, None, Some(commit)) => {
            out(&["--detach", &commit.to_string()])?;
            Ok(Some(commit.to_string()))
        }
        (None, None, None) => Ok(None),
    }
}

/// The branch of the backup's environment, as the config of that time has it, if it stands where the backup says.
fn branch_of(manifest: &Manifest, list: &RefList) -> Option<RefName> {
    let key = format!("cairn.{}.branch", manifest.environment);
    let configured =
        manifest.repository.config.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
    let branch = RefName::branch(configured.unwrap_or_else(|| manifest.environment.clone()))?;
    list.id_of(&branch).filter(|id| Some(*id) == manifest.commit_id()).map(|_| branch)
}
