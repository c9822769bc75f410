//! Handing out a backup's code, or what was captured of a work tree, as one bundle.

use super::{Catalog, Manifest};
use crate::bundle::{Header, write_header};
use crate::element::code::{load_objects, write_self_contained};
use crate::element::uncommitted::{Loaded, load_capture};
use crate::error::{AtPath, Error, Result};
use crate::git::{self, RefName, Repository};
use crate::process::Command;
use crate::site::HIDDEN_REFS;
use crate::store::Tally;
use crate::uncommitted::patch::{Blobs, Paint, write as write_patch};
use std::io::{self, BufReader, Write};
use std::path::Path;
use tempfile::TempDir;

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

/// How captured edits are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureForm {
    /// As a bundle that needs nothing else.
    Whole,
    /// As the bundle that is stored, which needs the commit the tree stood on.
    Thin,
    /// As a patch to the commit the tree stood on.
    Patch(Paint),
}

/// A capture brought back into a repository of a moment, with all it stands upon.
pub struct Assembled {
    /// The repository.
    pub repository: Repository,
    /// The references of the capture, the tree's own first.
    pub refs: Vec<Loaded>,
    _folder: TempDir,
}

/// Brings a backup's capture back into a repository of its own below `scratch`.
///
/// Returns [`crate::error::Kind::NotFound`] where it holds none.
pub fn assemble_capture(catalog: &Catalog<'_>, manifest: &Manifest, scratch: &Path) -> Result<Assembled> {
    let folder = tempfile::tempdir_in(scratch).at("make a folder in", scratch)?;
    let git_dir = folder.path().join("repository.git");
    init_bare(&git_dir, manifest)?;
    let (store, site, kind) = (catalog.store, catalog.site.as_str(), manifest.hash_kind()?);
    let packs = git_dir.join("objects/pack");
    if manifest.capture().is_none() {
        load_capture(store, site, manifest.uncommitted.as_ref(), kind, &packs, &[])?;
    }
    let chain = load_objects(store, site, &manifest.segments, kind, &packs, &mut |_| ())?;
    let refs = load_capture(store, site, manifest.uncommitted.as_ref(), kind, &packs, &chain)?;
    Ok(Assembled { repository: Repository::open(&git_dir)?, refs, _folder: folder })
}

/// Writes what was captured of a work tree, in the form that is asked for.
///
/// Returns [`crate::error::Kind::NotFound`] where nothing was captured.
pub fn get_capture(
    catalog: &Catalog<'_>,
    manifest: &Manifest,
    form: CaptureForm,
    scratch: &Path,
    out: &mut dyn Write,
    shown: &Path,
) -> Result<()> {
    if let (CaptureForm::Thin, Some(bundle)) = (form, manifest.capture()) {
        let key = bundle.key(&catalog.site)?;
        let mut input = BufReader::with_capacity(1 << 18, Tally::new(catalog.store.open(&key)?));
        io::copy(&mut input, out).at("write", shown)?;
        let (_, bytes, digest) = input.into_inner().finish();
        return bundle.must_be(bytes, &digest, &key);
    }
    let Assembled { repository, refs, _folder } = &assemble_capture(catalog, manifest, scratch)?;
    let Some(tree) = refs.first() else { return Ok(()) };
    if let CaptureForm::Patch(paint) = form {
        let base = repository.parents(&tree.id)?.first().copied();
        let mut blobs = Blobs::of(repository);
        for change in repository.tree_changes(base.as_ref(), &tree.id)? {
            write_patch(&change, &mut blobs, paint, out)?;
        }
        return out.flush().at("write", shown);
    }
    let named = refs.iter().map(|one| (one.name.clone(), one.id));
    let named: Vec<_> = [(RefName::head(), tree.id)].into_iter().chain(named).collect();
    let mut tips: Vec<_> = named.iter().map(|(_, id)| *id).collect();
    tips.sort_unstable();
    tips.dedup();
    write_header(&Header::new(repository.hash_kind(), vec![], named), out).at("write", shown)?;
    git::stream_pack(repository, &tips, |pack| io::copy(pack, out).map(drop).at("write", shown))?;
    out.flush().at("write", shown)
}

/// Makes an empty bare repository for a backup's objects, with no hook and nothing of a template.
pub fn init_bare(git_dir: &Path, manifest: &Manifest) -> Result<()> {
    let format = format!("--object-format={}", manifest.object_format);
    let init = ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", &format];
    // The reference format of this host's users must not decide what a restored repository is.
    Command::git().env("GIT_DEFAULT_REF_FORMAT", "files").args(init).arg(git_dir).read()?;
    std::fs::create_dir_all(git_dir.join("objects/pack")).at("create the folder", &git_dir.join("objects/pack"))
}
