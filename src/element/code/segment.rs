//! One segment: what the repository has and the chain before it does not.

use super::{Chain, Proven, examine, kept_length};
use crate::bundle::{Header, write_header};
use crate::error::{AtPath, Error, Result};
use crate::git::{self, ObjectId, RefList, RefName, RefValue, Repository};
use crate::store::{Key, Store, Tally};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};
use std::path::Path;

/// A stored bundle of the chain, as manifests name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The file, relative to the site's folder: `code/<id>.bundle`.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// How many objects it holds.
    pub objects: u32,
}

impl Segment {
    /// Returns the segment's name without folder and ending.
    pub fn name(&self) -> &str {
        self.file.strip_prefix("code/").and_then(|file| file.strip_suffix(".bundle")).unwrap_or(&self.file)
    }

    /// Returns the file of its index, relative to the site's folder.
    pub fn index_file(&self) -> String {
        format!("code/{}.idx", self.name())
    }

    /// Returns the file of its proof, relative to the site's folder.
    pub fn proof_file(&self) -> String {
        format!("code/{}.proof.json", self.name())
    }

    /// Returns where it lies in the store.
    pub fn key(&self, site: &str) -> Result<Key> {
        Key::new(format!("{site}/{}", self.file))
    }
}

/// What [`append`] did.
pub struct Appended {
    /// The chain that holds the whole list.
    pub segments: Vec<Segment>,
    /// The segment that was written, `None` where the chain held everything.
    pub written: Option<Segment>,
}

/// Where and how [`append`] works.
pub struct Append<'a> {
    /// The repository the objects come from.
    pub repository: &'a Repository,
    /// The store they go to.
    pub store: &'a dyn Store,
    /// The site's folder in it.
    pub site: &'a str,
    /// The name of the new segment: the backup's id.
    pub name: &'a str,
    /// A folder for files that are needed only meanwhile.
    pub scratch: &'a Path,
    /// The present instant, for the proof.
    pub now: Timestamp,
}

/// Writes a segment with what `list` needs and `chain` lacks, reads it back, and proves it.
///
/// Nothing of it is left in the store when it cannot be proven.
pub fn append(work: &Append<'_>, list: &RefList, mut chain: Chain, say: &mut dyn FnMut(&str)) -> Result<Appended> {
    let lacking = |chain: &Chain| -> Vec<ObjectId> { list.tips().into_iter().filter(|id| !chain.holds(id)).collect() };
    let mut tips = lacking(&chain);
    if tips.is_empty() {
        return Ok(Appended { segments: chain.segments, written: None });
    }
    let sizes: Vec<u64> = chain.segments.iter().map(|segment| segment.bytes).collect();
    let kept = kept_length(&sizes);
    if kept < sizes.len() {
        let folded = chain.prefix(kept);
        let all = lacking(&folded);
        // What only the store still has cannot be packed again; then the chain grows instead.
        if all.iter().all(|id| work.repository.contains(id)) {
            (chain, tips) = (folded, all);
        }
    }
    say("packing");
    let segment = write(work, list, &tips, &chain)?;
    say("reading it back");
    let kind = work.repository.hash_kind();
    let proven = examine(work.store, work.site, &segment, &chain.indexes, kind, work.scratch, work.now);
    match proven.and_then(|proven| finish(work, list, chain, proven, segment.clone())) {
        Ok(appended) => Ok(appended),
        Err(error) => {
            work.store.remove(&segment.key(work.site)?)?;
            Err(error.while_doing("the snapshot was read back and is not what was to be written"))
        }
    }
}

fn finish(work: &Append<'_>, list: &RefList, mut chain: Chain, proven: Proven, segment: Segment) -> Result<Appended> {
    let segment = Segment { objects: proven.proof.objects, ..segment };
    proven.keep(work.store, work.site, &segment)?;
    chain.indexes.push(proven.index);
    chain.segments.push(segment.clone());
    if let Some(tip) = list.tips().iter().find(|tip| !chain.holds(tip)) {
        let message = format!("it does not hold {tip}, which a reference names");
        return Err(Error::failed("object-missing", message).hint("see what the repository lacks: git fsck --full"));
    }
    Ok(Appended { segments: chain.segments, written: Some(segment) })
}

fn write(work: &Append<'_>, list: &RefList, tips: &[ObjectId], chain: &Chain) -> Result<Segment> {
    let repository = work.repository;
    if let Some(missing) = tips.iter().find(|id| !repository.contains(id)) {
        return Err(Error::failed(
            "object-missing",
            format!("a reference names {missing}, which the repository does not have"),
        )
        .hint("see what it lacks: git fsck --full"));
    }
    // What the chain holds may be gone here: a branch that was deleted and pruned since.
    let held: HashSet<_> = chain
        .tips(work.store, work.site)?
        .iter()
        .filter_map(|id| repository.peel_to_commit(id))
        .filter(|id| chain.holds(id))
        .collect();
    let held: Vec<_> = held.into_iter().collect();
    let prerequisites = prerequisites(repository, tips, &held, chain)?;
    let header = Header::new(repository.hash_kind(), prerequisites, named(list, tips));
    let file = format!("code/{}.bundle", work.name);
    let segment = Segment { file, bytes: 0, sha256: String::new(), objects: 0 };
    let key = segment.key(work.site)?;
    let mut out = Tally::new(work.store.create(&key)?);
    let writing = |result: io::Result<()>| result.at("write", Path::new(key.as_str()));
    writing(write_header(&header, &mut out))?;
    git::write_pack(repository, tips, &header.prerequisites, |pack| writing(io::copy(pack, &mut out).map(drop)))?;
    writing(out.flush())?;
    let (publication, bytes, sha256) = out.finish();
    publication.publish()?;
    Ok(Segment { bytes, sha256, ..segment })
}

/// Returns the commits whose closure the segment may leave out: where new history meets held history, and what a new tag
/// of an old commit, such as a deployment's, stands on.
fn prerequisites(
    repository: &Repository,
    tips: &[ObjectId],
    held: &[ObjectId],
    chain: &Chain,
) -> Result<Vec<ObjectId>> {
    let tagged = tips.iter().filter_map(|tip| repository.peel_to_commit(tip)).filter(|commit| chain.holds(commit));
    let met: BTreeSet<_> = git::boundary(repository, tips, held)?.into_iter().chain(tagged).collect();
    Ok(met.into_iter().collect())
}

/// Returns the references of the list that name one of `tips`, HEAD first.
fn named(list: &RefList, tips: &[ObjectId]) -> Vec<(RefName, ObjectId)> {
    let tips: HashSet<_> = tips.iter().collect();
    let head = list.head.id().map(|id| (RefName::head(), id));
    let direct = list.refs.iter().filter_map(|(name, value)| match value {
        RefValue::Direct(id) => Some((name.clone(), *id)),
        RefValue::Symbolic(..) => None,
    });
    head.into_iter().chain(direct).filter(|(_, id)| tips.contains(id)).collect()
}
