//! The segments that together hold a repository's objects, oldest first.

use super::{Examiner, Proof, Segment};
use crate::error::Result;
use crate::git::{Membership, ObjectId, PackIndex};

/// The most segments a restore has to read.
const SEGMENTS_MAX: usize = 8;
/// A segment stays while it is at least this many times as large as all that came after it.
const GROWTH: u64 = 3;

/// Returns how many of a chain's segments the next one builds upon; the others are folded into it.
///
/// `sizes` are their bytes, oldest first. Small segments are folded together as they gather, so that a chain grows
/// with the logarithm of its bytes and each byte is written again only a few times.
pub fn kept_length(sizes: &[u64]) -> usize {
    let mut kept = sizes.len();
    let mut after: u64 = 0;
    if kept < SEGMENTS_MAX {
        return kept;
    }
    while kept > 0 && (kept >= SEGMENTS_MAX - 1 || sizes[kept - 1] < after.saturating_mul(GROWTH)) {
        after = after.saturating_add(sizes[kept - 1]);
        kept -= 1;
    }
    kept
}

/// Segments with what is needed to ask for their objects.
pub struct Chain {
    /// The segments, oldest first.
    pub segments: Vec<Segment>,
    /// Their indexes, in the same order.
    pub indexes: Vec<PackIndex>,
    /// What is known of each, in the same order.
    pub proofs: Vec<Proof>,
}

impl Chain {
    /// Returns a chain of nothing.
    pub fn empty() -> Self {
        Self { segments: vec![], indexes: vec![], proofs: vec![] }
    }

    /// Opens segments to build upon; `None` where a proof or an index is missing or another's, or where a segment was found
    /// damaged, for then the next one must not build upon them.
    pub fn open(examiner: &Examiner<'_>, segments: &[Segment]) -> Result<Option<Self>> {
        let (store, site) = (examiner.store, examiner.site);
        let mut chain = Self::empty();
        for segment in segments {
            let Some(proof) = Proof::of(store, site, segment)? else { return Ok(None) };
            if proof.problem.is_some() || store.size(&segment.key(site)?)? != Some(segment.bytes) {
                return Ok(None);
            }
            let Ok(index) = proof.open_index(store, site, examiner.kind, examiner.scratch) else { return Ok(None) };
            chain.push(segment.clone(), index, proof);
        }
        Ok(Some(chain))
    }

    /// Adds a segment.
    pub fn push(&mut self, segment: Segment, index: PackIndex, proof: Proof) {
        self.segments.push(segment);
        self.indexes.push(index);
        self.proofs.push(proof);
    }

    /// Returns the chain of the oldest `length` segments.
    #[must_use]
    pub fn prefix(&self, length: usize) -> Self {
        Self {
            segments: self.segments[..length].to_vec(),
            indexes: self.indexes[..length].to_vec(),
            proofs: self.proofs[..length].to_vec(),
        }
    }

    /// Tells whether one of the segments holds the object.
    pub fn holds(&self, id: &ObjectId) -> bool {
        self.indexes.as_slice().holds(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_large_base_is_not_written_again_for_small_pushes() {
        let mut sizes = vec![1_000_000_000u64];
        let mut written = 0;
        for _ in 0..1_000 {
            let kept = kept_length(&sizes);
            let folded: u64 = sizes[kept..].iter().sum();
            assert!(kept > 0, "the base stays");
            sizes.truncate(kept);
            sizes.push(folded + 1_000);
            written += folded + 1_000;
        }
        assert!(written < 200 * 1_000 * 1_000, "each byte is written again a few times only: {written}");
    }

    proptest! {
        #[test]
        fn a_chain_never_needs_more_than_its_bound(pushes in prop::collection::vec(1u64..1_000_000, 1..300)) {
            let mut sizes: Vec<u64> = vec![];
            for size in pushes {
                let kept = kept_length(&sizes);
                prop_assert!(kept <= sizes.len());
                let folded: u64 = sizes[kept..].iter().sum();
                sizes.truncate(kept);
                sizes.push(folded + size);
                prop_assert!(sizes.len() <= SEGMENTS_MAX);
            }
        }
    }
}
