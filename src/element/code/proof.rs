//! The proof that a segment is whole: what was checked, when, and the index that belongs to it.

use super::Segment;
use crate::bundle;
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{self, HashKind, ObjectId, PackFiles, PackIndex};
use crate::store::{Key, NO_DIGEST, Store, Tally, copy_in, copy_out, is_sealed, read_whole, seal, sha256_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The version of the proof's format.
const FORMAT: u32 = 1;
/// What is checked of a segment at once, however large it is: its bytes are the ones that were written.
const DIGEST: &str = "digest";
/// The code of the error for a pack that holds more than it should.
pub(super) const STRAY: &str = "stray";
/// The code of the error for a pack whose objects refer to what neither it nor one before it holds.
pub(super) const UNCONNECTED: &str = "connectivity";

/// The content of `code/<segment>.proof.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Always 1.
    pub format: u32,
    /// SHA-256 of the proof's bytes with 64 zeros in this place.
    pub digest: String,
    /// The segment's file.
    pub segment: String,
    /// The SHA-256 that was read back.
    pub sha256: String,
    /// How many objects the pack holds.
    pub objects: u32,
    /// The checksum in which the segment's pack ends.
    pub pack: String,
    /// The pack index beside the segment: `code/<segment>.idx`.
    pub index: String,
    /// Its SHA-256.
    pub index_sha256: String,
    /// When every object was last read; `None` while only the digest was, and the index is the one that git made with the
    /// pack.
    pub verified_at: Option<Timestamp>,
    /// What was checked: `digest`, `objects`, `connectivity`.
    pub checked: Vec<String>,
    /// What reading every object found wrong; no later segment builds upon such a one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Proof {
    fn key(site: &str, segment: &Segment) -> Result<Key> {
        Key::new(format!("{site}/{}", segment.proof_file()))
    }

    fn index_key(&self, site: &str) -> Result<Key> {
        Key::new(format!("{site}/{}", self.index))
    }

    /// Reads the proof of a segment; `None` where there is none that speaks of these bytes.
    pub fn of(store: &dyn Store, site: &str, segment: &Segment) -> Result<Option<Self>> {
        let bytes = match read_whole(store, &Self::key(site, segment)?) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == Kind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let proof: Option<Self> = serde_json::from_slice(&bytes).ok();
        // An index of another name would be another segment's.
        let fits = |proof: &Self| {
            proof.format == FORMAT && proof.sha256 == segment.sha256 && proof.index == segment.index_file()
        };
        let proof = proof.filter(|proof| is_sealed(&bytes, &proof.digest));
        Ok(proof.filter(fits))
    }

    /// Says what is known of a segment once its digest was read back, with the index that git made of its pack.
    fn claim(segment: &Segment, index: &PackIndex, index_sha256: String) -> Self {
        Self {
            format: FORMAT,
            digest: NO_DIGEST.into(),
            segment: segment.file.clone(),
            sha256: segment.sha256.clone(),
            objects: index.objects(),
            pack: index.pack_checksum().to_string(),
            index: segment.index_file(),
            index_sha256,
            verified_at: None,
            checked: vec![DIGEST.into()],
            problem: None,
        }
    }

    /// Tells whether every object was read, and nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.verified_at.is_some() && self.problem.is_none()
    }

    /// Tells whether both say the same of the segment, whenever they were made and whatever had been checked by then.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let said = |proof: &Self| {
            let proof = proof.clone();
            Self { verified_at: None, checked: vec![], problem: None, digest: String::new(), ..proof }
        };
        said(self) == said(other)
    }

    /// Returns the proof with what reading the segment later found wrong.
    #[must_use]
    pub fn refuted(self, problem: String) -> Self {
        Self { problem: Some(problem), ..self }
    }

    /// Opens the index where it is, or a copy in `scratch`: it must belong to the segment's pack.
    pub fn open_index(&self, store: &dyn Store, site: &str, kind: HashKind, scratch: &Path) -> Result<PackIndex> {
        let pack = ObjectId::from_hex(self.pack.as_bytes()).map_err(|_| {
            Error::damaged("proof", format!("the proof of {} names no pack", self.segment)).hint(
                "it can be made again, in the repository whose store it is: git cairn backup verify --all --repair",
            )
        })?;
        PackIndex::open(&store.at_hand(&self.index_key(site)?, scratch)?, kind, Some(&pack))
    }

    /// Writes the index to `path` on this host; its digest must be the one that was kept.
    pub fn copy_index(&self, store: &dyn Store, site: &str, path: &Path) -> Result<()> {
        let key = self.index_key(site)?;
        if copy_out(store, &key, path, 0o444)?.1 == self.index_sha256 {
            return Ok(());
        }
        std::fs::remove_file(path).at("remove", path)?;
        Err(self.index_damaged(site))
    }

    /// Reads the index back; its digest must be the one that was kept.
    pub fn check_index(&self, store: &dyn Store, site: &str) -> Result<()> {
        let mut input = BufReader::with_capacity(1 << 18, Tally::new(store.open(&self.index_key(site)?)?));
        io::copy(&mut input, &mut io::sink()).at("read", Path::new(&self.index))?;
        if input.into_inner().finish().2 == self.index_sha256 { Ok(()) } else { Err(self.index_damaged(site)) }
    }

    fn index_damaged(&self, site: &str) -> Error {
        Error::damaged("index", format!("{site}/{} is damaged", self.index))
            .hint("it can be made again, in the repository whose store it is: git cairn backup verify --all --repair")
    }

    /// Keeps the proof beside the segment, in place of an older one.
    pub fn keep(&self, store: &dyn Store, site: &str, segment: &Segment) -> Result<()> {
        let unsealed = Self { digest: NO_DIGEST.into(), ..self.clone() };
        store.replace(&Self::key(site, segment)?, &seal(&unsealed).0)
    }
}

