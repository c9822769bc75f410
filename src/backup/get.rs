//! Handing out a backup's code as one bundle.

use super::{Catalog, Manifest};
use crate::element::code::{load_objects, write_self_contained};
use crate::error::{AtPath, Error, Result};
use crate::git::{RefName, Repository};
use crate::process::Command;
use crate::site::HIDDEN_REFS;
use std::io::Write;
use std::path::Path;

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Get {
    /// Every reference.
    Everything,
    /// Without what clients of the host do not see.
    Visible,
}

/// Writes one bundle of the backup's code that needs nothing else, whatever the chain behind it. Its HEAD is the
/// environment's commit, so that a clone of it is that environment's code.
///
/// `scratch` is where the chain's objects are put together meanwhile.
pub fn get(
    catalog: &Catalog<'_>,
    manifest: &Manifest,
    what: Get,
    scratch: &Path,
    out: &mut dyn Write,
    shown: &Path,
) -> Result<()> {
    let list = catalog.refs(manifest)?;
    let folder = tempfile::tempdir_in(scratch).at("make a folder in", scratch)?;
    let git_dir = folder.path().join("repository.git");
    init_bare(&git_dir, manifest)?;
    let kind = manifest.hash_kind()?;
    load_objects(catalog.store, &catalog.site, &manifest.segments, kind, &git_dir.join("objects/pack"), &mut |_| ())?;
    let repository = Repository::open(&git_dir)?;
    let wanted = |name: &RefName| what == Get::Everything || !name.is_below(HIDDEN_REFS);
    let head = manifest.commit_id().or_else(|| list.head.id());
    if list.tips().is_empty() {
        return Err(Error::new(
            crate::error::Kind::Nothing,
            "empty",
            format!("backup {} is of a repository without any commit", manifest.id),
        )
        .hint(format!("restore it instead: git cairn restore {} --to <dir> --bare", manifest.id)));
    }
    write_self_contained(&repository, &list, head, wanted, out, shown)
}

/// Makes an empty bare repository for a backup's objects, with no hook and nothing of a template.
pub fn init_bare(git_dir: &Path, manifest: &Manifest) -> Result<()> {
    let format = format!("--object-format={}", manifest.object_format);
    let init = ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", &format];
    // The reference format of this host's users must not decide what a restored repository is.
    Command::git().env("GIT_DEFAULT_REF_FORMAT", "files").args(init).arg(git_dir).read()?;
    std::fs::create_dir_all(git_dir.join("objects/pack")).at("create the folder", &git_dir.join("objects/pack"))
}
