//! The proof that a segment is whole: what was checked, when, and the index that checking it made.

use super::Segment;
use crate::bundle;
use crate::error::{AtPath, Error, Kind, Result};
use crate::git::{self, HashKind, PackIndex};
use crate::store::{Key, NO_DIGEST, Store, Tally, create_whole, is_sealed, read_whole, seal, sha256};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{BufReader, Read};
use std::path::Path;

/// The version of the proof's format.
const FORMAT: u32 = 1;

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
    /// How many objects were decoded and hashed.
    pub objects: u32,
    /// The pack index beside the segment: `code/<segment>.idx`.
    pub index: String,
    /// Its SHA-256.
    pub index_sha256: String,
    /// When all of it was last read.
    pub verified_at: Timestamp,
    /// What was checked: `digest`, `objects`, `connectivity`.
    pub checked: Vec<String>,
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

    /// Tells whether both say the same of the segment, whenever they were made.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let said = |proof: &Self| Self { verified_at: self.verified_at, digest: String::new(), ..proof.clone() };
        said(self) == said(other)
    }

    /// Reads the index; it must be the one that was proven.
    pub fn read_index(&self, store: &dyn Store, site: &str, kind: HashKind) -> Result<PackIndex> {
        let bytes = self.index_bytes(store, site)?;
        PackIndex::read(bytes, Path::new(&self.index), kind)
    }

    /// Returns the bytes of the index.
    pub fn index_bytes(&self, store: &dyn Store, site: &str) -> Result<Vec<u8>> {
        let bytes = read_whole(store, &self.index_key(site)?)?;
        if sha256(&bytes) == self.index_sha256 {
            return Ok(bytes);
        }
        Err(Error::damaged("index", format!("{site}/{} is damaged", self.index)))
    }
}

/// A segment that was read back and found whole.
pub struct Proven {
    /// What is to be kept of that.
    pub proof: Proof,
    /// The index that reading made.
    pub index: PackIndex,
    index_bytes: Vec<u8>,
}

impl Proven {
    /// Keeps the index and the proof beside the segment.
    pub fn keep(&self, store: &dyn Store, site: &str, segment: &Segment) -> Result<()> {
        create_whole(store, &self.proof.index_key(site)?, &self.index_bytes)?;
        self.refresh(store, site, segment)
    }

    /// Keeps only the proof, in place of an older one.
    pub fn refresh(&self, store: &dyn Store, site: &str, segment: &Segment) -> Result<()> {
        store.replace(&Proof::key(site, segment)?, &seal(&self.proof).0)
    }
}

/// Reads a segment back from the store: its digest, every object, and that each object's references lead into it or
/// into `before`, the indexes of the segments it builds upon. Nothing is written to the store.
///
/// Returns [`Kind::Damaged`] naming the file and what is wrong with it.
pub fn examine(
    store: &dyn Store,
    site: &str,
    segment: &Segment,
    before: &[PackIndex],
    kind: HashKind,
    scratch: &Path,
    now: Timestamp,
) -> Result<Proven> {
    let folder = tempfile::tempdir_in(scratch).at("make a folder in", scratch)?;
    let (index_bytes, index) = check(store, site, segment, before, kind, folder.path())?;
    let proof = Proof {
        format: FORMAT,
        digest: NO_DIGEST.into(),
        segment: segment.file.clone(),
        sha256: segment.sha256.clone(),
        objects: index.objects(),
        index: segment.index_file(),
        index_sha256: sha256(&index_bytes),
        verified_at: now,
        checked: ["digest", "objects", "connectivity"].map(String::from).to_vec(),
    };
    Ok(Proven { proof, index, index_bytes })
}

/// Returns the index of the pack.
fn check(
    store: &dyn Store,
    site: &str,
    segment: &Segment,
    before: &[PackIndex],
    kind: HashKind,
    folder: &Path,
) -> Result<(Vec<u8>, PackIndex)> {
    let key = segment.key(site)?;
    let named = |error: Error| error.while_doing(&key);
    let mut input = BufReader::with_capacity(1 << 18, Tally::new(store.open(&key)?));
    let header = bundle::read_header(&mut input).map_err(|error| named(error.into()))?;
    if header.object_format != kind || header.filter.is_some() {
        return Err(named(Error::damaged("segment", "the bundle is of another kind than its chain")));
    }
    let (pack, index) = git::index_pack(&mut input, folder, kind).map_err(named)?;
    let mut rest = Vec::new();
    input.read_to_end(&mut rest).at("read", Path::new(key.as_str()))?;
    let (_, bytes, digest) = input.into_inner().finish();
    if bytes != segment.bytes || digest != segment.sha256 {
        return Err(named(Error::damaged("digest", "its bytes are not the ones that were stored")));
    }
    let index_bytes = std::fs::read(&index).at("read", &index)?;
    let index = PackIndex::read(index_bytes.clone(), &index, kind)?;
    let statistics = git::verify_pack(&pack, &index, before, kind).map_err(named)?;
    if let Some(broken) = statistics.broken {
        let message = format!("{} refers to {}, which no segment holds", broken.from, broken.to);
        return Err(named(Error::damaged("connectivity", message)));
    }
    Ok((index_bytes, index))
}
