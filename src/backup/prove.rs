//! Reading every object of segments that were too large for that when their backup was made.

use super::catalog::read_manifest;
use super::{BackupId, Catalog, Manifest};
use crate::element::code::{Examiner, Proof, Segment};
use crate::error::{Kind, Result};
use crate::git::PackIndex;
use crate::store::Store;
use jiff::Timestamp;
use std::path::Path;

/// What reading a segment found: the proof that is to be kept in place of the one it has.
#[derive(Debug)]
pub struct Finding {
    /// The segment.
    pub segment: Segment,
    /// The proof, with the problem in it if there is one.
    pub proof: Proof,
}

/// Tells whether every object of a backup was read, and found whole.
///
/// Returns an error where the store cannot be read.
pub fn is_proven(store: &dyn Store, site: &str, manifest: &Manifest) -> Result<bool> {
    for segment in manifest.bundles() {
        if !Proof::of(store, site, segment)?.is_some_and(|proof| proof.is_whole()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells whether reading one of its segments found something wrong.
pub fn has_problem(store: &dyn Store, site: &str, manifest: &Manifest) -> Result<bool> {
    for segment in manifest.bundles() {
        if Proof::of(store, site, segment)?.is_some_and(|proof| proof.problem.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells the same as [`is_proven`] of the backup with this id.
pub fn is_proven_id(store: &dyn Store, site: &str, id: &str) -> Result<bool> {
    is_proven(store, site, &read_manifest(store, site, &BackupId::parse(id)?)?)
}

/// Says how a backup was read back.
pub fn how_proven(proven: bool) -> &'static str {
    if proven { "read back and verified" } else { "read back; its every object is verified in the background" }
}

/// Reads the segments of a backup of which only the digest was read so far, in the order of its chain. Nothing is written;
/// a segment that goes meanwhile, with the last backup that named it, is passed over.
pub fn prove(catalog: &Catalog<'_>, manifest: &Manifest, scratch: &Path, now: Timestamp) -> Result<Vec<Finding>> {
    let (store, site, kind) = (catalog.store, catalog.site.as_str(), manifest.hash_kind()?);
    let examiner = Examiner { store, site, kind, scratch, now };
    let mut findings = Vec::new();
    for (place, segment) in manifest.bundles().enumerate() {
        let claim = Proof::of(store, site, segment)?;
        let Some(claim) = claim.filter(|claim| claim.verified_at.is_none() && claim.problem.is_none()) else {
            continue;
        };
        let proof = match before(&examiner, &manifest.segments[..place]).and_then(|it| examiner.examine(segment, &it)) {
            Ok(proven) if proven.proof.agrees_with(&claim) => proven.proof,
            Ok(_) => claim.refuted("its index is not the one of its pack".into()),
            Err(error) if store.size(&segment.key(site)?)?.is_none() && error.kind() != Kind::Outside => continue,
            Err(error) if error.kind() == Kind::Damaged => claim.refuted(error.to_string()),
            Err(error) => return Err(error),
        };
        findings.push(Finding { segment: segment.clone(), proof });
    }
    Ok(findings)
}

/// The indexes of the segments that come before in the chain.
pub(super) fn before(examiner: &Examiner<'_>, segments: &[Segment]) -> Result<Vec<PackIndex>> {
    let (store, site) = (examiner.store, examiner.site);
    let mut indexes = Vec::new();
    for segment in segments {
        match Proof::of(store, site, segment)? {
            Some(proof) => indexes.push(proof.open_index(store, site, examiner.kind, examiner.scratch)?),
            None => indexes.push(examiner.examine(segment, &indexes)?.index),
        }
    }
    Ok(indexes)
}
