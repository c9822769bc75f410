//! Moving a capture into the store, as a bundle that stands upon the chain of its backup.

use super::{Pending, Uncommitted};
use crate::bundle::{Header, read_header};
use crate::element::code::{Append, Chain};
use crate::error::{AtPath, Error, Result};
use crate::git::{self, ObjectId, Overlay, PackFiles, PackIndex, RefName};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// Writes what a capture holds and the chain does not, reads it back, and returns its record with the bundle in it.
///
/// Nothing is left in the store that is not what was to be written.
pub fn append(work: &Append<'_>, chain: &Chain, pending: &Pending) -> Result<Uncommitted> {
    let scratch_folder = work.examiner.scratch;
    let folder = tempfile::tempdir_in(scratch_folder).at("make a folder in", scratch_folder)?;
    let objects = work.repository.objects_dir();
    let kind = work.repository.hash_kind();
    let scratch = Overlay::new(&folder.path().join("capture.git"), kind, &[objects])?;
    let refs = unpack(pending, &scratch)?;
    let mut tips: Vec<ObjectId> = refs.iter().map(|(_, id)| *id).collect();
    tips.sort_unstable();
    tips.dedup();
    let missing: Vec<ObjectId> = tips.into_iter().filter(|tip| !chain.holds(tip)).collect();
    let prerequisites = git::boundary(scratch.repository(), &missing, |id| chain.holds(id))?;
    let packs = folder.path().join("new");
    std::fs::create_dir(&packs).at("create the folder", &packs)?;
    let files = git::make_pack(scratch.repository(), &missing, &prerequisites, &packs)?;
    let header = Header::new(kind, prerequisites, vec![]);
    let refs = &mut refs.iter().map(|(name, id)| (name, *id));
    let segment = work.write(format!("uncommitted/{}.bundle", work.name), &header, refs, &files.pack)?;
    let bundle = work.read_back(segment, chain, &files)?;
    Ok(Uncommitted { captured: true, bundle: Some(bundle), ..pending.record.clone() })
}

/// Puts the pack of a waiting capture into the scratch repository, and returns the references of its header.
fn unpack(pending: &Pending, scratch: &Overlay) -> Result<Vec<(RefName, ObjectId)>> {
    let path = pending.bundle();
    let mut input = BufReader::with_capacity(1 << 18, File::open(&path).at("read", &path)?);
    let header = read_header(&mut input).map_err(|error| Error::from(error).while_doing(path.display()))?;
    let packs = scratch.repository().objects_dir().join("pack");
    let staged = packs.join("capture.pack");
    let mut out = File::create_new(&staged).at("create", &staged)?;
    io::copy(&mut input, &mut out).at("write", &staged)?;
    adopt(&staged, scratch.repository().hash_kind(), &packs)?;
    Ok(header.refs)
}

/// Makes the index of a pack and gives both the name by which git finds them.
pub(super) fn adopt(staged: &Path, kind: git::HashKind, packs: &Path) -> Result<()> {
    let index = git::index_pack(staged, kind)?;
    let name = PackIndex::open(&index, kind, None)?.pack_checksum();
    let files = PackFiles::named(packs, &format!("pack-{name}"));
    std::fs::rename(staged, &files.pack).at("rename to", &files.pack)?;
    std::fs::rename(&index, &files.index).at("rename to", &files.index)
}
