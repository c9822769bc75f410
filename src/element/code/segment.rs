//! One segment: what the repository has and the chain before it does not.

use super::{Chain, Examiner, Proven, base, kept_length};
use crate::bundle::{Header, write_header_naming};
use crate::error::{AtPath, Error, Result};
use crate::git::{self, ObjectId, PackFiles, RefList, RefName, RefValue, Repository};
use crate::store::{Key, Tally};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use tempfile::TempDir;

/// A stored bundle of the chain, as manifests name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The file, relative to the site's folder: `code/<id>.bundle`, or `uncommitted/<id>.bundle`.
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
        self.stem().rsplit('/').next().unwrap_or(&self.file)
    }

    /// The file without its ending: what is kept beside it is named after that.
    fn stem(&self) -> &str {
        self.file.strip_suffix(".bundle").unwrap_or(&self.file)
    }

    /// Returns the file of its index, relative to the site's folder.
    pub fn index_file(&self) -> String {
        format!("{}.idx", self.stem())
    }

    /// Returns the file of its proof, relative to the site's folder.
    pub fn proof_file(&self) -> String {
        format!("{}.proof.json", self.stem())
    }

    /// Returns where it lies in the store.
    pub fn key(&self, site: &str) -> Result<Key> {
        Key::new(format!("{site}/{}", self.file))
    }

    /// Checks that what was read is what was stored.
    ///
    /// Returns [`crate::error::Kind::Damaged`] otherwise.
    pub fn must_be(&self, bytes: u64, sha256: &str, key: &Key) -> Result<()> {
        if bytes == self.bytes && sha256 == self.sha256 {
            return Ok(());
        }
        Err(Error::damaged("digest", format!("{key} is damaged: its bytes are not the ones that were stored"))
            .hint("see what else is: git cairn backup verify --all"))
    }
}

/// What [`append`] did.
pub struct Appended {
    /// The chain that holds the whole list.
    pub chain: Chain,
    /// How many of its last segments were written; 0 where the chain held everything.
    pub written: usize,
}

/// Where and how [`append`] works.
pub struct Append<'a> {
    /// The repository the objects come from.
    pub repository: &'a Repository,
    /// What the new segment is read back with.
    pub examiner: &'a Examiner<'a>,
    /// The name of the new segment: the backup's id.
    pub name: &'a str,
}

/// The largest segment whose every object is read before the backup is done, in bytes: about a second's work.
pub(super) const READ_AT_ONCE_MAX: u64 = 16 << 20;

/// Writes what `list` needs and `chain` lacks, and reads it back: its digest, and every object unless it is so large that
/// this is left for later.
///
/// A chain begins with a copy of the repository's pack where that serves, and what is loose beside it follows. Nothing
/// is left in the store that is not what was to be written.
pub fn append(work: &Append<'_>, list: &RefList, mut chain: Chain, say: &mut dyn FnMut(&str)) -> Result<Appended> {
    let mut written = 0;
    let tips = list.tips();
    fold(work, &tips, &mut chain);
    if chain.segments.is_empty()
        && let Some(base) = base::copy(work, list, say)?
    {
        add(work, &mut chain, base)?;
        written += 1;
    }
    let rest: Vec<_> = lacking(&tips, &chain).collect();
    if !rest.is_empty() {
        let rest = packed(work, list, &rest, &chain, say)?;
        add(work, &mut chain, rest)?;
        written += 1;
    }
    let still = lacking(&tips, &chain).next();
    still.map_or(Ok(Appended { chain, written }), |tip| Err(missing(&tip)))
}

/// Returns the tips that no segment holds.
fn lacking<'a>(tips: &'a [ObjectId], chain: &'a Chain) -> impl Iterator<Item = ObjectId> + 'a {
    tips.iter().copied().filter(|id| !chain.holds(id))
}

fn missing(id: &ObjectId) -> Error {
    Error::failed("object-missing", format!("a reference names {id}, which the repository does not have"))
        .hint("see what it lacks: git fsck --full")
}

/// Shortens a chain that has become long, if something is to be added at all: what the last segments hold goes into the
/// new one. What only the store still has cannot be packed again; then the chain grows instead.
fn fold(work: &Append<'_>, tips: &[ObjectId], chain: &mut Chain) {
    let sizes: Vec<u64> = chain.segments.iter().map(|segment| segment.bytes).collect();
    let kept = kept_length(&sizes);
    if kept < sizes.len() && lacking(tips, chain).next().is_some() {
        let folded = chain.prefix(kept);
        if lacking(tips, &folded).all(|id| work.repository.contains(&id)) {
            *chain = folded;
        }
    }
}

/// A segment in the store that was read back.
pub(super) struct Written {
    /// The segment.
    pub segment: Segment,
    /// What is known of it.
    pub proven: Proven,
    /// Where git made the pack; its index is still there.
    pub made_in: Option<TempDir>,
}

fn add(work: &Append<'_>, chain: &mut Chain, written: Written) -> Result<()> {
    let segment = work.keep(written.segment, &written.proven)?;
    chain.push(segment, written.proven.index, written.proven.proof);
    drop(written.made_in);
    Ok(())
}