/// A segment that was read back and found whole, as far as its proof says.
pub struct Proven {
    /// What is to be kept of that.
    pub proof: Proof,
    /// The index of its pack.
    pub index: PackIndex,
    files: PackFiles,
    _folder: Option<TempDir>,
}

impl Proven {
    /// Keeps the index and the proof beside the segment.
    pub fn keep(&self, store: &dyn Store, site: &str, segment: &Segment) -> Result<()> {
        copy_in(store, &self.proof.index_key(site)?, &self.files.index)?;
        self.proof.keep(store, site, segment)
    }
}

/// What a segment is examined with.
pub struct Examiner<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The site's folder in it.
    pub site: &'a str,
    /// The hash its ids are made with.
    pub kind: HashKind,
    /// A folder for files that are needed only meanwhile.
    pub scratch: &'a Path,
    /// The present instant.
    pub now: Timestamp,
}

impl Examiner<'_> {
    /// Reads a segment back from the store: its digest, every object, and that each object's references lead into it or
    /// into `before`, the indexes of the segments it builds upon. Nothing is written to the store.
    ///
    /// Returns [`Kind::Damaged`] naming the file and what is wrong with it.
    pub fn examine(&self, segment: &Segment, before: &[PackIndex]) -> Result<Proven> {
        let folder = self.folder()?;
        let kept = folder.path().join("kept.idx");
        let known = Proof::of(self.store, self.site, segment)?;
        let index = known.and_then(|proof| proof.copy_index(self.store, self.site, &kept).ok()).map(|()| kept);
        self.read(segment, before, folder, index, None)
    }

    /// The same with an index that git made of the pack, which is held against every object, and, where `roots` are given,
    /// that the pack holds nothing else than what these reach.
    pub fn examine_with(
        &self,
        segment: &Segment,
        before: &[PackIndex],
        index: &Path,
        roots: Option<&[ObjectId]>,
    ) -> Result<Proven> {
        self.read(segment, before, self.folder()?, Some(index.to_owned()), roots)
    }

    fn folder(&self) -> Result<TempDir> {
        tempfile::tempdir_in(self.scratch).at("make a folder in", self.scratch)
    }

    fn read(
        &self,
        segment: &Segment,
        before: &[PackIndex],
        folder: TempDir,
        index: Option<PathBuf>,
        roots: Option<&[ObjectId]>,
    ) -> Result<Proven> {
        let key = segment.key(self.site)?;
        let named = |error: Error| error.while_doing(&key);
        let pack = folder.path().join("segment.pack");
        extract_pack(self.store, &key, segment, self.kind, &pack)?;
        let index = match index.filter(|index| PackIndex::open(index, self.kind, None).is_ok()) {
            Some(index) => index,
            None => git::index_pack(&pack, self.kind).map_err(named)?,
        };
        let files = PackFiles { pack, index };
        let index = PackIndex::open(&files.index, self.kind, None)?;
        let statistics = git::verify_pack(&files, &index, before, roots, self.kind).map_err(named)?;
        if let Some(broken) = statistics.broken {
            let message = format!("{} refers to {}, which no segment holds", broken.from, broken.to);
            return Err(named(Error::damaged(UNCONNECTED, message)));
        }
        if let Some(stray) = statistics.stray {
            return Err(named(Error::damaged(STRAY, format!("it holds {stray}, which no reference reaches"))));
        }
        std::fs::remove_file(&files.pack).at("remove", &files.pack)?;
        let proof = Proof {
            verified_at: Some(self.now),
            checked: [DIGEST, "objects", "connectivity"].map(String::from).to_vec(),
            ..Proof::claim(segment, &index, sha256_of(&files.index)?)
        };
        Ok(Proven { proof, index, files, _folder: Some(folder) })
    }

    /// Reads back a segment's digest alone, and takes the index that git made of its pack for true until all of it is read.
    pub fn glance(&self, segment: &Segment, files: &PackFiles) -> Result<Proven> {
        let key = segment.key(self.site)?;
        let mut input = BufReader::with_capacity(1 << 18, Tally::new(self.store.open(&key)?));
        io::copy(&mut input, &mut io::sink()).at("read", Path::new(key.as_str()))?;
        let (_, bytes, digest) = input.into_inner().finish();
        segment.must_be(bytes, &digest, &key)?;
        let index = PackIndex::open(&files.index, self.kind, None)?;
        let proof = Proof::claim(segment, &index, sha256_of(&files.index)?);
        Ok(Proven { proof, index, files: files.clone(), _folder: None })
    }
}

/// Writes the pack of a segment to `path`, checking the segment's digest on the way.
pub fn extract_pack(store: &dyn Store, key: &Key, segment: &Segment, kind: HashKind, path: &Path) -> Result<()> {
    // A manifest names it, so its absence is damage and no slip of the person who asked.
    let opened = store.open(key).map_err(|error| match error.kind() {
        Kind::NotFound => Error::damaged("segment", format!("{key} is missing"))
            .hint("see what else is: git cairn backup verify --all"),
        _ => error,
    })?;
    let mut input = BufReader::with_capacity(1 << 18, Tally::new(opened));
    let named = |error: Error| error.while_doing(key);
    let header = bundle::pass_header(&mut input).map_err(|error| named(error.into()))?;
    if header.object_format != kind || header.filter.is_some() {
        return Err(named(Error::damaged("segment", "the bundle is of another kind than its chain")));
    }
    let file = File::create_new(path).at("create", path)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    io::copy(&mut input, &mut out).at("write", path)?;
    io::Write::flush(&mut out).at("write", path)?;
    let (_, bytes, digest) = input.into_inner().finish();
    segment.must_be(bytes, &digest, key)
}