impl Append<'_> {
    /// Reads back what was written of a pack that git made: its digest, and every object unless it is so large that this is
    /// left for later.
    fn examine(&self, segment: &Segment, chain: &Chain, files: &PackFiles) -> Result<Proven> {
        let proven = if segment.bytes > READ_AT_ONCE_MAX {
            self.examiner.glance(segment, files)
        } else {
            self.examiner.examine_with(segment, &chain.indexes, &files.index, None)
        };
        self.or_remove(segment, proven)
    }

    /// Keeps index and proof beside a segment, and returns it with the number of its objects.
    fn keep(&self, segment: Segment, proven: &Proven) -> Result<Segment> {
        let segment = Segment { objects: proven.proof.objects, ..segment };
        let kept = proven.keep(self.examiner.store, self.examiner.site, &segment);
        self.or_remove(&segment, kept)?;
        Ok(segment)
    }

    /// Reads a segment back that stands upon the chain and is no part of it, and keeps index and proof beside it.
    pub fn read_back(&self, segment: Segment, chain: &Chain, files: &PackFiles) -> Result<Segment> {
        let proven = self.examine(&segment, chain, files)?;
        self.keep(segment, &proven)
    }

    /// Removes what was written where it is not what was to be written.
    pub(super) fn or_remove<T>(&self, segment: &Segment, result: Result<T>) -> Result<T> {
        result.or_else(|error| {
            self.remove(segment)?;
            Err(error.while_doing("the snapshot was read back and is not what was to be written"))
        })
    }

    /// Removes a segment that no backup names yet.
    pub(super) fn remove(&self, segment: &Segment) -> Result<()> {
        self.examiner.store.remove(&segment.key(self.examiner.site)?)
    }

    /// Writes a header with these references and a pack into the store as a segment in this file, relative to the site's folder.
    pub fn write(
        &self,
        file: String,
        header: &Header,
        refs: &mut dyn Iterator<Item = (&RefName, ObjectId)>,
        pack: &Path,
    ) -> Result<Segment> {
        let segment = Segment { file, bytes: 0, sha256: String::new(), objects: 0 };
        let key = segment.key(self.examiner.site)?;
        let mut input = BufReader::with_capacity(1 << 18, File::open(pack).at("read", pack)?);
        let mut out = Tally::new(self.examiner.store.create(&key)?);
        let writing = |result: io::Result<()>| result.at("write", Path::new(key.as_str()));
        writing(write_header_naming(header, refs, &mut out))?;
        writing(io::copy(&mut input, &mut out).map(drop))?;
        writing(out.flush())?;
        let (publication, bytes, sha256) = out.finish();
        publication.publish()?;
        Ok(Segment { bytes, sha256, ..segment })
    }
}

/// Packs what is wanted: a little at once, more by git.
fn packed(
    work: &Append<'_>,
    list: &RefList,
    tips: &[ObjectId],
    chain: &Chain,
    say: &mut dyn FnMut(&str),
) -> Result<Written> {
    if let Some(lost) = tips.iter().find(|id| !work.repository.contains(id)) {
        return Err(missing(lost));
    }
    say("packing");
    let prerequisites =
        if chain.segments.is_empty() { vec![] } else { git::boundary(work.repository, tips, |id| chain.holds(id))? };
    let scratch = work.examiner.scratch;
    let folder = tempfile::tempdir_in(scratch).at("make a folder in", scratch)?;
    let files = match git::make_small_pack(work.repository, tips, |id| chain.holds(id), folder.path())? {
        Some(files) => files,
        None => git::make_pack(work.repository, tips, &prerequisites, folder.path())?,
    };
    let header = Header::new(work.repository.hash_kind(), prerequisites, vec![]);
    let names = Names::of(list, tips);
    let segment = work.write(format!("code/{}.bundle", work.name), &header, &mut names.iter(), &files.pack)?;
    // It is read back from the store, so its place here is wanted for the copy.
    std::fs::remove_file(&files.pack).at("remove", &files.pack)?;
    say("reading it back");
    let proven = work.examine(&segment, chain, &files)?;
    Ok(Written { segment, proven, made_in: Some(folder) })
}

/// The references of a list that name one of some tips.
pub(super) struct Names<'a> {
    list: &'a RefList,
    tips: &'a [ObjectId],
    head: RefName,
    /// A tip that none names gets a name of ours, for a bundle must name all it brings.
    ours: Vec<(RefName, ObjectId)>,
}

impl<'a> Names<'a> {
    /// Takes them from the list; `tips` are in order.
    pub(super) fn of(list: &'a RefList, tips: &'a [ObjectId]) -> Self {
        let mut names = Self { list, tips, head: RefName::head(), ours: vec![] };
        let mut is_named = vec![false; tips.len()];
        for (_, id) in names.iter() {
            if let Ok(position) = tips.binary_search(&id) {
                is_named[position] = true;
            }
        }
        let nameless = tips.iter().zip(is_named).filter(|(_, named)| !named).map(|(id, _)| *id);
        let ours = (0..).filter_map(|n| RefName::new(format!("refs/cairn/base/{n}")));
        names.ours = ours.filter(|name| !list.refs.contains_key(name)).zip(nameless).collect();
        names
    }

    /// Returns each with its object, HEAD first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RefName, ObjectId)> {
        let head = self.list.head.id().map(|id| (&self.head, id));
        let direct = self.list.refs.iter().filter_map(|(name, value)| match value {
            RefValue::Direct(id) => Some((name, *id)),
            RefValue::Symbolic(..) => None,
        });
        let wanted = |(_, id): &(&RefName, ObjectId)| self.tips.binary_search(id).is_ok();
        head.into_iter().chain(direct).filter(wanted).chain(self.ours.iter().map(|(name, id)| (name, *id)))
    }
}
